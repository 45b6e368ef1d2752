"""Warping a plate: the head goes where it is wanted, the background stands still, nothing folds or tears."""

import cv2
import numpy as np
import pytest

from headroom.face.camera import Camera, pose_vertices
from headroom.plate.head_surface import HeadSurface
from headroom.plate.matte import outline
from headroom.plate.warp import (
    AROUND,
    FALL_OFF,
    STEEPEST,
    Backdrop,
    _fading,
    _farthest,
    _grid,
    _head_shift,
    _mixed,
    _Motion,
    warp_plate,
)

CAMERA = Camera(1200.0, 640, 360)
STRAIGHT = (np.zeros(3), np.array([0.0, 10.0, -1400.0]))
TURNED = (np.radians([2.0, 4.0, 3.0]), np.array([8.0, 5.0, -1370.0]))
TURNS = [np.radians(turn) for turn in ([15, 0, 0], [-15, 0, 0], [0, 15, 0], [0, -15, 0], [0, 0, 15], [9, -9, 8])]


def face() -> np.ndarray:
    """A smooth face (V, 3) mm without a nose: part of an ellipsoid."""
    x, y = np.meshgrid(np.linspace(-65, 65, 27), np.linspace(-100, 70, 35))
    inside = (x / 66) ** 2 + ((y + 15) / 86) ** 2 < 1
    x, y = x[inside], y[inside]
    return np.stack([x, y, 60 * np.sqrt(1 - (x / 90) ** 2 - ((y + 15) / 120) ** 2) - 20], axis=1)


SURFACE = HeadSurface.of(face())


def person_matte(pose=STRAIGHT) -> np.ndarray:
    """(144, 256) uint8: head, neck and shoulders."""
    matte = np.zeros((144, 256), np.uint8)
    head = CAMERA.project(pose_vertices(SURFACE.head, *pose)) * 0.4
    cv2.fillConvexPoly(matte, cv2.convexHull(np.rint(head).astype(np.int32)), (255,))
    cv2.rectangle(matte, (118, 80), (138, 144), (255,), -1)
    cv2.ellipse(matte, (128, 150), (80, 40), 0, 0, 360, (255,), -1)
    return cv2.GaussianBlur(matte, (5, 5), 0)


def soft_noise(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(0, 255, (360, 640, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return ((soft - soft.min()) / np.ptp(soft) * 255).astype(np.uint8)


def lined_wall() -> np.ndarray:
    """A grey wall (360, 640, 3) with a dark upright and a dark level line behind the head."""
    wall = np.full((360, 640, 3), 180, np.uint8)
    wall[:, 398:401] = 40
    wall[60:63] = 40
    return wall


def before(wall: np.ndarray, colour: int = 240) -> np.ndarray:
    """The wall with the person before it."""
    share = cv2.resize(person_matte(), (640, 360))[..., None] / np.float32(255)
    return np.rint(wall + share * (colour - wall.astype(np.float32))).astype(np.uint8)


def warped(plate, wanted, background=None, matte=None):
    backdrop = Backdrop(person_matte() if matte is None else matte, plate if background is None else background)
    return warp_plate(plate, backdrop, CAMERA, STRAIGHT, wanted, SURFACE)


def test_equal_poses_give_the_plate_itself():
    plate = soft_noise(0)
    assert np.array_equal(warped(plate, STRAIGHT), plate)


def test_points_of_the_head_arrive_within_a_pixel():
    points = SURFACE.head[::9]
    here, wanted = (CAMERA.project(pose_vertices(points, *pose)) for pose in (STRAIGHT, TURNED))
    assert np.linalg.norm(here - wanted, axis=1).max() > 4
    y, x = np.mgrid[:360, :640] + 0.5
    dots = sum(np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * 1.5**2)) for u, v in here)
    plate = np.repeat((dots.clip(0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)
    moved = warped(plate, TURNED)[..., 0].astype(float)
    for u, v in wanted:
        left, top = int(u) - 4, int(v) - 4
        patch = moved[top : top + 9, left : left + 9]
        y, x = np.mgrid[top : top + 9, left : left + 9] + 0.5
        found = np.array([(patch * x).sum(), (patch * y).sum()]) / patch.sum()
        assert np.linalg.norm(found - [u, v]) < 1


def test_pixels_away_from_the_head_are_bit_identical():
    plate = soft_noise(1)
    moved = warped(plate, TURNED)
    assert not np.array_equal(moved, plate)
    shown = cv2.resize(np.maximum(person_matte(), person_matte(TURNED)), (640, 360))
    beside = cv2.dilate((shown > 0).astype(np.uint8), np.ones((61, 61))) == 0
    assert beside.mean() > 0.3
    assert np.array_equal(moved[beside], plate[beside])


@pytest.mark.parametrize("turn", TURNS)
def test_the_persons_motion_never_folds_up_to_15_degrees(turn):
    wanted = (turn, STRAIGHT[1])
    grid = _grid((0, 0, 640, 360), 4)
    shift, away = _head_shift(grid, CAMERA, STRAIGHT, wanted, SURFACE)
    farthest = _farthest(CAMERA, STRAIGHT, wanted, SURFACE) * 1400 / CAMERA.focal_px
    source = grid + _fading(away / min(max(FALL_OFF, STEEPEST * farthest), AROUND))[..., None] * shift
    by_x, by_y = np.gradient(source, 4.0, axis=1), np.gradient(source, 4.0, axis=0)
    assert (by_x[..., 0] * by_y[..., 1] - by_x[..., 1] * by_y[..., 0]).min() > 0


@pytest.mark.parametrize("turn", TURNS)
def test_a_straight_line_behind_the_head_stays_straight(turn):
    wall = lined_wall()
    moved = warped(before(wall), (turn, STRAIGHT[1]), wall)
    for row in [*range(2, 50), *range(70, 180)]:  # the upright line, above and below the level one
        dark = np.flatnonzero(moved[row, :, 0] < 110)
        assert len(dark) == 0 or (dark.min() >= 397 and dark.max() <= 401)
    for column in [*range(5, 200), *range(440, 635)]:
        assert 60 <= 20 + np.flatnonzero(moved[20:110, column, 0] < 110).mean() <= 62


def test_what_the_head_uncovers_is_the_background():
    wall = lined_wall()
    plate = before(wall)
    moved = warped(plate, (np.zeros(3), STRAIGHT[1] + [-60, 0, 0]), wall)
    uncovered = (cv2.resize(person_matte(), (640, 360)) > 250) & (np.arange(360)[:, None] < 100)
    uncovered[:, :330] = False
    assert (plate[uncovered] > 220).all()
    assert np.abs(moved[uncovered][:, 0].astype(int) - wall[uncovered][:, 0]).mean() < 25


def test_without_a_known_background_the_surroundings_bend_and_nothing_is_lost():
    plate = soft_noise(2)
    moved = warped(plate, TURNED, matte=np.full((9, 16), 255, np.uint8))
    assert np.array_equal(moved[:, :60], plate[:, :60]) and np.array_equal(moved[:, 580:], plate[:, 580:])
    assert moved.min() >= 0 and abs(moved.mean() - plate.mean()) < 3


def test_tiles_hold_each_moving_pixel_once_and_where_it_comes_from():
    window, turn = (201, 31, 466, 360), np.float32([[0.01, 0.02], [-0.03, 0.04]])
    grid = _grid(window, 8)
    motion = _Motion.of(grid, grid @ turn.T + 2, outline(person_matte(), (360, 640), 6.0), 20.0)
    painted = np.zeros((360, 640), int)
    for tile in motion.tiles(window, 8):
        height, width = tile.x.shape
        painted[tile.top : tile.top + height, tile.left : tile.left + width] += 1
        middles = np.stack(np.meshgrid(tile.left + np.arange(width), tile.top + np.arange(height)), axis=-1) + 0.5
        source = middles + middles @ turn.T + 2 - 0.5
        assert np.allclose(tile.x, source[..., 0], atol=1e-3) and np.allclose(tile.y, source[..., 1], atol=1e-3)
    outside = np.ones((360, 640), bool)
    outside[31:360, 201:466] = False
    person = cv2.resize(person_matte(), (640, 360)) > 128
    assert painted.max() == 1 and not painted[outside].any() and painted[person & ~outside].all()


def test_a_picture_without_a_share_leaves_the_one_below_bit_for_bit():
    under = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    nothing = np.zeros((16, 16), np.float32)
    assert np.array_equal(_mixed(under, 255 - under, nothing), under)
    assert np.array_equal(_mixed(under, 255 - under, nothing + 1), 255 - under)


def test_a_head_outside_the_frame_leaves_the_plate():
    plate = soft_noise(3)
    away = (np.zeros(3), np.array([3000.0, 0, -1400.0]))
    further = (np.zeros(3), np.array([3020.0, 0, -1400.0]))
    backdrop = Backdrop(person_matte(), plate)
    assert np.array_equal(warp_plate(plate, backdrop, CAMERA, away, further, SURFACE), plate)
