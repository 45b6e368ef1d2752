"""Morph targets and their animation for a glTF file, because trimesh writes neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from headroom.face.camera import rotation_matrix
from headroom.face.performance import Performance
from headroom.subject.export.shapes import HeadShapes

FLOAT = 5126
"""glTF's code for 32-bit floats."""


@dataclass(frozen=True)
class Tree:
    """A glTF file in the making: its JSON, its buffers by name, and its lengths per millimetre."""

    json: dict[str, Any]
    buffers: dict[Any, bytes]
    unit: float


def add_morphs(shapes: HeadShapes, tree: Tree) -> None:
    """Give the only mesh its morph targets; programs read the names from `extras.targetNames`."""
    mesh = tree.json["meshes"][0]
    mesh["primitives"][0]["targets"] = [
        {"POSITION": _add_accessor(offsets * tree.unit, "VEC3", tree)} for offsets in shapes.offsets]
    mesh["weights"] = [0.0] * len(shapes.offsets)
    mesh["extras"] = {"targetNames": shapes.names, "regions": shapes.groups}


def add_animation(motion: Performance, shapes: HeadShapes, tree: Tree) -> None:
    """Animate the weights of the only mesh and the transform of its node."""
    node = next(i for i, node in enumerate(tree.json["nodes"]) if "mesh" in node)
    rotations = Rotation.from_matrix(rotation_matrix(motion.rotation)).as_quat()
    times = _add_accessor(np.arange(len(motion)) / motion.fps, "SCALAR", tree)
    values = {
        "weights": _add_accessor(shapes.weights(motion).ravel(), "SCALAR", tree),
        "rotation": _add_accessor(_continuous(rotations), "VEC4", tree),
        "translation": _add_accessor(motion.translation * tree.unit, "VEC3", tree),
    }
    tree.json["animations"] = [{
        "name": "Performance",
        "samplers": [{"input": times, "output": value, "interpolation": "LINEAR"} for value in values.values()],
        "channels": [{"sampler": i, "target": {"node": node, "path": path}} for i, path in enumerate(values)],
    }]


def _continuous(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quaternions (T, 4) with the signs that keep each close to its predecessor, for linear interpolation."""
    signs = np.sign((rotations[1:] * rotations[:-1]).sum(1))
    flips = np.concatenate([[1.0], np.cumprod(np.where(signs < 0, -1.0, 1.0))])
    return np.asarray(rotations * flips[:, None], np.float64)


def _add_accessor(values: NDArray[Any], kind: str, tree: Tree) -> int:
    """Add an accessor for values (N,) or (N, C) and return its index, which counts accessors in insertion order."""
    values = np.ascontiguousarray(values, "<f4")
    name = f"headroom {len(tree.buffers)}"
    tree.buffers[name] = values.tobytes()
    table = values.reshape(len(values), -1)
    tree.json["accessors"][name] = {"bufferView": len(tree.buffers) - 1, "componentType": FLOAT, "type": kind,
                               "count": len(values), "min": table.min(0).tolist(), "max": table.max(0).tolist()}
    return len(tree.json["accessors"]) - 1
