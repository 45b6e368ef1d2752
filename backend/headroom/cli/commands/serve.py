"""Commands of the server: serve, serve token add, serve token list, serve token revoke."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headroom.cli.console import out

if TYPE_CHECKING:
    from headroom.server.access.tokens import Tokens

app = typer.Typer(invoke_without_command=True)
token_app = typer.Typer(no_args_is_help=True, help="Give users access to a server that other machines can reach.")
app.add_typer(token_app, name="token")

DataOption = Annotated[Path | None, typer.Option(help="Folder for jobs and files.")]


@app.callback()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on. Others than loopback ones need --tls and "
                                           "tokens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free port.", min=0, max=65535)] = 0,
    data: DataOption = None,
    tls: Annotated[bool, typer.Option("--tls", help="Encrypt connections, with a certificate that is made on first "
                                                    "start unless --certificate names one.")] = False,
    certificate: Annotated[Path | None, typer.Option(
        help="PEM file with a private key and its certificate for --tls.")] = None,
    limits: Annotated[Path | None, typer.Option(help="TOML file with limits; see docs/server.md.")] = None,
    workers: Annotated[int, typer.Option(help="Number of jobs that run at a time; 0 takes one for each NVIDIA GPU.",
                                         min=0, max=64)] = 1,
    drain: Annotated[float, typer.Option(help="Seconds that running jobs may take to end after SIGTERM; after that "
                                              "they are queued again.", min=0, max=86400)] = 0,
    exit_with_parent: Annotated[int | None, typer.Option(help="Stop when this process has ended.", metavar="PID",
                                                         min=1)] = None,
) -> None:
    """Serve the Blender add-on over HTTP. The first line printed is {"url", "token", "pid"}."""
    if context.invoked_subcommand is not None:
        return
    from headroom.server.serve import ServeOptions
    from headroom.server.serve import serve as serve_until_stopped

    serve_until_stopped(ServeOptions(host, port, data, tls, certificate, limits, workers, drain, exit_with_parent))


@token_app.command("add")
def add_token(
    user: Annotated[str, typer.Argument(help="Name of the user.", show_default=False)],
    label: Annotated[str, typer.Option(help="What the token is for, such as a machine's name.")] = "",
    until: Annotated[str, typer.Option(help="Last day on which it is accepted, as 2027-05-02.", metavar="DAY")] = "",
    metrics: Annotated[bool, typer.Option("--metrics", help="The token reads the measures and nothing else.")] = False,
    data: DataOption = None,
) -> None:
    """Make a token and print it. It is not stored, so it cannot be shown again."""
    secret, token = _tokens(data).add(user, label, until, "metrics" if metrics else "user")
    typer.echo(f"Token {token.id} of {token.user}, {_end(token.until)}:", err=True)
    print(secret)


@token_app.command("list")
def list_tokens(
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the tokens as JSON.")] = False,
) -> None:
    """List all tokens, without the tokens themselves."""
    tokens = _tokens(data).all()
    if as_json:
        print(json.dumps([{name: value for name, value in vars(token).items() if name != "digest"}
                          for token in tokens], indent=2))
        return
    from headroom.cli.tables import print_tokens

    print_tokens(out, tokens)


@token_app.command("revoke")
def revoke_token(
    name: Annotated[str, typer.Argument(help="Id of a token, or name of a user for all of theirs.",
                                        show_default=False)],
    data: DataOption = None,
) -> None:
    """Revoke tokens at once, also for a server that runs."""
    for token in _tokens(data).revoke(name):
        out.print(f"Revoked the token {token.id} of {token.user}", markup=False)


def _tokens(data: Path | None) -> Tokens:
    from headroom.common.paths import cache_folder
    from headroom.server.access.tokens import Tokens

    return Tokens(data or cache_folder())


def _end(until: str) -> str:
    return f"accepted until {until}" if until else "without an end"
