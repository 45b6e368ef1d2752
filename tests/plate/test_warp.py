"""Warping a plate: the head moves to the wanted pose, the background stands still, nothing folds or tears."""

import cv2
import numpy as np
import pytest
from smooth_face import smooth_face

from headroom.face.camera import Camera, pose_vertices
from headroom.plate.head_surface import MARGIN_MM, HeadSurface
from headroom.plate.matte import PersonMatte
from headroom.plate.plate_kernels import Cells, Layers, sample_cubic, sample_linear, warp_cells
from headroom.plate.warp import (
    FALLOFF_MM,
    MIN_FALLOFF_RATIO,
    Background,
    HeadMotion,
    _falloff,
    _grid_points,
    _max_displacement,
    _source_and_kinds,
    head_displacement,
    warp_plate,
)

CAMERA = Camera(1200.0, 640, 360)
FRONTAL = (np.zeros(3), np.array([0.0, 10.0, -1400.0]))
ROTATED = (np.radians([2.0, 4.0, 3.0]), np.array([8.0, 5.0, -1370.0]))
ROTATIONS = [np.radians(angles)
             for angles in ([15, 0, 0], [-15, 0, 0], [0, 15, 0], [0, -15, 0], [0, 0, 15], [9, -9, 8])]


SURFACE = HeadSurface.of(smooth_face())


def person_matte(pose=FRONTAL) -> np.ndarray:
    """Return a matte (144, 256) uint8 of head, neck and shoulders."""
    matte = np.zeros((144, 256), np.uint8)
    head = CAMERA.project(pose_vertices(SURFACE.head_points, *pose)) * 0.4
    cv2.fillConvexPoly(matte, cv2.convexHull(np.rint(head).astype(np.int32)), (255,))
    cv2.rectangle(matte, (118, 80), (138, 144), (255,), -1)
    cv2.ellipse(matte, (128, 150), (80, 40), 0, 0, 360, (255,), -1)
    return cv2.GaussianBlur(matte, (5, 5), 0)


def blurred_noise(seed: int) -> np.ndarray:
    """Return a frame (360, 640, 3) of blurred noise."""
    noise = np.random.default_rng(seed).uniform(0, 255, (360, 640, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 2)
    return ((blurred - blurred.min()) / np.ptp(blurred) * 255).astype(np.uint8)


def crossed_lines() -> np.ndarray:
    """Return a grey frame (360, 640, 3) with a dark vertical and a dark horizontal line behind the head."""
    picture = np.full((360, 640, 3), 180, np.uint8)
    picture[:, 398:401] = 40
    picture[60:63] = 40
    return picture


def with_person(background: np.ndarray, colour: int = 240) -> np.ndarray:
    """Return the background with a flat person in front of it."""
    alpha = cv2.resize(person_matte(), (640, 360))[..., None] / np.float32(255)
    return np.rint(background + alpha * (colour - background.astype(np.float32))).astype(np.uint8)


def warped(plate, wanted_pose, picture=None, matte=None):
    """Return a plate with a frontal head, warped; by default its background is the plate itself."""
    background = Background(person_matte() if matte is None else matte, plate if picture is None else picture)
    return warp_plate(plate, background, CAMERA, HeadMotion(FRONTAL, wanted_pose), SURFACE)


def test_equal_poses_return_the_plate_itself():
    plate = blurred_noise(0)
    assert np.array_equal(warped(plate, FRONTAL), plate)


def test_points_of_the_head_move_to_the_wanted_pose_within_a_pixel():
    points = SURFACE.head_points[::9]
    before, after = (CAMERA.project(pose_vertices(points, *pose)) for pose in (FRONTAL, ROTATED))
    assert np.linalg.norm(before - after, axis=1).max() > 4
    y, x = np.mgrid[:360, :640] + 0.5
    dots = sum(np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * 1.5**2)) for u, v in before)
    plate = np.repeat((dots.clip(0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)
    moved = warped(plate, ROTATED)[..., 0].astype(float)
    for u, v in after:
        left, top = int(u) - 4, int(v) - 4
        patch = moved[top : top + 9, left : left + 9]
        y, x = np.mgrid[top : top + 9, left : left + 9] + 0.5
        centroid = np.array([(patch * x).sum(), (patch * y).sum()]) / patch.sum()
        assert np.linalg.norm(centroid - [u, v]) < 1


def test_pixels_away_from_the_head_equal_the_plate_bit_for_bit():
    plate = blurred_noise(1)
    moved = warped(plate, ROTATED)
    assert not np.array_equal(moved, plate)
    person = cv2.resize(np.maximum(person_matte(), person_matte(ROTATED)), (640, 360))
    away = cv2.dilate((person > 0).astype(np.uint8), np.ones((61, 61))) == 0
    assert away.mean() > 0.3
    assert np.array_equal(moved[away], plate[away])


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_the_displacement_does_not_fold_up_to_15_degrees(rotation):
    motion = HeadMotion(FRONTAL, (rotation, FRONTAL[1]))
    points = _grid_points((0, 0, 640, 360), 4)
    displacement, distance = head_displacement(points, CAMERA, motion, SURFACE)
    motion_mm = _max_displacement(CAMERA, motion, SURFACE) * 1400 / CAMERA.focal_px
    falloff_mm = min(max(FALLOFF_MM, MIN_FALLOFF_RATIO * motion_mm), MARGIN_MM)
    source = points + _falloff(distance / falloff_mm)[..., None] * displacement
    by_x, by_y = np.gradient(source, 4.0, axis=1), np.gradient(source, 4.0, axis=0)
    assert (by_x[..., 0] * by_y[..., 1] - by_x[..., 1] * by_y[..., 0]).min() > 0


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_a_straight_line_behind_the_head_stays_straight(rotation):
    background = crossed_lines()
    moved = warped(with_person(background), (rotation, FRONTAL[1]), background)
    for row in [*range(2, 50), *range(70, 180)]:  # the vertical line, above and below the horizontal one
        dark = np.flatnonzero(moved[row, :, 0] < 110)
        assert len(dark) == 0 or (dark.min() >= 397 and dark.max() <= 401)
    for column in [*range(5, 200), *range(440, 635)]:
        assert 60 <= 20 + np.flatnonzero(moved[20:110, column, 0] < 110).mean() <= 62


def test_the_background_fills_what_the_head_uncovers():
    background = crossed_lines()
    plate = with_person(background)
    moved = warped(plate, (np.zeros(3), FRONTAL[1] + [-60, 0, 0]), background)
    uncovered = (cv2.resize(person_matte(), (640, 360)) > 250) & (np.arange(360)[:, None] < 100)
    uncovered[:, :330] = False
    assert (plate[uncovered] > 220).all()
    assert np.abs(moved[uncovered][:, 0].astype(int) - background[uncovered][:, 0]).mean() < 25


def test_without_a_known_background_the_picture_is_deformed_around_the_head():
    plate = blurred_noise(2)
    moved = warped(plate, ROTATED, matte=np.full((9, 16), 255, np.uint8))
    assert np.array_equal(moved[:, :60], plate[:, :60]) and np.array_equal(moved[:, 580:], plate[:, 580:])
    assert moved.min() >= 0 and abs(moved.mean() - plate.mean()) < 3


def test_cells_have_their_source_and_what_they_show_at_each_moving_point():
    rect, matrix = (201, 31, 466, 360), np.float32([[0.01, 0.02], [-0.03, 0.04]])
    points = _grid_points(rect, 8)
    matte = PersonMatte.of(person_matte(), (360, 640), 6.0)
    source, kinds = _source_and_kinds(points, points @ matrix.T + 2, matte, 20.0)
    assert np.allclose(np.moveaxis(source[:2], 0, 2), points + points @ matrix.T + 1.5, atol=1e-3)
    columns, rows = (points - 0.5).astype(int).clip(0, (639, 359))[1:-1, 1:-1].reshape(-1, 2).T
    person = cv2.resize(person_matte(), (640, 360))[rows, columns].reshape(kinds[1:-1, 1:-1].shape) > 128
    assert (kinds[1:-1, 1:-1][person] > 0).all() and set(np.unique(kinds)) == {0, 1, 2, 3}


def test_warped_pixels_are_those_of_opencvs_functions_for_whole_pictures():
    rng, rect, spacing = np.random.default_rng(0), (3, 5, 67, 47), 8
    plate, background = (np.ascontiguousarray(blurred_noise(seed)[:50, :80]) for seed in (1, 2))
    matte = (rng.random((2, 10, 16)) * 1.4 - 0.2).clip(0, 1).astype(np.float32)
    centres = _grid_points(rect, spacing)
    shifts = cv2.GaussianBlur(rng.normal(0, 20, centres.shape).astype(np.float32), (0, 0), 1)
    stretch = rng.random(centres.shape[:2]).astype(np.float32) * 0.5
    source = np.concatenate([np.moveaxis(centres + shifts - 0.5, 2, 0), stretch[None]])
    kinds, hidden = rng.integers(0, 4, stretch.shape).astype(np.uint8), rng.random((50, 80)) < 0.1
    out = plate.copy()
    warp_cells(Layers(plate, background, matte, 5.0), Cells(source, kinds, rect, spacing), hidden, out)

    def at_pixels(plane, interpolation=cv2.INTER_LINEAR):
        size = (plane.shape[1] * spacing, plane.shape[0] * spacing)
        inner = cv2.resize(plane, size, interpolation=interpolation)[spacing:-spacing, spacing:-spacing]
        return inner[: rect[3] - rect[1], : rect[2] - rect[0]]

    x, y, stretched = (at_pixels(plane) for plane in source)
    inside = np.s_[rect[1] : rect[3], rect[0] : rect[2]]
    columns, rows = np.meshgrid(np.arange(rect[0], rect[2], dtype=np.float32),
                                np.arange(rect[1], rect[3], dtype=np.float32))
    alpha, occlusion = (cv2.remap(plane, u / 5 - 0.4, v / 5 - 0.4, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                        for plane, u, v in ((matte[0], x, y), (matte[1], columns, rows)))
    kind = at_pixels(kinds, cv2.INTER_NEAREST)
    opacity = np.where(kind == 1, 1, np.maximum(alpha, stretched))[..., None]
    uncovered = np.where(kind == 3, occlusion, 0)[..., None]
    below = plate[inside] + uncovered * (background[inside].astype(float) - plate[inside])
    above = cv2.remap(plate, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    expected = np.where(((kind == 0) | hidden[inside])[..., None], plate[inside], below + opacity * (above - below))
    difference = np.abs(out[inside] - expected)
    assert difference.mean() < 0.4 and difference.max() < 4
    unchanged = (kind == 0) | hidden[inside]
    assert np.array_equal(out[inside][unchanged], plate[inside][unchanged])
    out[inside] = plate[inside]
    assert np.array_equal(out, plate)


def test_alpha_0_leaves_the_picture_below_bit_for_bit():
    plate, spacing = np.ascontiguousarray(blurred_noise(1)[:32, :32]), 8
    source = np.zeros((3, 6, 6), np.float32)
    for alpha, expected in ((0, plate), (1, np.broadcast_to(plate[:1, :1], plate.shape))):
        matte, out = np.full((2, 4, 4), alpha, np.float32), plate.copy()
        cells = Cells(source, np.full((6, 6), 2, np.uint8), (0, 0, 32, 32), spacing)
        warp_cells(Layers(plate, plate, matte, 8.0), cells, np.zeros((32, 32), bool), out)
        assert np.array_equal(out, expected)


@pytest.mark.parametrize("edge", [0, 10])
def test_a_colour_between_pixels_is_that_of_opencvs_cubic(edge):
    picture, rng = np.ascontiguousarray(blurred_noise(4)[:40, :60]), np.random.default_rng(0)
    x, y = (rng.uniform(edge - 5 * (not edge), size - edge + 5 * (not edge), 400).astype(np.float32)
            for size in (60, 40))
    expected = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[:, 0]
    made = np.array([sample_cubic(picture, u, v) for u, v in zip(x, y)])
    assert np.abs(made - expected).max() < 3 and np.abs(made - expected).mean() < 0.4
    assert made.min() >= 0 and made.max() <= 255


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30])
def test_places_that_are_nowhere_give_the_colour_of_an_edge(value):
    picture, plane = np.full((6, 8, 3), 77, np.uint8), np.full((6, 8), 0.5, np.float32)
    for x, y in ((value, 2.5), (3.5, value), (value, value)):
        assert sample_cubic(picture, np.float32(x), np.float32(y)) == pytest.approx((77, 77, 77))
        assert sample_linear(plane, np.float32(x), np.float32(y)) == 0.5


@pytest.mark.parametrize("pose", [
    (np.radians([0.0, 90.0, 0.0]), FRONTAL[1]),  # rays lie in planes of the surface
    (np.radians([-90.0, 0.0, 0.0]), FRONTAL[1]),
    (np.zeros(3), np.array([0.0, 0.0, -0.01])),  # the camera is in the head
    (np.zeros(3), np.array([0.0, 0.0, 500.0])),  # behind the camera
], ids=["profile", "from above", "at the camera", "behind the camera"])
def test_a_pose_that_shows_nothing_sensible_still_gives_a_picture(pose):
    plate = blurred_noise(3)
    warped = warp_plate(plate, Background(person_matte(), plate), CAMERA, HeadMotion(FRONTAL, pose), SURFACE)
    assert warped.shape == plate.shape and warped.dtype == np.uint8


def test_a_head_outside_the_frame_leaves_the_plate_unchanged():
    plate = blurred_noise(3)
    before = (np.zeros(3), np.array([3000.0, 0, -1400.0]))
    after = (np.zeros(3), np.array([3020.0, 0, -1400.0]))
    background = Background(person_matte(), plate)
    assert np.array_equal(warp_plate(plate, background, CAMERA, HeadMotion(before, after), SURFACE), plate)
