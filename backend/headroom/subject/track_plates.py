"""The plates of a track: the frames that it was found in, with the head and the face in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headroom.face.model import FaceModel
from headroom.plate.head_surface import HeadSurface
from headroom.plate.layers import BackgroundLayers
from headroom.plate.measured_depth import HeadViews, measure_head_depth
from headroom.plate.reprojected_plates import ReprojectedPlates
from headroom.plate.reprojection import FaceReprojector
from headroom.plate.tracked_faces import TrackedFaces
from headroom.track.track import Track


def plates_of_track(
    model: FaceModel, track: Track, layers: BackgroundLayers, resolution: int
) -> ReprojectedPlates:
    """Return what reprojects the plates of a track; resolution: side of the crops, pixels."""
    faces = TrackedFaces(model, model.shape(track.identity), track.expression, (track.rotation, track.translation),
                         track.confidence > 0)
    reprojector = FaceReprojector(model, track.camera, track.crop, track.light, resolution)
    return ReprojectedPlates(layers, faces, reprojector)


def head_surface(model: FaceModel, track: Track) -> HeadSurface:
    """Return the surface of the head of a track."""
    return HeadSurface.of(model.shape(track.identity)[model.skin], track.head_depth)


def with_head_depth(
    model: FaceModel, track: Track, frames: Sequence[NDArray[np.uint8]], mattes: NDArray[np.uint8]
) -> Track:
    """Return the track with the depth of the head beyond the face, measured in its T frames (H, W, 3).

    mattes: (T, h, w) uint8, 255 where a frame shows the person.
    """
    views = HeadViews(frames, mattes, track.camera, track.performance.pose, track.confidence > 0)
    return replace(track, head_depth=measure_head_depth(head_surface(model, replace(track, head_depth=None)), views))
