"""Where the frame of one person's clip lies in that of the first person's clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .rig import Rig


@dataclass(frozen=True)
class Placement:
    """A frame over another one; the default lies on it exactly.

    scale: pixels of the first person's frame per pixel of this one.
    x, y: pixel of the first person's frame at this one's top left corner.
    """

    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0


def placement(first: Rig, other: Rig, matrix: np.ndarray) -> Placement:
    """Return where the camera of one head shows the frame of another head's clip.

    matrix: (4, 4), from the other head's camera axes to the first one's, millimetres. Its frame is placed so that the
        head at rest has the place and the size that the first head's camera gives it.
    """
    if (first.width, first.height) == (other.width, other.height) and np.allclose(matrix, np.eye(4), atol=1e-4):
        return Placement()
    rest = np.asarray(other.rest_translation, np.float64)
    moved = matrix[:3, :3] @ rest + matrix[:3, 3]
    size = float(np.cbrt(abs(np.linalg.det(matrix[:3, :3]))))
    scale = size * first.focal_px / -moved[2] / (other.focal_px / -rest[2])
    in_first, in_other = _pixel(first, moved), _pixel(other, rest)
    x, y = in_first - scale * in_other
    return Placement(round(float(scale), 5), round(float(x), 3), round(float(y), 3))


def middle(rig: Rig, placed: Placement) -> float:
    """Return where the middle of a head's crop is in the first person's frame, pixels from the left."""
    return placed.x + placed.scale * (float(rig.crop[0]) + float(rig.crop[2]) / 2)


def _pixel(rig: Rig, point: np.ndarray) -> np.ndarray:
    """Return the pixel (2,) of a point (3,) in camera axes."""
    return np.array([rig.width / 2 + rig.focal_px * point[0] / -point[2],
                     rig.height / 2 - rig.focal_px * point[1] / -point[2]])
