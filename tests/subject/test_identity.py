"""Identity features of a clip's frames, and the five points of the face that ArcFace needs."""

from types import SimpleNamespace

import numpy as np
import pytest

from headroom.face.camera import Camera, Crop
from headroom.face.light import AMBIENT
from headroom.face.model import bundled_model
from headroom.subject.identity import face_points, identity_features
from headroom.track.track import Track

FRAMES = 3


@pytest.fixture(scope="module")
def track():
    still = np.zeros((FRAMES, 3), np.float32)
    away = still + np.float32([0, 0, -700])
    away[:, 0] = [0, 20, 40]
    return Track(25.0, Camera(900.0, 640, 480), Crop(200, 120, 240), np.arange(80) / 100, np.ones(80) / 10, AMBIENT,
                 np.zeros((FRAMES, 64)), still, away, np.ones(FRAMES))


def test_the_five_points_are_eyes_nose_and_mouth_from_left_to_right_in_the_picture(track):
    left, right, nose, mouth_left, mouth_right = face_points(bundled_model(), track, 0)
    assert left[0] < nose[0] < right[0] and mouth_left[0] < nose[0] < mouth_right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])


def test_the_five_points_move_with_the_head(track):
    first, second = (face_points(bundled_model(), track, frame) for frame in (0, 1))
    shift = second - first
    assert np.allclose(shift[:, 1], 0, atol=1e-4)
    assert np.allclose(shift[:, 0], 900 * 20 / 700, rtol=0.15)  # the nose is nearer to the camera


def test_without_arcface_the_feature_is_the_face_model_s_coefficients(track):
    feature = identity_features(bundled_model(), track, [], None)
    assert feature.dtype == np.float32 and (feature[:, :80] == track.identity.astype(np.float32)).all()
    assert (feature[:, 80:] == track.texture.astype(np.float32)).all() and len(feature) == len(track)


def test_arcface_reads_every_frame_with_the_points_of_that_frame(track):
    frames = [np.full((4, 4, 3), index, np.uint8) for index in range(FRAMES)]
    reader = SimpleNamespace(embed=lambda frame, points: np.float32([frame[0, 0, 0], points[2, 0]]))
    features = identity_features(bundled_model(), track, frames, reader)
    assert features[:, 0].tolist() == [0, 1, 2] and (np.diff(features[:, 1]) > 20).all()
