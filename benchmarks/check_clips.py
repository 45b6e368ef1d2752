"""What `headroom check` says about every clip of some folders: one row a clip, with its figures and warnings.

    python benchmarks/check_clips.py FOLDER …
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from headroom.common.errors import InputError
from headroom.evaluation.clip_check import check_clip

SUFFIXES = (".mp4", ".mov", ".mpg", ".mkv", ".webm")


def row(clip: Path) -> str:
    """Return the table's row of a clip."""
    start = time.perf_counter()
    try:
        result = check_clip(clip)
    except InputError as error:
        return f"| {clip.name} | refused | | | | | {error} |"
    figures, seconds = result.figures, time.perf_counter() - start
    size = "-" if figures.size is None else f"{figures.size:.0f}"
    offset = "-" if figures.offset_seconds is None else f"{1000 * figures.offset_seconds:+.0f}"
    return (f"| {clip.name} | {figures.usable_seconds:.1f} of {figures.seconds[1] - figures.seconds[0]:.1f} | {size} | "
            f"{figures.faces} | {offset} | {seconds:.1f} | {' '.join(result.warnings)} |")


if __name__ == "__main__":
    print("| clip | usable s | face px | people | sound later, ms | took s | warnings |")
    print("|---|---|---|---|---|---|---|")
    for folder in map(Path, sys.argv[1:]):
        for path in sorted(each for each in folder.iterdir() if each.suffix in SUFFIXES):
            print(row(path), flush=True)
