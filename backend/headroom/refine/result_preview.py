"""The result so far of a refiner that is in training: a picture of one frame, true and refined, from time to time."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from headroom.common.progress import TrainingMonitor
from headroom.media.image import encoded_picture
from headroom.refine.dataset import TrainingPairs
from headroom.refine.generator import INPUT_FRAMES, Generator
from headroom.refine.inputs import CropPlate
from headroom.refine.refiner import Refiner, RefinerIdentity
from headroom.refine.region import RegionConfig
from headroom.refine.training_state import Schedule, TrainingState

PICTURE_SECONDS = 15.0
"""Time between two pictures."""
MAX_SHARE = 0.02
"""Of the training's time, for pictures. Where one takes long, they are shown less often."""


class ResultPreview:
    """Shows a monitor the result so far, and ends the training where the monitor wants that."""

    def __init__(self, pairs: TrainingPairs, region: RegionConfig, monitor: TrainingMonitor):
        """Show the left-out frame of `pairs`, or the first one where none is left out."""
        self._pairs, self._region, self._monitor = pairs, region, monitor
        self._next = 0.0
        self.notes: list[str] = []
        """What the user should know about a training that ended early."""

    def after(self, state: TrainingState, schedule: Schedule) -> bool:
        """Show a picture where one is due after a step; return whether the training ends here."""
        if self._monitor.wants_end():
            self.notes.append(early_note(schedule.done(state.step)))
            return True
        start = time.monotonic()
        if start >= self._next:
            picture = result_picture(state.average_generator, self._pairs, self._region)
            self._monitor.show(encoded_picture(picture, ".jpg"))
            end = time.monotonic()
            self._next = end + max(PICTURE_SECONDS, (end - start) / MAX_SHARE)
        return False


def early_note(done: str) -> str:
    """Return what the user should know about a training that ended early; `done` says how much of it was done."""
    return (f"The refiner was trained for {done}, because learning was finished early. Learn the clip again for the "
            "rest.")


def result_picture(generator: Generator, pairs: TrainingPairs, region: RegionConfig) -> NDArray[np.uint8]:
    """Return a frame's true crop and, right of it, the refined one over its plate: (R, 2 R, 3)."""
    frame = pairs.left_out or 0
    times = [max(frame - back, 0) for back in reversed(range(INPUT_FRAMES))]
    plates = [_plate(pairs, each) for each in times]
    identity = RefinerIdentity(pairs.identity.mean(0), pairs.identity_feature)
    refiner = Refiner(generator, identity, region, pairs.frames.shape[1], next(generator.parameters()).device.type)
    frames = zip(pairs.renders[times], plates)
    colours, mask = next(refiner.refine(frames, context=INPUT_FRAMES - 1))
    plate = plates[-1].picture.astype(np.float32)
    finished = (plate + mask[..., None] * (colours - plate) + 0.5).clip(0, 255).astype(np.uint8)
    return np.hstack([pairs.frames[frame], finished])


def _plate(pairs: TrainingPairs, frame: int) -> CropPlate:
    """Return the reprojected plate of a frame, or the frame itself, whose face will be erased."""
    if pairs.plates is None:
        return CropPlate(pairs.frames[frame])
    return CropPlate(pairs.plates[frame][..., :3], pairs.plates[frame][..., 3])
