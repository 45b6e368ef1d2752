"""The head's depth beyond the face: measured where a clip shows the head from several sides, else as guessed."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import turning_head
from smooth_face import smooth_face
from turning_head import CAMERA, FRONTAL, NOBODY, PERSON, skin

from headroom.face.head_depth import CELL_MM, HeadDepth
from headroom.plate.head_colours import HeadColours
from headroom.plate.head_surface import HeadSurface
from headroom.plate.measured_depth import measure_head_depth
from headroom.plate.warp import Background, HeadMotion, warp_plate

TURNS = [(pitch, yaw, roll) for pitch in (-5, 0, 5) for yaw in (-8, -4, 0, 4, 8) for roll in (0, 2)]


GUESS = HeadSurface.of(smooth_face())
BEYOND_FACE = (GUESS.head_distance < 12) & ~cv2.dilate(GUESS.in_face.astype(np.uint8), np.ones((9, 9))).astype(bool)


def true_depth(millimetres: float) -> HeadDepth:
    """Return a depth that is 0 in the face and `millimetres` beyond it."""
    distance = cv2.distanceTransform((~GUESS.in_face).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * CELL_MM
    return HeadDepth((millimetres * np.clip(distance / 20, 0, 1)).astype(np.float32),
                     np.array(GUESS.origin, np.float32))


def turning(surface, turns=TURNS, matte=PERSON):
    """Return frames of a person with this surface who turns; angles in degrees."""
    return turning_head.turning(surface, turns, skin(4), matte)


@pytest.mark.parametrize("millimetres", [-60.0, 0.0, 20.0])
def test_the_depth_beyond_the_face_is_found(millimetres):
    true = HeadSurface.of(smooth_face(), true_depth(millimetres))
    measured = HeadSurface.of(smooth_face(), measure_head_depth(GUESS, turning(true)))
    error = np.abs(measured.height - true.height)[BEYOND_FACE]
    assert error.mean() < 5 and np.percentile(error, 95) < 12
    assert np.abs(measured.height - GUESS.height)[GUESS.in_face].mean() < 2.5


def test_a_turned_plate_shows_the_head_where_it_is():
    true, turn = HeadSurface.of(smooth_face(), true_depth(-60)), (np.radians([3.0, -7.0, 1.0]), FRONTAL[1])
    measured = HeadSurface.of(smooth_face(), measure_head_depth(GUESS, turning(true)))
    shown, corrected, guessed = (
        warp_plate(skin(4), Background(PERSON, skin(4)), CAMERA, HeadMotion(FRONTAL, turn), each).astype(float)
        for each in (true, measured, GUESS))
    assert np.abs(corrected - shown).mean() < 0.4 * np.abs(guessed - shown).mean()


def test_a_head_that_keeps_still_is_not_measured():
    assert measure_head_depth(GUESS, turning(GUESS, [(0, 0, 0), (0.05, 0.1, 0)] * 8)) is None


def test_frames_without_a_face_are_not_used():
    views = turning(GUESS)
    assert len(views.different(24, 0.3)) == 24 and len(views.evenly_spaced(24)) == 24
    nowhere = replace(views, usable=np.zeros(len(TURNS), bool))
    assert nowhere.different(24, 0.3) == nowhere.evenly_spaced(24) == []
    first = replace(views, usable=np.arange(len(TURNS)) < 5)
    assert max(first.different(24, 0.3)) < 5 and first.evenly_spaced(24) == [0, 1, 2, 3, 4]


def test_the_background_tells_nothing():
    true = HeadSurface.of(smooth_face(), true_depth(-60))
    assert np.abs(measure_head_depth(GUESS, turning(true, matte=NOBODY)).offset).max() < 1


def test_beyond_its_map_the_nearest_depth_goes_on():
    depth = HeadDepth(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), np.array([10.0, 20.0], np.float32))
    x, y = np.array([[10.0, 12.0, 99.0]]), np.array([[20.0, 20.0, 99.0]])
    assert depth.at(x, y).tolist() == [[1.0, 1.5, 4.0]]


def test_frames_disagree_more_about_a_wrong_surface_and_in_wrong_poses():
    true = HeadSurface.of(smooth_face(), true_depth(-60))
    views = turning(true)
    noise = np.radians(np.random.default_rng(0).normal(0, 0.7, views.rotation.shape))
    right, flat = (HeadColours.of(surface, views) for surface in (true, GUESS))
    disturbed = HeadColours.of(true, replace(views, rotation=views.rotation + noise))
    nothing = HeadColours.of(true, replace(views, usable=np.zeros(len(TURNS), bool)))
    assert right.disagreement() < 0.5 * min(flat.disagreement(), disturbed.disagreement())
    assert right.disagreement(right) == right.disagreement() < 0.5 * disturbed.disagreement(right)
    unseen = HeadColours.of(true, turning(true, matte=NOBODY))
    assert nothing.disagreement() == right.disagreement(nothing) == unseen.disagreement() == np.inf
