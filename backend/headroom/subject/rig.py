"""The rig of a subject, `rig.npz`: everything that Blender builds the head and the camera from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.stored import FPS, Array, Damaged, format_number, read_npz, require_arrays, write_npz
from headroom.face.controls.basis import control_directions
from headroom.face.controls.names import CONTROL_GROUPS, CONTROL_NAMES
from headroom.face.model import FaceModel
from headroom.track.track import Track

FORMAT = 2
"""Format of `rig.npz`, stored as `rig_format`; the first files have no number. Format 1 has no controls."""

_SIDE = Array((), "integer", low=1, high=65536)
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
    "controls": Array(("controls", "modes"), least=0),
    "control_names": Array(("controls",), "text", least=0),
    "control_groups": Array(("controls",), "text", least=0),
}
_SCALARS = {"focal_px": float, "width": int, "height": int, "resolution": int, "fps": float}


@dataclass(frozen=True)
class Rig:
    """One person's head and the camera that filmed it (V vertices, F triangles, E expression modes).

    neutral: (V, 3) float32, millimetres, model axes.
    expression: (E, V, 3) float32, millimetres per unit of coefficient.
    faces: (F, 3) int32, counter-clockwise from outside.
    uv: (V, 2) float32, origin bottom left.
    names, regions: (E,) strings.
    expression_std: (E,) float32, standard deviation of each coefficient in the clip.
    light: (9, 3) float32, spherical harmonics.
    crop: (3,) x, y and size of the face crop, pixels of the full frame.
    resolution: side of renders, pixels.
    rest_rotation, rest_translation: (3,) float32, the person's usual pose.
    controls: (52, E) float32, expression coefficients per unit of each control; (0, E) for a rig of format 1.
    control_names, control_groups: (52,) strings, ARKit's names and the parts of the face they are listed under.
    """

    neutral: NDArray[np.float32]
    expression: NDArray[np.float32]
    faces: NDArray[np.int32]
    uv: NDArray[np.float32]
    names: NDArray[np.str_]
    regions: NDArray[np.str_]
    expression_std: NDArray[np.float32]
    light: NDArray[np.float32]
    focal_px: float
    width: int
    height: int
    crop: NDArray[np.int64]
    resolution: int
    fps: float
    rest_rotation: NDArray[np.float32]
    rest_translation: NDArray[np.float32]
    controls: NDArray[np.float32]
    control_names: NDArray[np.str_]
    control_groups: NDArray[np.str_]

    @staticmethod
    def of(model: FaceModel, track: Track, resolution: int) -> Rig:
        """Build the rig of the person in a track."""
        camera, crop, neutral = track.camera, track.crop, model.shape(track.identity)
        return Rig(
            neutral=neutral,
            expression=np.ascontiguousarray(np.moveaxis(model.expression_basis, 2, 0), np.float32),
            faces=model.faces.astype(np.int32),
            uv=model.uv.astype(np.float32),
            names=np.array(model.names),
            regions=np.array(model.regions),
            expression_std=track.expression.std(0).astype(np.float32),
            light=track.light.astype(np.float32),
            focal_px=camera.focal_px,
            width=camera.width,
            height=camera.height,
            crop=np.array([crop.x, crop.y, crop.size]),
            resolution=resolution,
            fps=track.fps,
            rest_rotation=np.median(track.rotation, axis=0).astype(np.float32),
            rest_translation=np.median(track.translation, axis=0).astype(np.float32),
            **_controls(control_directions(model, neutral)),
        )

    def with_controls(self, model: FaceModel, track: Track) -> Rig:
        """Return the rig of a person in a track with controls, which a rig of format 1 lacks."""
        return replace(self, **_controls(control_directions(model, model.shape(track.identity))))

    def save(self, path: Path) -> None:
        """Write as .npz."""
        write_npz(path, {"rig_format": FORMAT, **vars(self)}, compressed=True)

    @staticmethod
    def load(path: Path) -> Rig:
        """Read what `save` wrote."""
        try:
            values = _upgraded(read_npz(path))
            require_arrays(values, _LAYOUT)
            if values["faces"].max() >= len(values["neutral"]):
                raise Damaged("the faces name vertices that are missing")
        except Damaged as error:
            raise InputError(f"{path} is not a rig, because {error}; learn the subject again.") from error
        scalars = {name: kind(values[name]) for name, kind in _SCALARS.items()}
        return Rig(**{**{name: values[name] for name in _LAYOUT}, **scalars})


def _controls(directions: NDArray[np.float32]) -> dict[str, Any]:
    """Return the fields of a rig with these controls (52, E)."""
    return {"controls": directions, "control_names": np.array(CONTROL_NAMES),
            "control_groups": np.array(CONTROL_GROUPS)}


def _upgraded(stored: dict[str, Any]) -> dict[str, Any]:
    """Return the arrays of a file as `FORMAT` has them."""
    if format_number(stored, "rig_format") > FORMAT:
        raise Damaged("a newer version of Headroom wrote it")
    if "controls" in stored or "expression" not in stored:
        return stored
    none: NDArray[np.str_] = np.zeros(0, np.str_)
    return {**stored, "controls": np.zeros((0, len(stored["expression"])), np.float32), "control_names": none,
            "control_groups": none}
