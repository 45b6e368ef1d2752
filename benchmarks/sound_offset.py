"""The search for the sound's offset: how often it is right, wrong or not certain.

    python benchmarks/sound_offset.py DATASET... --cache FOLDER

The sound of each clip is moved by -240 to 240 ms. The offset found is right within 40 ms of the one found for the clip
as it is, plus the movement. Use clips of people who are not in the weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from data_sets import offset_of, tracked_clips
from rich.console import Console

from headroom.common.paths import MOTION_WEIGHTS
from headroom.motion.model.model import MotionModel
from headroom.motion.train.sound_offset import shift_sound

TOLERANCE = 0.041  # seconds


def main(
    datasets: Annotated[list[Path], typer.Argument(help="Clips, or folders of clips.")],
    cache: Annotated[Path, typer.Option(help="Folder for tracked clips.")] = Path("benchmark-cache"),
    weights: Annotated[Path, typer.Option(help="General weights.")] = MOTION_WEIGHTS,
    min_frames: Annotated[int, typer.Option(help="Shorter clips are left out.")] = 50,
    step: Annotated[int, typer.Option(help="Milliseconds between the movements.")] = 40,
) -> None:
    model, results, unknown = MotionModel.load(weights), [], 0
    clips = tracked_clips(datasets, cache, min_frames)
    for clip in clips:
        sound, motion = clip.load()
        reference = offset_of(model, sound, motion)
        unknown += not reference.certain
        if reference.certain:
            for milliseconds in range(-240, 241, step):
                found = offset_of(model, shift_sound(sound, -milliseconds / 1000), motion)
                error = abs(found.seconds - reference.seconds - milliseconds / 1000)
                results.append("not certain" if not found.certain else "right" if error <= TOLERANCE else "wrong")
    shares = {name: np.mean([each == name for each in results]) for name in ("right", "not certain", "wrong")}
    Console(width=120).print(f"{len(clips)} clips, {unknown} of them without a certain offset; {len(results)} moved "
                             "sounds: " + ", ".join(f"{name} {share:.1%}" for name, share in shares.items()))


if __name__ == "__main__":
    typer.run(main)
