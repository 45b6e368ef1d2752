"""Commands around the installation and around finished files: demo, doctor, inspect."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headroom.cli.console import EXIT_FAILED, out, print_notes, progress_bar
from headroom.cli.options import EngineOption
from headroom.common.outputs import SUBJECT_BYTES, require_output_folder, require_own_files
from headroom.common.progress import no_progress

if TYPE_CHECKING:
    from headroom.track.watermark.find import FoundWatermark


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path("headroom-demo"),
    engine: EngineOption = "auto",
) -> None:
    """Learn the bundled sample, perform the bundled speech and make a shot of it."""
    require_output_folder(output, bytes_needed=SUBJECT_BYTES)
    from headroom.cli.demo import BLEND, MOVIE, run_demo

    require_own_files(output, (MOVIE, BLEND))
    with progress_bar() as progress:
        paths, notes = run_demo(output, engine, progress)
    print_notes(notes)
    for path in paths:
        out.print(f"Wrote {path}", markup=False)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Check the installation: print what is installed, what is missing and what to do about it."""
    from headroom.cli.doctor import examine
    from headroom.cli.tables import print_findings

    findings = examine()
    if as_json:
        print(json.dumps([vars(finding) for finding in findings], indent=2))
    else:
        print_findings(out, findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EXIT_FAILED)


def inspect(
    file: Annotated[Path, typer.Argument(help="Movie, picture or sound, by Headroom or by others.",
                                         show_default=False)],
) -> None:
    """Say what a file says about itself: content credentials and whether they are valid, XMP, comment and watermark."""
    from headroom.media.credentials.inspect import inspect_file

    found = inspect_file(file)
    for line in found.lines:
        out.print(line, markup=False, soft_wrap=True)
    mark = _watermark(file)
    if mark is not None:
        out.print(mark.text, markup=False, soft_wrap=True)
    if not found.lines and (mark is None or not mark.is_found):
        out.print(f"{file.name} says nothing about how it was made.", markup=False)
        raise typer.Exit(EXIT_FAILED)


def _watermark(file: Path) -> FoundWatermark | None:
    """Return the result of the search for a watermark; None for a file that has none to look for."""
    from headroom.common.errors import InputError
    from headroom.track.watermark.find import find_watermark

    try:
        with progress_bar() if out.is_terminal else nullcontext(no_progress) as progress:
            return find_watermark(file, progress)
    except InputError:  # a picture, a sound, or a damaged movie
        return None
