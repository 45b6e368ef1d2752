"""VRM animations (.vrma): lips, blinks and head for any VRM 1.0 character, as glTF binary with one extension.

VRM's axes are those of the model: +x to the character's left, +y up, +z out of the face. An expression is the x of a
node's translation. Presets alone are written, because a character that has ARKit's shapes as well would speak twice.
"""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from headroom.common.files import atomic_write
from headroom.face.camera import rotation_matrix
from headroom.face.controls.names import CONTROL_NAMES
from headroom.face.controls.track import ControlTrack

PRESETS: dict[str, dict[str, float]] = {
    "aa": {"jawOpen": 1.5, "mouthFunnel": -0.7, "mouthPucker": -0.7},
    "ih": {"jawOpen": 0.5, "mouthStretchLeft": 0.3, "mouthStretchRight": 0.3, "mouthSmileLeft": 0.15,
           "mouthSmileRight": 0.15},
    "ou": {"mouthPucker": 1.3},
    "ee": {"mouthStretchLeft": 0.6, "mouthStretchRight": 0.6, "mouthSmileLeft": 0.3, "mouthSmileRight": 0.3},
    "oh": {"mouthFunnel": 1.5},
    "blinkLeft": {"eyeBlinkLeft": 1.0},
    "blinkRight": {"eyeBlinkRight": 1.0},
}
"""Expression -> weights of the controls that it shows."""
_BONES = {"hips": 1.0, "spine": 0.1, "neck": 0.4, "head": 0.1}
"""Bone -> metres above the one before it; players need the hips, though only the head turns."""
_FLOAT, _JSON, _BIN = 5126, 0x4E4F534A, 0x004E4942


def write_vrma(track: ControlTrack, path: Path) -> None:
    """Write a track; the head turns about its median pose. Position, gaze and the other controls have no place."""
    file = _File()
    bones = [file.add_node(name, (0, height, 0)) for name, height in _BONES.items()]
    for parent, child in pairwise(bones):
        file.tree["nodes"][parent]["children"] = [child]
    expressions = {name: file.add_node(name, (0, 0, 0)) for name in PRESETS}
    file.tree["scenes"][0]["nodes"] = [bones[0], *expressions.values()]
    file.tree["extensions"] = {"VRMC_vrm_animation": {
        "specVersion": "1.0",
        "humanoid": {"humanBones": {name: {"node": node} for name, node in zip(_BONES, bones)}},
        "expressions": {"preset": {name: {"node": node} for name, node in expressions.items()}}}}
    times = file.add_accessor(np.arange(len(track.controls)) / track.fps)
    if track.rotation is not None:
        file.animate(bones[-1], "rotation", times, _about_median(track.rotation))
    for name, node in expressions.items():
        weights = [PRESETS[name].get(control, 0.0) for control in CONTROL_NAMES]
        values = np.clip(track.controls @ np.array(weights), 0, 1)
        file.animate(node, "translation", times, np.stack([values, *np.zeros((2, len(values)))], axis=1))
    with atomic_write(path) as temporary:
        temporary.write_bytes(file.content())


def _about_median(rotation: np.ndarray) -> np.ndarray:
    """Return quaternions (T, 4), x y z w, of rotation (T, 3) relative to its median, without jumps of sign."""
    usual = rotation_matrix(np.median(rotation, axis=0))
    values = Rotation.from_matrix(rotation_matrix(rotation) @ usual.T).as_quat()
    signs = np.where((values[1:] * values[:-1]).sum(1) < 0, -1.0, 1.0)
    return values * np.concatenate([[1.0], np.cumprod(signs)])[:, None]


class _File:
    """A glTF binary in the making."""

    def __init__(self) -> None:
        self.data = b""
        self.tree: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "Headroom"}, "extensionsUsed": ["VRMC_vrm_animation"], "scene": 0,
            "scenes": [{}], "nodes": [], "accessors": [], "bufferViews": [], "buffers": [],
            "animations": [{"name": "Performance", "samplers": [], "channels": []}]}

    def add_node(self, name: str, translation: tuple[float, float, float]) -> int:
        """Add a node and return its index."""
        self.tree["nodes"].append({"name": name, "translation": translation})
        return len(self.tree["nodes"]) - 1

    def add_accessor(self, values: np.ndarray) -> int:
        """Add values (T,) or (T, C) and return the index of their accessor."""
        table = np.ascontiguousarray(values, "<f4").reshape(len(values), -1)
        self.tree["bufferViews"].append({"buffer": 0, "byteOffset": len(self.data), "byteLength": table.nbytes})
        self.tree["accessors"].append({
            "bufferView": len(self.tree["bufferViews"]) - 1, "componentType": _FLOAT, "count": len(table),
            "type": {1: "SCALAR", 3: "VEC3", 4: "VEC4"}[table.shape[1]],
            "min": table.min(0).tolist(), "max": table.max(0).tolist()})
        self.data += table.tobytes()
        return len(self.tree["accessors"]) - 1

    def animate(self, node: int, path: str, times: int, values: np.ndarray) -> None:
        """Animate `path` of a node by values (T, C) at the times of an accessor."""
        animation = self.tree["animations"][0]
        animation["samplers"].append({"input": times, "output": self.add_accessor(values), "interpolation": "LINEAR"})
        animation["channels"].append({"sampler": len(animation["samplers"]) - 1,
                                      "target": {"node": node, "path": path}})

    def content(self) -> bytes:
        """Return the bytes of the file."""
        self.tree["buffers"] = [{"byteLength": len(self.data)}]
        text = json.dumps(self.tree, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<II", len(text), _JSON) + text + struct.pack("<II", len(self.data), _BIN) + self.data
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
