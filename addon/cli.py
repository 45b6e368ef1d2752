"""The command line inside Blender: `blender --command headroom …`, or the extension's zip run by Python.

Progress goes to stderr as JSON lines `{"fraction", "message"}`; the last line of stdout is the result as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .core import remote
from .core.connection import Address, Connection
from .core.errors import Cancelled, HeadroomError
from .core.stdout import own_stdout
from .core.tasks import Step, Watch, run_blocking

EXIT_INPUT, EXIT_CANCELLED = 2, 130


def main(argv: list[str]) -> int:
    """Run one command and return the process's exit code."""
    try:
        args = parser().parse_args(argv)
    except SystemExit as end:  # argparse has printed what is wrong, or the help
        return int(end.code or 0)
    earlier = signal.signal(signal.SIGTERM, _interrupt)
    connection = Connection()
    try:
        with own_stdout() as write_line:
            result = args.run(args, lambda: connection.client(_address(args)), _report)
            write_line(json.dumps(result, ensure_ascii=False))
        return 0
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
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    learn = _command(commands, "learn", run_learn, "learn a person from a clip")
    learn.add_argument("--clip", type=Path, required=True, help="video of one person speaking")
    learn.add_argument("--output", type=Path, required=True, help="subject folder to write")
    learn.add_argument("--name", default="", help="the person's name")
    learn.add_argument("--consent", action="store_true", help="the person shown has agreed to this use")
    learn.add_argument("--preset", choices=("draft", "standard", "paper"), default="draft")
    learn.add_argument("--from", dest="from_seconds", type=float, default=0.0, help="seconds")
    learn.add_argument("--to", dest="to_seconds", type=float, default=0.0, help="seconds; 0 is the clip's end")

    perform = _command(commands, "perform", run_perform, "predict motion from speech")
    shot = _command(commands, "shot", run_shot, "make a finished movie and an editable .blend")
    for command in (perform, shot):
        command.add_argument("--subject", type=Path, required=True, help="subject folder")
        command.add_argument("--speech", type=Path, required=True, help="sound file")
        command.add_argument("--output", type=Path, required=True, help="file to write")
        command.add_argument("--seed", type=int, default=0)
    shot.add_argument("--blend", type=Path, help="also save the scene here")
    shot.add_argument("--performance", type=Path, help="performance.npz to use instead of predicting one")
    shot.add_argument("--plate-fit", type=float, default=0.0, help="0 keeps the pose, 1 takes the plate's")
    return top


def run_learn(args: argparse.Namespace, connect: Callable[[], Any], report: Callable[[Step], None]) -> dict[str, Any]:
    """`learn`: the subject folder appears when everything is there."""
    from .scene.produce import learn_subject

    notes = run_blocking(learn_subject(args.clip, args.output, learn_settings(args), connect), report)
    return {"subject": str(args.output), "notes": list(notes)}


def learn_settings(args: argparse.Namespace) -> dict[str, Any]:
    """What the `learn` job is told beside the clip."""
    return {"preset": args.preset, "from_seconds": args.from_seconds, "to_seconds": args.to_seconds or None,
            "name": args.name, "consent": args.consent}


def run_perform(args: argparse.Namespace, connect: Callable[[], Any], report: Callable[[Step], None]
                ) -> dict[str, Any]:
    """`perform`: a performance.npz and no scene."""
    from .core.subject import Subject
    from .scene.produce import publish, require_file, require_writable

    require_file(args.speech, "speech")
    require_writable(args.output.parent)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "performance.npz"
        notes = remote.perform(connect(), Subject.open(args.subject).folder, args.speech, path, args.seed,
                               Watch(report))
        publish(path, args.output)
    return {"performance": str(args.output), "notes": notes}


def run_shot(args: argparse.Namespace, connect: Callable[[], Any], report: Callable[[Step], None]) -> dict[str, Any]:
    """`shot`: an empty file, one subject, one speech, one movie."""
    from .scene import headless

    result = headless.make_shot(args.subject, args.speech, args.output, args.performance, args.seed, args.plate_fit,
                                connect, report)
    if args.blend:
        headless.save_blend(args.blend)
    return {"movie": str(result.movie), "blend": str(args.blend) if args.blend else None, "frames": result.frames,
            "notes": list(result.notes)}


def _command(commands: Any, name: str, run: Callable[..., dict[str, Any]], summary: str) -> argparse.ArgumentParser:
    """One command with the options that say where the backend is."""
    command = commands.add_parser(name, help=summary, description=summary)
    command.add_argument("--url", default="", help="backend server; its token is read from HEADROOM_TOKEN")
    command.add_argument("--python", default="", help="Python that has the headroom package, to start a backend with")
    command.set_defaults(run=run)
    return command


def _address(args: argparse.Namespace) -> Address:
    python = args.python or os.environ.get("HEADROOM_PYTHON", "")
    return Address(args.url, os.environ.get("HEADROOM_TOKEN", ""), python)


def _report(step: Step) -> None:
    print(json.dumps({"fraction": round(step.fraction, 4), "message": step.message}, ensure_ascii=False),
          file=sys.stderr, flush=True)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
