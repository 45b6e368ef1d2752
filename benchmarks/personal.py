"""Personal against general weights, on people who are in no weights.

    python benchmarks/personal.py DATASET... --cache FOLDER

Each person's clips are joined. The first part, at most 12 s, is learned, and the rest is measured: correlations of
predicted opening, width and protrusion of the lips with the tracked ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from data_sets import DIRECTIONS, Clip, lip_correlations, tracked_clips
from rich.console import Console
from rich.table import Table

from headroom.common.paths import MOTION_WEIGHTS
from headroom.face.performance import Performance
from headroom.motion.audio.timing import FRAME_RATE, FRAME_SAMPLES, cut_samples
from headroom.motion.model.model import MotionModel
from headroom.motion.train.personal import train_motion
from headroom.motion.train.sound_offset import shift_sound

LEARNED = 0.6  # of a person's frames
MAX_LEARNED = 300  # frames
COLUMNS = ("opening", "width", "protrusion")


def main(
    datasets: Annotated[list[Path], typer.Argument(help="Folders with a folder of clips for each person.")],
    cache: Annotated[Path, typer.Option(help="Folder for tracked clips.")] = Path("benchmark-cache"),
    weights: Annotated[Path, typer.Option(help="General weights.")] = MOTION_WEIGHTS,
    min_frames: Annotated[int, typer.Option(help="People with fewer frames are left out.")] = 150,
) -> None:
    general, people = MotionModel.load(weights), {}
    for clip in tracked_clips(datasets, cache, 1):
        people.setdefault(clip.person, []).append(clip)
    table = Table()
    for heading in ("", "s measured", *(f"{name} {column}" for column in COLUMNS for name in ("general", "personal"))):
        table.add_column(heading, justify="right" if heading else "left")
    scores, seconds = [], 0.0
    for name, clips in people.items():
        sound, motion = joined(clips)
        if len(motion) < min_frames:
            continue
        split = min(MAX_LEARNED, round(LEARNED * len(motion)))
        personal = train_motion(*cut(sound, motion, 0, split), DIRECTIONS, initial=general)
        sound, motion = cut(sound, motion, split, len(motion))
        sound = shift_sound(sound, personal.audio_offset_seconds)
        scores.append([lip_correlations(model, sound, motion) for model in (general, personal)])
        seconds += len(motion) / FRAME_RATE
        table.add_row(name, f"{len(motion) / FRAME_RATE:.1f}", *cells(np.array(scores[-1])))
    table.add_section()
    table.add_row(f"mean of {len(scores)}", f"{seconds:.1f}", *cells(np.mean(scores, 0)))
    console = Console(width=140)
    console.print(table)
    losers = sum(personal[0] < general[0] - 0.01 for general, personal in scores)
    console.print(f"The opening is worse by more than 0.01 for {losers} of {len(scores)} people.")


def joined(clips: list[Clip]) -> tuple[np.ndarray, Performance]:
    """Return a person's clips in a row: sound (N,) at 16 kHz and motion at 25 Hz."""
    sounds, motions = zip(*(clip.load() for clip in clips))
    values = (np.concatenate([getattr(motion, name) for motion in motions])
              for name in ("expression", "rotation", "translation"))
    sounds = [cut_samples(sound, 0, len(motion) * FRAME_SAMPLES) for sound, motion in zip(sounds, motions)]
    return np.concatenate(sounds), Performance(FRAME_RATE, *values)


def cut(sound: np.ndarray, motion: Performance, first: int, last: int) -> tuple[np.ndarray, Performance]:
    """Return the frames first..last-1."""
    values = (getattr(motion, name)[first:last] for name in ("expression", "rotation", "translation"))
    return sound[first * FRAME_SAMPLES:last * FRAME_SAMPLES], Performance(FRAME_RATE, *values)


def cells(scores: np.ndarray) -> list[str]:
    """Return the columns of correlations (2, 3) of both models."""
    return [f"{value:.3f}" for value in scores.T.ravel()]


if __name__ == "__main__":
    typer.run(main)
