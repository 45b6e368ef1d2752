"""How good tracking is: made-up people whose coefficients are known, real clips, and the authors' choices beside ours.

    python benchmarks/track.py --clips FOLDER_OR_CLIP…
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from track_real import ClipFigures, Quality, clip_figures
from track_synthetic import Errors, errors, random_person

from headroom.face.model import bundled_model

console = Console(width=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", nargs="*", type=Path, default=[], help="clips, or folders of clips")
    parser.add_argument("--seconds", type=float, default=10.0, help="how much of each clip")
    parser.add_argument("--people", type=int, default=20, help="made-up people; 0 leaves them out")
    parser.add_argument("--frames", type=int, default=40, help="frames of each made-up person")
    given = parser.parse_args()
    model = bundled_model()
    if given.people:
        for wandering in (False, True):
            people = (random_person(model, seed, given.frames, wandering) for seed in range(given.people))
            print_made_up([errors(model, person) for person in people], wandering, given.frames)
    clips = [clip for path in given.clips for clip in (sorted(path.iterdir()) if path.is_dir() else [path])]
    figures = [clip_figures(model, clip, given.seconds) for clip in clips]
    if figures:
        print_clips(figures)
        print_authors(figures)


def print_made_up(found: list[Errors], wandering: bool, frames: int) -> None:
    turning = "heads wandering, mostly on one side" if wandering else "heads turning 30 degrees either way"
    table = Table(title=f"Made-up people: {len(found)} x {frames} frames, {turning}")
    for heading in ("measure", "mean", "worst person", "bar"):
        table.add_column(heading, justify="left" if heading == "measure" else "right")
    rows = (
        ("rotation, a person's constant offset included, degrees", "rotation", "1.0"),
        ("rotation, without that offset, degrees", "rotation_moving", ""),
        ("expression: mean distance of vertices' offsets, mm", "expression", "1.0"),
        ("expression, without a person's constant offset, mm", "expression_moving", ""),
        ("identity: mean distance of neutral vertices after a similarity, mm", "identity", "1.6"),
        ("landmarks, of the eye distance, %", "landmarks", ""),
        ("frames with a face, %", "found", ""),
    )
    for label, name, bar in rows:
        values = np.array([getattr(person, name) for person in found]) * (100 if name == "found" else 1)
        worst = values.min() if name == "found" else values.max()
        table.add_row(label, f"{values.mean():.2f}", f"{worst:.2f}", bar)
    console.print(table)


def print_clips(figures: list[ClipFigures]) -> None:
    kinds = list(figures[0].psnr)
    table = Table(title="Real clips")
    measures = ("error %", "p95 %", "jitter °", "jitter px", "lips", "frames/s")
    for heading in ("clip", *measures, *(f"{kind} dB" for kind in kinds)):
        table.add_column(heading, justify="left" if heading == "clip" else "right")
    for clip in figures:
        table.add_row(clip.name, *_cells(clip.ours), *(f"{clip.psnr[kind]:.1f}" for kind in kinds))
    means = [float(np.mean([clip.psnr[kind] for clip in figures])) for kind in kinds]
    table.add_row("mean", *_cells(_mean([clip.ours for clip in figures])), *(f"{mean:.1f}" for mean in means),
                  style="bold")
    bars = {"low": "23", "frame": "26", "clip": "26"}
    table.add_row("bar", "1.0", "2.0", "0.08", "0.3", "0.97", "30", *(bars[kind] for kind in kinds), style="dim")
    console.print(table)
    for line in (
        "error: projected against raw landmarks, all of them in all frames, over the median distance of the irises.",
        "p95: the 95th percentile of the same errors.",
        "jitter: mean absolute second difference of pitch, yaw and roll, and mean length of the second difference of",
        "  points fixed to the head, both in the second in which the head moves least.",
        "lips: standard deviation of the fitted opening over that of the raw one.",
        "frames/s: decoding, landmarks, fit and albedo.",
        "dB: PSNR of the plain re-render at full size, by albedo kind, inside its solid pixels less a rim of 4 % of",
        "  the eye distance.",
    ):
        console.print(line)


def print_authors(figures: list[ClipFigures]) -> None:
    table = Table(title="The stillest second: each frame by itself from five-point whole-pixel crops, and ours")
    for heading in ("mean over clips", "error %", "p95 %", "jitter °", "jitter px", "lips", "frames/s"):
        table.add_column(heading, justify="left" if heading.startswith("mean") else "right")
    table.add_row("authors' choices", *_cells(_mean([clip.authors_still for clip in figures])))
    table.add_row("ours", *_cells(_mean([clip.ours_still for clip in figures])))
    console.print(table)
    console.print("The authors' frames/s are of the fit alone; ours are of everything.")


def _cells(quality: Quality) -> list[str]:
    return [f"{quality.error:.2f}", f"{quality.p95:.2f}", f"{quality.jitter_degrees:.3f}",
            f"{quality.jitter_pixels:.2f}", f"{quality.lips:.3f}", f"{quality.speed:.0f}"]


def _mean(qualities: list[Quality]) -> Quality:
    return Quality(*np.mean([list(vars(quality).values()) for quality in qualities], axis=0))


if __name__ == "__main__":
    main()
