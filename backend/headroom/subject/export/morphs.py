"""Morph targets and their animation for a glTF file, which trimesh writes without them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from headroom.face.camera import rotation_matrix
from headroom.face.performance import Performance

FLOAT = 5126
"""glTF's number for 32-bit floats."""


@dataclass(frozen=True)
class Morphs:
    """offsets (E, V, 3) per unit of weight, in the mesh's unit; names and regions (E,)."""

    offsets: np.ndarray
    names: list[str]
    regions: list[str]


def with_morphs(morphs: Morphs, buffers: dict[Any, bytes], tree: dict[str, Any]) -> None:
    """Give the one mesh of a glTF tree its targets, with names where programs look for them and regions beside."""
    mesh = tree["meshes"][0]
    mesh["primitives"][0]["targets"] = [
        {"POSITION": _append(offsets, "VEC3", buffers, tree)} for offsets in morphs.offsets]
    mesh["weights"] = [0.0] * len(morphs.offsets)
    mesh["extras"] = {"targetNames": morphs.names, "regions": morphs.regions}


def animate(motion: Performance, unit: float, buffers: dict[Any, bytes], tree: dict[str, Any]) -> None:
    """Move the node of the one mesh and the mesh's weights; unit: lengths of the tree per millimetre."""
    node = next(i for i, node in enumerate(tree["nodes"]) if "mesh" in node)
    turns = Rotation.from_matrix(rotation_matrix(motion.rotation)).as_quat()
    times = _append(np.arange(len(motion)) / motion.fps, "SCALAR", buffers, tree)
    values = {
        "weights": _append(motion.expression.ravel(), "SCALAR", buffers, tree),
        "rotation": _append(_continuous(turns), "VEC4", buffers, tree),
        "translation": _append(motion.translation * unit, "VEC3", buffers, tree),
    }
    tree["animations"] = [{
        "name": "Performance",
        "samplers": [{"input": times, "output": value, "interpolation": "LINEAR"} for value in values.values()],
        "channels": [{"sampler": i, "target": {"node": node, "path": path}} for i, path in enumerate(values)],
    }]


def _continuous(turns: np.ndarray) -> np.ndarray:
    """Quaternions (T, 4) with the signs that make each the near neighbour of the one before."""
    signs = np.sign((turns[1:] * turns[:-1]).sum(1))
    return turns * np.concatenate([[1.0], np.cumprod(np.where(signs < 0, -1.0, 1.0))])[:, None]


def _append(values: np.ndarray, kind: str, buffers: dict[Any, bytes], tree: dict[str, Any]) -> int:
    """The index of a new accessor of values (N,) or (N, C); buffers and accessors are numbered as they are added."""
    values = np.ascontiguousarray(values, "<f4")
    name = f"headroom {len(buffers)}"
    buffers[name] = values.tobytes()
    table = values.reshape(len(values), -1)
    tree["accessors"][name] = {"bufferView": len(buffers) - 1, "componentType": FLOAT, "type": kind,
                               "count": len(values), "min": table.min(0).tolist(), "max": table.max(0).tolist()}
    return len(tree["accessors"]) - 1
