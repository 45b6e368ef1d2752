"""Warping a plate: the head goes where it is wanted, the rest of the picture does not know."""

import cv2
import numpy as np
import pytest

from headroom.face.camera import Camera, place
from headroom.plate.warp import _axis, _following, _head_shift, warp_plate

CAMERA = Camera(1200.0, 640, 360)
STRAIGHT = (np.zeros(3), np.array([0.0, 0.0, -1400.0]))
TURNED = (np.radians([2.0, 4.0, 3.0]), np.array([8.0, -5.0, -1370.0]))


def head_points() -> np.ndarray:
    """The outline of a head and some of its face, (K, 3) mm."""
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    outline = np.stack([75 * np.sin(angle), 110 * np.cos(angle), np.full(32, -20.0)], axis=1)
    face = np.stack([40 * np.sin(angle[::2]), 55 * np.cos(angle[::2]), np.full(16, 35.0)], axis=1)
    return np.concatenate([outline, face])


def dotted_plate(points: np.ndarray) -> np.ndarray:
    """A picture with a soft bright dot on every projected point."""
    y, x = np.mgrid[:360, :640] + 0.5
    picture = np.zeros((360, 640))
    for u, v in points:
        picture += np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * 1.5**2))
    return np.repeat((picture.clip(0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


def test_equal_poses_give_the_plate_itself():
    plate = np.random.default_rng(0).integers(0, 255, (360, 640, 3), np.uint8)
    assert np.array_equal(warp_plate(plate, CAMERA, STRAIGHT, STRAIGHT, head_points()), plate)


def test_head_points_arrive_within_a_pixel():
    points = head_points()[::4]
    here, wanted = (CAMERA.project(place(points, *pose)) for pose in (STRAIGHT, TURNED))
    assert np.linalg.norm(here - wanted, axis=1).max() > 4
    moved = warp_plate(dotted_plate(here), CAMERA, STRAIGHT, TURNED, head_points())[..., 0].astype(float)
    for u, v in wanted:
        left, top = int(u) - 4, int(v) - 4
        patch = moved[top : top + 9, left : left + 9]
        y, x = np.mgrid[top : top + 9, left : left + 9] + 0.5
        found = np.array([(patch * x).sum(), (patch * y).sum()]) / patch.sum()
        assert np.linalg.norm(found - [u, v]) < 1


def test_far_pixels_keep_their_value():
    plate = np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)
    moved = warp_plate(plate, CAMERA, STRAIGHT, TURNED, head_points())
    assert not np.array_equal(moved, plate)
    assert np.array_equal(moved[:, :120], plate[:, :120]) and np.array_equal(moved[:, 520:], plate[:, 520:])


@pytest.mark.parametrize("shift", [(60.0, 0.0), (0.0, 45.0), (-40.0, -40.0)])
def test_the_surroundings_never_fold_or_tear(shift):
    points = head_points()
    here = CAMERA.project(place(points, *STRAIGHT))
    wanted = here + shift
    hull = cv2.convexHull(np.concatenate([here, wanted]).astype(np.float32))[:, 0]
    size, farthest = float(np.ptp(wanted, axis=0).max()), float(np.linalg.norm(shift))
    grid = np.stack(np.meshgrid(_axis(0, 640, 4), _axis(0, 360, 4)), axis=-1)
    source = grid + _following(grid, hull, max(0.55 * size, 3 * farthest))[..., None] * _head_shift(
        grid, wanted, here, 0.03 * size
    )
    assert np.diff(source[..., 0], axis=1).min() > 0 and np.diff(source[..., 1], axis=0).min() > 0


def test_a_head_outside_the_frame_leaves_the_plate():
    plate = np.zeros((360, 640, 3), np.uint8)
    away = (np.zeros(3), np.array([3000.0, 0, -1400.0]))
    further = (np.zeros(3), np.array([3020.0, 0, -1400.0]))
    assert np.array_equal(warp_plate(plate, CAMERA, away, further, head_points()), plate)
