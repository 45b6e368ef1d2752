"""General motion weights, measured on people whom their training has left out.

    python benchmarks/left_out.py DATASET... --cache FOLDER

The people are split into groups; for each group, weights are trained on the other people and measured on it, after the
sound is synchronised as `learn` does. Correlations of the lips with the tracked ones are means over a person's clips,
weighted by length, then over people.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from data_sets import DIRECTIONS, lip_correlations, synchronised_clips, tracked_clips
from rich.console import Console
from rich.table import Table

from headroom.motion.train.general import train_general
from headroom.training.datasets import MotionClips


def main(
    datasets: Annotated[list[Path], typer.Argument(help="Folders with a folder of clips for each person.")],
    cache: Annotated[Path, typer.Option(help="Folder for tracked clips.")] = Path("benchmark-cache"),
    groups: Annotated[int, typer.Option(help="Number of trainings.", min=2)] = 6,
    min_frames: Annotated[int, typer.Option(help="Shorter clips are not measured.")] = 50,
) -> None:
    clips = tracked_clips(datasets, cache, 1)
    people = sorted({clip.person for clip in clips})
    scores: dict[str, list[tuple[int, np.ndarray]]] = {}
    for group in np.array_split(np.random.default_rng(0).permutation(people), groups):
        training = {clip.source: clip.track for clip in clips if clip.person not in group}
        model = train_general(MotionClips(training), DIRECTIONS, None)
        left_out = [clip for clip in clips if clip.person in group and len(clip.load()[1]) >= min_frames]
        for clip, sound, motion in synchronised_clips(model, left_out):
            scores.setdefault(clip.person, []).append((len(motion), lip_correlations(model, sound, motion)))
    table = Table(title=f"{len(scores)} people left out, {sum(n for s in scores.values() for n, _ in s) / 25:.0f} s")
    for heading in ("", "opening", "width", "protrusion"):
        table.add_column(heading, justify="right")
    means = np.array([np.average([c for _, c in s], axis=0, weights=[n for n, _ in s]) for s in scores.values()])
    for name, values in (("mean", means.mean(0)), ("median", np.median(means, 0)), ("worst person", means.min(0))):
        table.add_row(name, *(f"{value:.3f}" for value in values))
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
