"""The overlay shows mesh, landmarks and what was lost, and leaves the rest of the picture alone."""

import numpy as np
import pytest

from headroom.track.overlay import DOT, LOST, Overlay
from headroom.track.track import Track, face_crop


@pytest.fixture(scope="module")
def overlay(known):
    crop = face_crop(known.model, known.camera, known.identity, known.rotation, known.translation)
    track = Track(25.0, known.camera, crop, known.identity, np.zeros(80), np.zeros((9, 3)), known.expression,
                  known.rotation, known.translation, np.ones(40))
    landmarks, error = known.landmarks(), np.full(40, 0.01)
    landmarks[5], error[5] = np.nan, np.nan
    return Overlay(known.model, track, landmarks, error)


def test_landmarks_are_dots_and_the_background_stays(overlay):
    picture = np.full((480, 640, 3), 90, np.uint8)
    drawn = overlay.draw(picture, 0)
    points = overlay.landmarks[0, [1, 152], :2].astype(int)  # tip of the nose, chin
    for x, y in points:
        near = drawn[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).astype(int)
        assert np.abs(near - DOT).sum(1).min() < 60
    assert np.array_equal(drawn[-60:, :60], picture[-60:, :60])
    assert (picture == 90).all(), "the frame itself must not change"


def test_a_lost_frame_is_framed_in_red(overlay):
    picture = np.full((480, 640, 3), 90, np.uint8)
    assert tuple(overlay.draw(picture, 5)[-1, 300]) == LOST
    assert tuple(overlay.draw(picture, 4)[-1, 300]) == (90, 90, 90)


def test_a_face_partly_out_of_the_picture_can_be_drawn(known, overlay):
    moved = known.translation + np.array([260.0, 0, 0])
    crop = face_crop(known.model, known.camera, known.identity, known.rotation, moved)
    track = Track(25.0, known.camera, crop, known.identity, np.zeros(80), np.zeros((9, 3)), known.expression,
                  known.rotation, moved, np.ones(40))
    assert crop.x + crop.size > 640
    drawn = Overlay(known.model, track, overlay.landmarks, overlay.error).draw(np.full((480, 640, 3), 90, np.uint8), 0)
    assert drawn.shape == (480, 640, 3)
