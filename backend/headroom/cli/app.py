"""The command line `headroom`: its commands, the options before them, and its exit codes."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from headroom import __version__
from headroom.cli.commands import batch, measure, model, serve, speech, subject, system, train
from headroom.cli.console import EXIT_CANCELLED, exit_code_of, without_native_logs
from headroom.common.choices import Device
from headroom.common.device import DEVICE_VARIABLE
from headroom.common.errors import Cancelled
from headroom.common.failures import explain_failures
from headroom.common.paths import CERTIFICATE_VARIABLE, CREDENTIALS_VARIABLE, WATERMARK_VARIABLE
from headroom.common.temporary import remove_abandoned

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
                  context_settings={"help_option_names": ["-h", "--help"]},
                  help="A short video of a person and a speech recording in, an editable performance and a shot out.")
app.add_typer(model.app, name="model")
app.add_typer(train.app, name="train")
app.add_typer(serve.app, name="serve")
for command in (measure.check, subject.learn, subject.consent, subject.forget, subject.upgrade, measure.track,
                speech.perform, speech.shot, batch.batch, measure.evaluate, subject.export, system.inspect, system.demo,
                system.doctor):
    app.command()(command)


@app.callback(invoke_without_command=True)
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    device: Annotated[Device, typer.Option(
        envvar=DEVICE_VARIABLE, help="The device of the networks; auto is a GPU if there is one.")] = "auto",
    credentials: Annotated[bool, typer.Option(
        "--credentials/--no-credentials", help="Whether movies and pictures get signed content credentials and XMP, "
                                               "which say that they are AI-generated.")] = True,
    watermark: Annotated[bool, typer.Option(
        "--watermark/--no-watermark", help="Whether generated faces get a watermark that is not seen, and that "
                                           "`inspect` finds again.")] = True,
    certificate: Annotated[Path | None, typer.Option(
        envvar=CERTIFICATE_VARIABLE, help="PEM file with a private key and its certificate to sign them with, instead "
                                          "of one that is made on first use.")] = None,
) -> None:
    """Apply the options before the command; `main` has removed --debug."""
    os.environ[DEVICE_VARIABLE] = device  # also for the processes that a command starts
    if not credentials:
        os.environ[CREDENTIALS_VARIABLE] = "off"
    if not watermark:
        os.environ[WATERMARK_VARIABLE] = "off"
    if certificate is not None:
        os.environ[CERTIFICATE_VARIABLE] = str(certificate.absolute())
    if version:
        print(__version__)
        raise typer.Exit


def main() -> NoReturn:
    """Run one command and exit. An error becomes one sentence and an exit code, Ctrl-C becomes 130."""
    signal.signal(signal.SIGTERM, _interrupt)
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]  # allowed anywhere
    remove_abandoned(Path(tempfile.gettempdir()))
    logs = nullcontext() if debug or "serve" in arguments[:1] else without_native_logs()
    with logs:
        code = _run(arguments, debug)
    _flush_stdout()
    sys.exit(code)


def _flush_stdout() -> None:
    """Write what stdout still holds; where that is impossible, drop it, because Python would report it once more."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: list[str], debug: bool) -> int:
    try:
        with explain_failures():
            code = app(arguments, prog_name="headroom", standalone_mode=False)
            sys.stdout.flush()  # a full disk or a closed pipe shows up here
        if code == EXIT_CANCELLED:  # typer returns this for Ctrl-C
            code = exit_code_of(Cancelled(), debug)
    except typer.Exit as exit_request:
        code = exit_request.exit_code
    except (Exception, KeyboardInterrupt) as error:
        code = _usage_error_code(error)
        code = exit_code_of(error, debug) if code is None else code
    return code or 0


def _usage_error_code(error: BaseException) -> int | None:
    """Print typer's message about a mistyped command and return its exit code; None for any other error."""
    show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
    if show is None or code is None:
        return None
    show()
    return int(code)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
