"""The rig: `rig.npz` of a subject folder, from which Blender builds a head and its cameras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .messages import message
from .stored import FPS, Array, Damaged, read_npz, require_arrays

KEY_LIMIT = 10.0
"""Blender limits shape key values to -10..10."""
RANGE_SIGMAS = 6.0
"""Range of a shape key in standard deviations of the clip's motion."""

_SIDE = Array((), "integer", low=1, high=65536)
_CONTROLS = {
    "controls": Array(("controls", "modes"), least=0, optional=True),
    "control_names": Array(("controls",), "text", least=0, optional=True),
    "control_groups": Array(("controls",), "text", least=0, optional=True),
}
"""Fields that rigs of older versions lack."""
_LAYOUT = {
    "neutral": Array(("vertices", 3)),
    "expression": Array(("modes", "vertices", 3)),
    "faces": Array(("triangles", 3), "integer", low=0),
    "uv": Array(("vertices", 2)),
    "names": Array(("modes",), "text"),
    "regions": Array(("modes",), "text"),
    "expression_std": Array(("modes",), low=0),
    "light": Array((9, 3)),
    "focal_px": Array((), low=1),
    "width": _SIDE,
    "height": _SIDE,
    "crop": Array((3,)),
    "resolution": _SIDE,
    "fps": FPS,
    "rest_rotation": Array((3,)),
    "rest_translation": Array((3,)),
    **_CONTROLS,
}


@dataclass(frozen=True)
class Rig:
    """The face of one subject and the camera of the clip; axes and units as in docs/architecture.md.

    neutral: (V, 3) float32, millimetres, model axes.
    expression: (E, V, 3) float32, millimetres per unit of coefficient.
    faces: (F, 3) int32, counter-clockwise from outside.
    uv: (V, 2) float32, origin bottom left.
    names, regions: (E,) strings.
    expression_std: (E,) float32, standard deviation of each coefficient in the clip.
    light: (9, 3) float32, spherical harmonics of display values.
    crop: (3,) int, x, y, size of the face crop in pixels of the full frame.
    controls: (52, E) float32, coefficients per unit of each control; (0, E) in rigs of older versions.
    control_names, control_groups: (52,) strings, ARKit's names and the part of the face of each.
    """

    neutral: np.ndarray
    expression: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    names: np.ndarray
    regions: np.ndarray
    expression_std: np.ndarray
    light: np.ndarray
    focal_px: float
    width: int
    height: int
    crop: np.ndarray
    resolution: int
    fps: float
    rest_rotation: np.ndarray
    rest_translation: np.ndarray
    controls: np.ndarray
    control_names: np.ndarray
    control_groups: np.ndarray

    @property
    def key_units(self) -> np.ndarray:
        """Coefficient units (E,) that one unit of a shape key's value stands for.

        It is 1, except for a channel that moves too far for Blender's limit of 10: that shape key is made longer.
        """
        return np.maximum(1.0, RANGE_SIGMAS * np.asarray(self.expression_std, dtype=np.float32) / KEY_LIMIT)

    @staticmethod
    def load(path: Path) -> Rig:
        """Read a rig.npz; raises InputError for any other file."""
        try:
            stored = read_npz(path)
            require_arrays(stored, _LAYOUT)
            if stored["faces"].max() >= len(stored["neutral"]):
                raise Damaged("the faces name vertices that are missing")
        except Damaged as error:
            raise InputError(message("{path} cannot be read as a rig. Learn the subject again.", path=path)) from error
        values: dict[str, Any] = {name: stored[name] for name in _LAYOUT if name in stored}
        for name in ("focal_px", "fps"):
            values[name] = float(values[name])
        for name in ("width", "height", "resolution"):
            values[name] = int(values[name])
        none = {"controls": np.zeros((0, len(values["expression"])), np.float32),
                **dict.fromkeys(("control_names", "control_groups"), np.zeros(0, np.str_))}
        return Rig(**{**none, **values})
