"""Accuracy of tracking: on synthetic people, on real clips, and compared with the paper's authors' choices.

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
    parser.add_argument("--seconds", type=float, default=10.0, help="duration of each clip that is tracked")
    parser.add_argument("--people", type=int, default=20, help="number of synthetic people; 0 for none")
    parser.add_argument("--frames", type=int, default=40, help="frames of each synthetic person")
    options = parser.parse_args()
    model = bundled_model()
    if options.people:
        for one_sided in (False, True):
            people = (random_person(model, seed, options.frames, one_sided) for seed in range(options.people))
            print_synthetic([errors(model, person) for person in people], one_sided, options.frames)
    clips = [clip for path in options.clips for clip in (sorted(path.iterdir()) if path.is_dir() else [path])]
    figures = [clip_figures(model, clip, options.seconds) for clip in clips]
    if figures:
        print_clips(figures)
        print_authors(figures)


def print_synthetic(people: list[Errors], one_sided: bool, frames: int) -> None:
    turning = "heads turned mostly to one side" if one_sided else "heads turning 30 degrees to either side"
    table = Table(title=f"Synthetic people: {len(people)} x {frames} frames, {turning}")
    for heading in ("measure", "mean", "worst person", "target"):
        table.add_column(heading, justify="left" if heading == "measure" else "right")
    rows = (
        ("rotation, degrees", "rotation", "1.0"),
        ("rotation, without each person's mean error, degrees", "rotation_moving", ""),
        ("expression: mean distance of vertices' offsets, mm", "expression", "1.0"),
        ("expression, without each person's mean error, mm", "expression_moving", ""),
        ("identity: mean distance of neutral vertices after a similarity, mm", "identity", "1.6"),
        ("landmarks, % of the eye distance", "landmarks", ""),
        ("frames with a face, %", "found", ""),
    )
    for label, name, target in rows:
        values = np.array([getattr(person, name) for person in people]) * (100 if name == "found" else 1)
        worst = values.min() if name == "found" else values.max()
        table.add_row(label, f"{values.mean():.2f}", f"{worst:.2f}", target)
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
    targets = {"low": "23", "frame": "26", "clip": "26"}
    table.add_row("target", "1.0", "2.0", "0.08", "0.3", "0.97", "30", *(targets[kind] for kind in kinds), style="dim")
    console.print(table)
    for line in (
        "error: mean distance between projected and raw landmarks over the median distance of the irises.",
        "p95: 95th percentile of the same distances.",
        "jitter: mean absolute second difference of pitch, yaw and roll, and mean length of the second difference of",
        "  points fixed to the head, both in the second in which the head moves least.",
        "lips: standard deviation of the fitted lip opening over that of the raw one.",
        "frames/s: of decoding, landmarks, fit and albedo together.",
        "dB: PSNR of the render against the frame at full size, by albedo kind, inside its opaque pixels without a rim",
        "  of 4 % of the eye distance.",
    ):
        console.print(line)


def print_authors(figures: list[ClipFigures]) -> None:
    table = Table(title="The stillest second: each frame fitted by itself from five-point whole-pixel crops, and ours")
    for heading in ("mean over clips", "error %", "p95 %", "jitter °", "jitter px", "lips", "frames/s"):
        table.add_column(heading, justify="left" if heading.startswith("mean") else "right")
    table.add_row("authors' choices", *_cells(_mean([clip.authors_still for clip in figures])))
    table.add_row("ours", *_cells(_mean([clip.ours_still for clip in figures])))
    console.print(table)
    console.print("The authors' frames/s are of the fit alone, ours of all steps.")


def _cells(quality: Quality) -> list[str]:
    return [f"{quality.error:.2f}", f"{quality.p95:.2f}", f"{quality.jitter_degrees:.3f}",
            f"{quality.jitter_pixels:.2f}", f"{quality.lips:.3f}", f"{quality.speed:.0f}"]


def _mean(qualities: list[Quality]) -> Quality:
    return Quality(*np.mean([list(vars(quality).values()) for quality in qualities], axis=0))


if __name__ == "__main__":
    main()
