"""The regions of faces whose landmarks are drawn by hand, and what is measured in them."""

import cv2
import numpy as np
import pytest

from headroom.evaluation.figures import RegionFigures
from headroom.evaluation.measure_regions import mean_regions, measure_regions, perceptual_distances
from headroom.evaluation.measures import IDENTICAL_DB, MOUTH
from headroom.evaluation.regions import (
    FEATURE_MARGIN,
    OVAL,
    REGIONS,
    RIM_INSIDE,
    RIM_OUTSIDE,
    Regions,
    face_mask,
    face_width,
    face_window,
)
from headroom.face.topology import EYE_CORNERS, EYE_LIDS

CENTRE, RADIUS = np.array([150.0, 140.0]), 80.0
EYES = (np.array([120.0, 120.0]), np.array([180.0, 120.0]))
LIPS = np.array([150.0, 180.0])


def circle(centre, radius, count):
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return centre + radius * np.stack([np.cos(angles), np.sin(angles)], -1)


@pytest.fixture
def points():
    """A round face with round eyes and lips."""
    landmarks = np.full((478, 3), 150.0)
    landmarks[list(OVAL), :2] = circle(CENTRE, RADIUS, len(OVAL))
    for centre, corners, lids in zip(EYES, EYE_CORNERS, EYE_LIDS):
        landmarks[[*corners, *lids], :2] = circle(centre, 8, 4)
    landmarks[list(MOUTH), :2] = circle(LIPS, 15, len(MOUTH))
    return landmarks


def distances(centre, height=300, width=300):
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.hypot(columns - centre[0], rows - centre[1])


def test_the_face_is_the_hull_of_its_oval(points):
    mask = face_mask(points, 300, 300)
    assert mask.sum() == pytest.approx(np.pi * RADIUS**2, rel=0.02)
    assert face_width(points) == pytest.approx(2 * RADIUS)
    np.testing.assert_array_equal(Regions.of(points, 300, 300).face, mask)


def test_the_rim_is_a_band_on_both_sides_of_the_outline(points):
    rim, distance = Regions.of(points, 300, 300).rim, distances(CENTRE) - RADIUS
    outside, inside = RIM_OUTSIDE * 2 * RADIUS, RIM_INSIDE * 2 * RADIUS
    assert (RIM_OUTSIDE, RIM_INSIDE) == (0.16, 0.08)
    assert rim[(distance < outside - 2) & (distance > 2 - inside)].all()
    assert not rim[(distance > outside + 2) | (distance < -inside - 2)].any()


def test_mouth_and_eyes_are_their_hulls_with_a_margin(points):
    regions, margin = Regions.of(points, 300, 300), FEATURE_MARGIN * 2 * RADIUS
    assert regions.mouth.sum() == pytest.approx(np.pi * (15 + margin) ** 2, rel=0.05)
    assert regions.mouth[180, 150] and not regions.mouth[140, 150]
    for centre in EYES:
        assert regions.eyes[distances(centre) < margin + 5].all()  # the square of four points holds a circle of 5.6
    assert not regions.eyes[np.minimum(*map(distances, EYES)) > margin + 10].any()


def test_the_window_holds_all_regions_and_gives_the_same_ones(points):
    whole, window = Regions.of(points, 300, 300), face_window(points, 300, 300)
    rows, columns = window
    part = Regions.of(points - [columns.start, rows.start, 0], rows.stop - rows.start, columns.stop - columns.start)
    for name, mask in whole.items():
        np.testing.assert_array_equal(mask[window], getattr(part, name))
        assert mask[window].sum() == mask.sum() > 0
    assert [name for name, _ in whole.items()] == list(REGIONS) == ["face", "rim", "mouth", "eyes"]


def test_a_face_at_the_frames_border_has_no_rim_along_it(points):
    left_half = Regions.of(points - [150, 0, 0], 300, 300)
    whole = Regions.of(points, 300, 300)
    for name, mask in left_half.items():
        np.testing.assert_array_equal(mask[:, :100], getattr(whole, name)[:, 150:250])
    rows, columns = face_window(points - [150, 0, 0], 300, 300)
    assert columns.start == 0 and 0 < columns.stop < 150 and rows.start > 0


def test_without_landmarks_every_region_is_empty():
    regions = Regions.of(np.full((478, 3), np.nan), 60, 50)
    assert all(mask.shape == (60, 50) and not mask.any() for _, mask in regions.items())


@pytest.fixture
def frame():
    noise = np.random.default_rng(5).uniform(0, 255, (320, 330, 3)).astype(np.float32)
    return (0.5 * noise + 0.5 * cv2.GaussianBlur(noise, (0, 0), 4)).astype(np.uint8)


def soft_where(frame, mask):
    return np.where(mask[..., None], cv2.GaussianBlur(frame, (0, 0), 1.5), frame)


def test_the_same_frame_has_perfect_figures_in_every_region(frame, points):
    figures = measure_regions(frame, frame, points)
    assert figures == dict.fromkeys(REGIONS, RegionFigures(psnr=IDENTICAL_DB, sharpness=1, perceptual=0))


def test_a_soft_surrounding_shows_in_the_rim_alone(frame, points):
    around = distances(CENTRE, *frame.shape[:2]) > RADIUS + 10
    figures = measure_regions(frame, soft_where(frame, around), points)
    assert figures["rim"].psnr < 35 and figures["rim"].sharpness < 0.9 and figures["rim"].perceptual > 0.05
    for name in ("face", "mouth", "eyes"):
        assert figures[name].psnr == IDENTICAL_DB and figures[name].sharpness == 1
        assert figures[name].perceptual < 0.01


def test_a_soft_mouth_shows_in_the_mouth_and_a_little_in_the_face(frame, points):
    lips = Regions.of(points, *frame.shape[:2]).mouth
    figures = measure_regions(frame, soft_where(frame, lips), points)
    assert figures["eyes"] == RegionFigures(IDENTICAL_DB, 1, pytest.approx(0, abs=1e-3))
    assert figures["mouth"].psnr < figures["face"].psnr < figures["rim"].psnr == IDENTICAL_DB
    assert figures["mouth"].sharpness < figures["face"].sharpness < 1
    assert figures["mouth"].perceptual > figures["face"].perceptual > 0.01


def test_the_perceptual_distance_is_told_for_each_mask(frame):
    left = np.zeros(frame.shape[:2], bool)
    left[:, :100] = True
    right = np.roll(left, 200, axis=1)
    near, far = perceptual_distances(frame, soft_where(frame, right), [left, right])
    assert near < 1e-3 < 0.1 < far < 4


def test_frames_without_a_face_count_for_no_region(frame, points):
    assert measure_regions(frame, frame, np.full((478, 3), np.nan)) == {}
    assert measure_regions(frame, frame, points + 5000) == {}
    one, other = (dict.fromkeys(REGIONS, RegionFigures(*values)) for values in ((30, 0.5, 0.2), (40, 1.0, 0.4)))
    assert mean_regions([one, {}, other])["rim"] == RegionFigures(35, 0.75, pytest.approx(0.3))
    assert mean_regions([{}, {}]) == dict.fromkeys(REGIONS)
