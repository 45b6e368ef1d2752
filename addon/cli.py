"""The command line inside Blender: `blender --command headroom …`, or the extension's zip run by Python.

Progress goes to stderr as JSON lines `{"fraction", "message"}`; stdout gets one line of JSON for each job.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import commands
from .core.backend_jobs import Connect
from .core.connection import Address, Connection
from .core.errors import Cancelled, HeadroomError, InputError
from .core.job_file import KINDS, REQUIRED, SUMMARIES, Setting, make_request, option, read_jobs
from .core.stdout import own_stdout
from .core.tasks import Step

EXIT_FAILED, EXIT_INPUT, EXIT_CANCELLED = 1, 2, 130


def main(argv: list[str]) -> int:
    """Run one command and return the process's exit code."""
    try:
        args = parser().parse_args(argv)
    except SystemExit as end:  # argparse has printed what is wrong, or the help
        return int(end.code or 0)
    earlier = signal.signal(signal.SIGTERM, _interrupt)
    connection = Connection()
    try:
        address = _address(args)
        with own_stdout() as write_line:
            return args.run(args, lambda: connection.client(address),
                            lambda line: write_line(json.dumps(line, ensure_ascii=False)))
    except (KeyboardInterrupt, Cancelled):
        print("Stopped.", file=sys.stderr)
        return EXIT_CANCELLED
    except HeadroomError as error:
        print(error, file=sys.stderr)
        return EXIT_INPUT
    finally:
        connection.stop()
        signal.signal(signal.SIGTERM, earlier)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="headroom", description=__doc__)
    names = top.add_subparsers(required=True, metavar="COMMAND")
    for kind, settings in KINDS.items():
        command = _command(names, kind, run_one, SUMMARIES[kind])
        command.set_defaults(kind=kind)
        for name, setting in settings.items():
            _add_option(command, name, setting)
    batch = _command(names, "batch", run_batch, "run the jobs of a job file, one after the other")
    batch.add_argument("file", type=Path, help="job file; the panel writes one, docs/batch.md describes it")
    return top


def run_one(args: argparse.Namespace, connect: Connect, write: Callable[[Any], None]) -> int:
    """A single job; its mistakes are the process's."""
    given = {name: getattr(args, name) for name in KINDS[args.kind]}
    write(commands.run(make_request(args.kind, given, Path.cwd()), connect, _report))
    return 0


def run_batch(args: argparse.Namespace, connect: Connect, write: Callable[[Any], None]) -> int:
    """Every job of a file; one that fails does not keep the next from running. 1 when any has failed."""
    path, failed = args.file.absolute(), False
    for number, entry in enumerate(read_jobs(path), start=1):
        line = commands.run_entry(number, entry, path.parent, connect, _report)
        failed |= line["state"] == "failed"
        write(line)
    return EXIT_FAILED if failed else 0


def _command(names: Any, name: str, run: Callable[..., int], summary: str) -> argparse.ArgumentParser:
    """One command with the options that say where the backend is."""
    command = names.add_parser(name, help=summary, description=summary)
    command.add_argument("--url", default="", help="backend server; its token is read from HEADROOM_TOKEN")
    command.add_argument("--python", default="", help="Python that has the headroom package, to start a backend with; "
                                                      "without these two the extension's preferences say")
    command.set_defaults(run=run)
    return command


def _add_option(command: argparse.ArgumentParser, name: str, setting: Setting) -> None:
    """A setting as an option."""
    words = {"dest": name, "help": setting.summary}
    if setting.value_type is bool:
        command.add_argument(option(name, setting), action="store_true", **words)
        return
    default = None if setting.default is REQUIRED else setting.default
    command.add_argument(option(name, setting), type=setting.value_type, required=setting.default is REQUIRED,
                         default=default, choices=setting.choices or None, **words)


def _address(args: argparse.Namespace) -> Address:
    """The backend of the options, otherwise of the preferences; Blender's Online Access is respected."""
    import bpy

    from .ui import preferences

    if args.url:
        found = Address(args.url, os.environ.get("HEADROOM_TOKEN", ""))
    else:
        found = preferences.local(args.python) if args.python else preferences.address(bpy.context)
    if refusal := preferences.refusal(found):
        raise InputError(f"{refusal}. Start Blender with --online-mode.")
    return found


def _report(step: Step) -> None:
    print(json.dumps({"fraction": round(step.fraction, 4), "message": step.message}, ensure_ascii=False),
          file=sys.stderr, flush=True)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
