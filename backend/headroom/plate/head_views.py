"""Frames of a clip that show a head in known poses: what its depth is measured in, and its poses are aligned to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headroom.common.arrays import evenly_spaced
from headroom.face.camera import Camera, pose_vertices
from headroom.plate.plates import Frames


@dataclass(frozen=True)
class HeadViews:
    """Frames of a clip that show the head in known poses.

    frames: T pictures (H, W, 3) uint8. mattes: (T, h, w) uint8, 255 where a frame shows the person.
    rotation: (T, 3) radians. translation: (T, 3) millimetres. usable: (T,) whether the face was found.
    """

    frames: Frames
    mattes: NDArray[np.uint8]
    camera: Camera
    rotation: NDArray[np.floating]
    translation: NDArray[np.floating]
    usable: NDArray[np.bool_]

    def pixels_per_mm(self) -> float:
        """Return how large a millimetre of the head usually is in the frames."""
        return self.camera.focal_px / -float(np.median(self.translation[:, 2]))

    def posed(self, number: int, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return points (N, 3) of the head, model axes, where they are in frame `number`, camera axes, millimetres."""
        return np.asarray(pose_vertices(points, self.rotation[number], self.translation[number]), np.float64)

    def evenly_spaced(self, count: int) -> list[int]:
        """Return the numbers of at most `count` usable frames, evenly spaced."""
        usable = np.flatnonzero(self.usable)
        return evenly_spaced(usable, count).tolist() if len(usable) else []

    def different(self, count: int, min_turn: float) -> list[int]:
        """Return the numbers of at most `count` usable frames whose rotations differ the most from each other.

        min_turn: degrees between any two of them.
        """
        usable = np.flatnonzero(self.usable)
        if not len(usable):
            return []
        rotations = np.degrees(self.rotation[usable])
        distance = np.linalg.norm(rotations - np.median(rotations, axis=0), axis=1)
        chosen = [int(distance.argmin())]
        distance = np.linalg.norm(rotations - rotations[chosen[0]], axis=1)
        while len(chosen) < count and distance.max() >= min_turn:
            chosen.append(int(distance.argmax()))
            distance = np.minimum(distance, np.linalg.norm(rotations - rotations[chosen[-1]], axis=1))
        return [int(usable[index]) for index in chosen]
