"""The plates of a track: the frames that it was found in, with the head and the face in each of them."""

from __future__ import annotations

from headroom.face.model import FaceModel
from headroom.plate.head_surface import HeadSurface
from headroom.plate.layers import BackgroundLayers
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
