"""Morph targets and their animation for a glTF file, because trimesh writes neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from headroom.face.camera import rotation_matrix
from headroom.face.performance import Performance

FLOAT = 5126
"""glTF's code for 32-bit floats."""


@dataclass(frozen=True)
class Morphs:
    """Morph targets; offsets: (E, V, 3) per unit of weight, in the mesh's unit; names and regions: E each."""

    offsets: NDArray[np.float32]
    names: list[str]
    regions: list[str]


def add_morphs(morphs: Morphs, buffers: dict[Any, bytes], tree: dict[str, Any]) -> None:
    """Give the only mesh of a glTF tree its morph targets; programs read the names from `extras.targetNames`."""
    mesh = tree["meshes"][0]
    mesh["primitives"][0]["targets"] = [
        {"POSITION": _add_accessor(offsets, "VEC3", buffers, tree)} for offsets in morphs.offsets]
    mesh["weights"] = [0.0] * len(morphs.offsets)
    mesh["extras"] = {"targetNames": morphs.names, "regions": morphs.regions}


def add_animation(motion: Performance, unit: float, buffers: dict[Any, bytes], tree: dict[str, Any]) -> None:
    """Animate the weights of the only mesh and the transform of its node; unit: lengths of the tree per millimetre."""
    node = next(i for i, node in enumerate(tree["nodes"]) if "mesh" in node)
    rotations = Rotation.from_matrix(rotation_matrix(motion.rotation)).as_quat()
    times = _add_accessor(np.arange(len(motion)) / motion.fps, "SCALAR", buffers, tree)
    values = {
        "weights": _add_accessor(motion.expression.ravel(), "SCALAR", buffers, tree),
        "rotation": _add_accessor(_continuous(rotations), "VEC4", buffers, tree),
        "translation": _add_accessor(motion.translation * unit, "VEC3", buffers, tree),
    }
    tree["animations"] = [{
        "name": "Performance",
        "samplers": [{"input": times, "output": value, "interpolation": "LINEAR"} for value in values.values()],
        "channels": [{"sampler": i, "target": {"node": node, "path": path}} for i, path in enumerate(values)],
    }]


def _continuous(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quaternions (T, 4) with the signs that keep each close to its predecessor, for linear interpolation."""
    signs = np.sign((rotations[1:] * rotations[:-1]).sum(1))
    flips = np.concatenate([[1.0], np.cumprod(np.where(signs < 0, -1.0, 1.0))])
    return np.asarray(rotations * flips[:, None], np.float64)


def _add_accessor(values: NDArray[Any], kind: str, buffers: dict[Any, bytes], tree: dict[str, Any]) -> int:
    """Add an accessor for values (N,) or (N, C) and return its index, which counts accessors in insertion order."""
    values = np.ascontiguousarray(values, "<f4")
    name = f"headroom {len(buffers)}"
    buffers[name] = values.tobytes()
    table = values.reshape(len(values), -1)
    tree["accessors"][name] = {"bufferView": len(buffers) - 1, "componentType": FLOAT, "type": kind,
                               "count": len(values), "min": table.min(0).tolist(), "max": table.max(0).tolist()}
    return len(tree["accessors"]) - 1
