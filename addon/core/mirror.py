"""The mirror image of a performance: what one side of the face does, the other side does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .arkit import ARKIT_NAMES, other_side
from .errors import InputError
from .messages import message
from .performance import Performance
from .performance_files import ControlTrack
from .rig import Rig

_TURN = np.array([1.0, -1.0, -1.0], dtype=np.float32)
"""Signs of pitch, yaw and roll in the mirror."""
_SIDE = np.array([-1.0, 1.0, 1.0], dtype=np.float32)
"""Signs of the axes of the model and of the camera."""
_SAMPLES = 1000
"""Vertices by which a mode is compared with its mirror image; a model may have fifty thousand."""
_LEAST_LIKENESS = 0.9
"""Correlation with the mirror image. Modes of the bundled model have 0.99 and more."""


def mirrored(performance: Performance, rig: Rig) -> Performance:
    """Return the mirror image of a performance of the head of a rig; that of the mirror image is the performance.

    Yaw and roll change their signs. The head stays where it is in the picture: its motion to the sides changes sides
    about its usual position.

    Raises InputError for motion that the controls do not make, of a face model whose sides move differently.
    """
    controls, without_detail = performance.controls, False
    if controls is not None and len(rig.controls):
        controls = controls[:, partners(rig.control_names.tolist())]
        without_detail = performance.detail_share == 0
    expression = controls @ rig.controls if without_detail else performance.expression * mode_signs(rig)
    return replace(performance, expression=expression, controls=controls, rotation=performance.rotation * _TURN,
                   translation=_across(performance.translation, rig.rest_translation[0]))


def mirrored_track(track: ControlTrack) -> ControlTrack:
    """Return the mirror image of what a performance does to any face.

    Motion to the sides changes sides about its median.
    """
    translation = track.translation
    if translation is not None:
        translation = _across(translation, np.median(translation[:, 0]))
    return replace(track, controls=track.controls[:, partners(ARKIT_NAMES)], rotation=track.rotation * _TURN,
                   translation=translation)


def _across(translation: np.ndarray, middle: float) -> np.ndarray:
    """Return a motion (T, 3), millimetres, whose sides have changed about `middle`."""
    return translation * _SIDE + np.array([2 * middle, 0, 0], dtype=np.float32)


def partners(names: Sequence[str]) -> list[int]:
    """Return for each control the index of that on the other side, its own for one in the middle."""
    index = {name: number for number, name in enumerate(names)}
    return [index.get(other_side(name), number) for number, name in enumerate(names)]


def mode_signs(rig: Rig) -> np.ndarray:
    """Return for each mode of the face (E,) float32 whether its mirror image is itself, 1, or its opposite, -1.

    Raises InputError for a face model that has other modes.
    """
    chosen = np.unique(np.linspace(0, len(rig.uv) - 1, _SAMPLES).astype(int))
    across = rig.uv[chosen] * (-1, 1) + (1, 0)  # the texture's layout is symmetric, and the same for every person
    partner = [int(np.square(rig.uv - place).sum(1).argmin()) for place in across]
    modes, images = rig.expression[:, chosen], rig.expression[:, partner] * _SIDE
    size = np.sqrt(np.square(modes).sum((1, 2)) * np.square(images).sum((1, 2)))
    likeness = np.where(size > 0, (modes * images).sum((1, 2)) / np.where(size > 0, size, 1), 1)
    if (np.abs(likeness) < _LEAST_LIKENESS).any():
        raise InputError(message("The two sides of this face model move differently, so a performance's detail has no "
                                 "mirror image. Mirror a .csv or .json, which have no detail."))
    return np.sign(likeness).astype(np.float32)
