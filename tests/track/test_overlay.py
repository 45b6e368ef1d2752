"""The overlay shows mesh, landmarks and missing frames, and leaves the rest of the picture as it is."""

import numpy as np
import pytest

from headroom.track.overlay import LANDMARK_COLOUR, MISSING_COLOUR, Overlay
from headroom.track.track import Track, face_crop

GREY = 90


def picture():
    return np.full((480, 640, 3), GREY, np.uint8)


def track_of(person, translation):
    crop = face_crop(person.model, person.camera, person.identity, person.rotation, translation)
    return Track(25.0, person.camera, crop, person.identity, np.zeros(80), np.zeros((9, 3)), person.expression,
                 person.rotation, translation, np.ones(40))


@pytest.fixture(scope="module")
def overlay(person):
    landmarks, error = person.landmarks(), np.full(40, 0.01)
    landmarks[5], error[5] = np.nan, np.nan
    return Overlay(person.model, track_of(person, person.translation), landmarks, error)


def test_landmarks_are_dots_and_the_background_stays(overlay):
    clean = picture()
    drawn = overlay.draw(clean, 0)
    points = overlay.landmarks[0, [1, 152], :2].astype(int)  # tip of the nose, chin
    for x, y in points:
        near = drawn[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).astype(int)
        assert np.abs(near - LANDMARK_COLOUR).sum(1).min() < 60
    assert np.array_equal(drawn[-60:, :60], clean[-60:, :60])
    assert (clean == GREY).all(), "the input picture changed"


def test_a_frame_without_a_face_has_a_red_border(overlay):
    assert tuple(overlay.draw(picture(), 5)[-1, 300]) == MISSING_COLOUR
    assert tuple(overlay.draw(picture(), 4)[-1, 300]) == (GREY,) * 3


def test_a_face_partly_outside_of_the_picture_is_drawn_inside_of_it(person, overlay):
    track = track_of(person, person.translation + np.array([260.0, 0, 0]))
    assert track.crop.x + track.crop.size > 640
    drawn = Overlay(person.model, track, overlay.landmarks, overlay.error).draw(picture(), 0)
    assert drawn.shape == (480, 640, 3)
    face = person.camera.project(track.vertices(person.model, 0))
    assert (drawn[int(face[:, 1].mean()), 620:] != GREY).any(), "the visible part of the face is missing"
