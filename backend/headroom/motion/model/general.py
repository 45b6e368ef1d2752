"""The bundled general model, which personal learning starts from."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from headroom.common.paths import MOTION_WEIGHTS
from headroom.motion.model.model import MotionModel

SAME_BASIS = 0.01  # two expression bases are the same where their lip openings differ by less, relative to the largest


def general_model(lip_opening: np.ndarray | None = None) -> MotionModel | None:
    """Return the bundled model of many people.

    lip_opening: (64,) of the face model in use, millimetres per unit; None for the bundled face model.

    Returns None where the weights are missing or belong to another face model's expressions.
    """
    if not MOTION_WEIGHTS.is_file():
        return None
    model = _loaded(MOTION_WEIGHTS)
    own = model.style.lip_opening
    if lip_opening is not None and np.abs(own - lip_opening).max() > SAME_BASIS * np.abs(own).max():
        return None
    return model


@lru_cache(maxsize=1)
def _loaded(path: Path) -> MotionModel:
    """Read a model once per process; nobody changes it, because models are immutable values."""
    return MotionModel.load(path)
