"""The plate under each frame of a shot: the matched one, reprojected to the wanted face."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from headroom.face.camera import Crop
from headroom.plate.head_surface import Pose
from headroom.plate.layers import BackgroundLayers
from headroom.plate.reprojection import FaceReprojector, FaceSource, ProjectedFace
from headroom.plate.source_choice import SourceChoice, WantedFace, part_colours
from headroom.plate.tracked_faces import FacePart, TrackedFaces, eyes_part, mouth_part
from headroom.plate.warp import HeadMotion, head_displacement

MAX_CACHED = 400
"""Plates whose projected faces are kept."""


@dataclass(frozen=True)
class FramePlate:
    """The plate under a frame.

    picture: (H, W, 3) uint8, with the head in the wanted pose and, as far as it is reprojected, expression.
    valid: (R, R) uint8, a picture of the crop: 255 where `picture` shows what is wanted. None for a plate that is only
        warped, whose face has another expression.
    """

    picture: NDArray[np.uint8]
    valid: NDArray[np.uint8] | None = None


class ReprojectedPlates:
    """Reprojects the plates of one person. Threads share the cached surfaces."""

    def __init__(self, layers: BackgroundLayers, faces: TrackedFaces, reprojector: FaceReprojector):
        """Take the plates, the face in each of them, and what draws it."""
        self.layers, self.faces, self._reprojector = layers, faces, reprojector
        self._recent: OrderedDict[int, ProjectedFace] = OrderedDict()

    @cached_property
    def _parts(self) -> list[tuple[FacePart, SourceChoice]]:
        """Mouth and eyes, and what chooses the plates they come from."""
        mouth, eyes = mouth_part(self.faces.model), eyes_part(self.faces.model)
        colours = part_colours(self.faces, mouth, self.layers)
        return [(mouth, SourceChoice(self.faces, mouth, colours)), (eyes, SourceChoice(self.faces, eyes))]

    @property
    def vertex_count(self) -> int:
        """V, the number of vertices of the face model."""
        return len(self.faces.model.mean)

    def close(self) -> None:
        """Release the plates."""
        self.layers.close()

    def warped(self, number: int, pose: Pose) -> FramePlate:
        """Return plate `number` with its head moved to a pose; its face keeps its expression."""
        motion = HeadMotion(self.faces.pose(number), pose)
        return FramePlate(self.layers.warped(number, self.layers.plates[number], motion))

    @property
    def background(self) -> NDArray[np.uint8] | None:
        """The frame without the person (H, W, 3); None where it is not known."""
        return self.layers.background

    def person_alpha(self, number: int, pose: Pose, crop: Crop) -> NDArray[np.float32]:
        """Return where (H, W), 0..1, plate `number` shows the person with its head moved to a pose."""
        return self.layers.person_alpha(number, HeadMotion(self.faces.pose(number), pose), crop)

    def reprojected(
        self, number: int, wanted: WantedFace, allowed: NDArray[np.bool_] | None = None
    ) -> FramePlate:
        """Return plate `number` with its head and its face moved to the wanted ones.

        allowed: (T,) plates that mouth and eyes may come from; None for all that show a face.
        """
        allowed = self.faces.usable if allowed is None else allowed & self.faces.usable
        if not allowed.any():
            allowed = np.arange(len(self.faces)) == number
        numbers = [number, *(choice.nearest(wanted, allowed) for _, choice in self._parts)]
        weights = [None, *(part.weight for part, _ in self._parts)]
        sources = [FaceSource(self._projected(each), weight) for each, weight in zip(numbers, weights)]
        maps = self._reprojector.draw(self._reprojector.projected(wanted.vertices), sources)
        pose_only = HeadMotion(self.faces.pose(number), wanted.pose)
        surrounding = maps.surrounding(lambda points: self._rigid(points, pose_only))
        motion = HeadMotion(pose_only.from_pose, pose_only.to_pose, surrounding)
        plates = {each: self.layers.plates[each] for each in set(numbers)}
        picture = self.layers.warped(number, plates[number], motion, maps.opaque(plates[number].shape))
        maps.paint([plates[each] for each in numbers], picture)
        return FramePlate(picture, maps.valid)

    def _projected(self, number: int) -> ProjectedFace:
        """Return the face in a plate as the camera sees it; the latest ones are kept."""
        face = self._recent.get(number)
        if face is None:
            face = self._recent[number] = self._reprojector.in_plate(self.faces.vertices(number))
            if len(self._recent) > MAX_CACHED:
                self._recent.popitem(last=False)
        return face

    def _rigid(self, points: NDArray[np.floating], motion: HeadMotion) -> NDArray[np.float32]:
        """Return the displacement (h, w, 2), pixels, by the pose alone."""
        return head_displacement(points, self.layers.camera, motion, self.layers.surface)[0]
