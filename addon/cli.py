"""The command line inside Blender: `blender --command headroom …`, or the extension's zip run by Python.

Stdout gets one line of JSON for each job. Stderr gets progress as JSON lines `{"fraction", "message"}`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from . import chunk_commands, commands
from .core.backend_jobs import Connect
from .core.connection import Address, Connection
from .core.errors import Cancelled, HeadroomError, InputError
from .core.job_file import KINDS, REQUIRED, SUMMARIES, JobRequest, Setting, make_request, option, read_jobs
from .core.known_servers import KnownServers
from .core.messages import message
from .core.stdout import reserved_stdout
from .core.tasks import Step

EXIT_FAILED, EXIT_INPUT, EXIT_CANCELLED = 1, 2, 130


def main(argv: list[str]) -> int:
    """Run one command and return the exit code of the process."""
    try:
        args = parser().parse_args(argv)
    except SystemExit as end:  # argparse has printed the error or the help
        return int(end.code or 0)
    previous_handler = signal.signal(signal.SIGTERM, _interrupt)
    connection = Connection()
    try:
        connect = _no_backend if getattr(args, "plan", False) else _connect(_address(args), connection)
        with reserved_stdout() as write_line:
            return args.run(args, connect, lambda result: write_line(json.dumps(result, ensure_ascii=False)))
    except (KeyboardInterrupt, Cancelled):
        print("Stopped.", file=sys.stderr)
        return EXIT_CANCELLED
    except HeadroomError as error:
        print(error, file=sys.stderr)
        return EXIT_INPUT
    finally:
        connection.stop()
        signal.signal(signal.SIGTERM, previous_handler)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands and their options."""
    top = argparse.ArgumentParser(prog="headroom", description=__doc__)
    subparsers = top.add_subparsers(required=True, metavar="COMMAND")
    for kind, settings in KINDS.items():
        command = _add_command(subparsers, kind, run_one, SUMMARIES[kind])
        command.set_defaults(kind=kind)
        for name, setting in settings.items():
            _add_option(command, name, setting)
    batch = _add_command(subparsers, "batch", run_batch, "run the jobs of a job file in order")
    batch.add_argument("file", type=Path, help="job file, written by the panel or by hand as in docs/batch.md")
    batch.add_argument("--only", type=int, metavar="NUMBER", help="run this job of the file alone; the first is 1")
    batch.add_argument("--chunk-folder", type=Path, metavar="FOLDER", help="with --only: run a part of a job whose "
                       "shot is rendered in chunks, which this folder holds; without the two below, join them")
    part = batch.add_mutually_exclusive_group()
    part.add_argument("--chunk", type=float, metavar="SECONDS", help="prepare chunks of about this length")
    part.add_argument("--chunk-number", type=int, metavar="NUMBER", help="render this chunk; the first is 0")
    batch.add_argument("--plan", action="store_true", help="run nothing; write what each job reads and writes")
    return top


def run_one(args: argparse.Namespace, connect: Connect, write: Callable[[Any], None]) -> int:
    """Run a single job; its errors end the process."""
    given = {name: getattr(args, name) for name in KINDS[args.kind]}
    write(commands.run(make_request(args.kind, given, Path.cwd()), connect, _report))
    return 0


def run_batch(args: argparse.Namespace, connect: Connect, write: Callable[[Any], None]) -> int:
    """Run every job of a file, also after one has failed; return EXIT_FAILED if any has."""
    path, failed = args.file.absolute(), False
    jobs = list(enumerate(read_jobs(path), start=1))
    if args.only is not None and not 1 <= args.only <= len(jobs):
        raise InputError(message("{path} has no job {number}. Choose one from 1 to {count}.",
                                 path=path, number=args.only, count=len(jobs)))
    if args.chunk_folder:
        work = chunk_commands.part_of(args.chunk_folder.absolute(), args.chunk, args.chunk_number, connect, _report)
    else:
        def work(request: JobRequest) -> commands.Result:
            return commands.run(request, connect, _report)
    for number, entry in jobs:
        if args.only not in (None, number):
            continue
        if args.plan:
            line = commands.plan_entry(number, entry, path.parent)
        else:
            line = commands.run_entry(number, entry, path.parent, work)
        failed |= line["state"] == "failed"
        write(line)
    return EXIT_FAILED if failed and not args.plan else 0


def _add_command(subparsers: Any, name: str, run: Callable[..., int], summary: str) -> argparse.ArgumentParser:
    """Add a command with the options of the backend's address."""
    command = subparsers.add_parser(name, help=summary, description=summary)
    command.add_argument("--url", default="", help="backend server; its token is read from HEADROOM_TOKEN")
    command.add_argument("--fingerprint", default="", help="what the server's certificate must be, as it printed it; "
                                                           "otherwise it is remembered when the server is first used")
    command.add_argument("--python", default="", help="Python with the headroom package, to start a backend with; "
                                                      "the default is the backend in the extension's preferences")
    command.set_defaults(run=run)
    return command


def _add_option(command: argparse.ArgumentParser, name: str, setting: Setting) -> None:
    """Add a setting as an option."""
    common = {"dest": name, "help": setting.summary}
    if setting.value_type is bool:
        command.add_argument(option(name, setting), action="store_true", **common)
        return
    if setting.value_type is tuple:
        command.add_argument(option(name, setting), action="append", metavar="SUBJECT=SPEECH", default=[], **common)
        return
    default = None if setting.default is REQUIRED else setting.default
    command.add_argument(option(name, setting), type=setting.value_type, required=setting.default is REQUIRED,
                         default=default, choices=setting.choices or None, **common)


def _connect(address: Address, connection: Connection) -> Connect:
    return lambda: connection.client(address)


def _no_backend() -> NoReturn:
    raise AssertionError("A plan of a batch uses no backend.")


def _address(args: argparse.Namespace) -> Address:
    """Return the backend of the options, otherwise of the preferences. Raises InputError when Blender is offline."""
    import bpy

    from .ui import preferences

    if args.url:
        address = preferences.server_address(args.url, os.environ.get("HEADROOM_TOKEN", ""))
        if args.fingerprint:
            KnownServers(Path(address.known_servers)).expect(args.url, args.fingerprint)
    else:
        address = preferences.local_address(args.python) if args.python else preferences.address(bpy.context)
    if reason := preferences.offline_reason(address):
        raise InputError(message("{reason}. Start Blender with --online-mode.", reason=reason))
    return address


def _report(step: Step) -> None:
    """Print progress to stderr."""
    print(json.dumps({"fraction": round(step.fraction, 4), "message": step.message}, ensure_ascii=False),
          file=sys.stderr, flush=True)


def _interrupt(number: int, frame: object) -> None:
    """Handle SIGTERM as Ctrl-C, so that jobs are cancelled and temporary files removed."""
    raise KeyboardInterrupt
