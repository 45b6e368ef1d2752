"""The seam between two people of one clip, and a person of another clip over the frame."""

from itertools import product

import cv2
import numpy as np
import pytest

from headroom.face.camera import Crop
from headroom.plate.cut_out import cut_out, outline, over_frame, without_small_holes
from headroom.plate.matte import own_matte
from headroom.plate.placing import Placement
from headroom.plate.seam import (
    STEP_COST,
    find_seam,
    join_at_seam,
    seam_difference,
    seam_range,
    seam_weight,
)

HEIGHT, WIDTH = 60, 160


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_the_seam_is_the_cheapest_of_all_paths_tried_by_hand(rng):
    difference = rng.uniform(0, 5, (6, 9))
    first, end = 2, 7
    paths = [path for path in product(range(first, end), repeat=6) if (np.abs(np.diff(path)) <= 1).all()]
    costs = [sum(difference[row, column] for row, column in enumerate(path)) + STEP_COST * np.abs(np.diff(path)).sum()
             for path in paths]
    assert tuple(find_seam(difference, first, end)) == paths[int(np.argmin(costs))]


def test_the_seam_goes_around_what_moves(rng):
    """Two plates of one wall with a thing between the people at another place in each."""
    wall = rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    left, right = wall.copy(), wall.copy()
    left[20:50, 76:90] = 0
    columns = find_seam(seam_difference([(left, right)]), 60, 100)
    assert not ((columns[20:50] >= 76) & (columns[20:50] < 90)).any()
    joined = join_at_seam(left, right, seam_weight(columns, WIDTH, (HEIGHT, WIDTH)))
    assert np.array_equal(joined[:20], wall[:20]) and np.array_equal(joined[50:], wall[50:])


def test_a_bystander_keeps_every_pixel_and_each_person_is_from_their_own_picture(rng):
    wall = rng.integers(60, 90, (HEIGHT, WIDTH, 3), np.uint8)
    left, right = wall.copy(), wall.copy()
    for frame, level in ((left, 10), (right, 20)):
        frame[:, 20:50] = level  # the first person
        frame[:, 110:140] = level + 100  # the second
    left[:, 150:], right[:, 150:] = 200, 201  # a bystander beside the second, seen at both moments
    columns = find_seam(seam_difference([(left, right)]), 50, 110)
    weight = seam_weight(columns, WIDTH, (HEIGHT, WIDTH))
    joined = join_at_seam(left, right, weight)
    assert np.array_equal(joined[:, :50], left[:, :50]) and np.array_equal(joined[:, 110:], right[:, 110:])
    by_hand = np.array([[[round(float(a) + float(w) * (float(b) - float(a)) + 1e-4) for a, b in zip(*pair)]
                         for *pair, w in zip(*rows)] for rows in zip(left, right, weight)])
    assert np.abs(joined.astype(int) - by_hand).max() <= 1


def test_a_seam_found_in_a_smaller_picture_lies_at_the_same_place():
    weight = seam_weight(np.full(30, 20), 40, (300, 400))
    assert np.abs((weight > 0.5).argmax(axis=1) - 205).max() <= 1
    assert weight[:, :195].max() == 0 and weight[:, 215:].min() == 1


def test_the_seam_stays_away_from_both_heads():
    first, end = seam_range(Crop(100, 50, 200), Crop(400, 60, 200))
    assert 200 + 0.3 * 200 < first < end < 500 - 0.3 * 200
    first, end = seam_range(Crop(100, 50, 200), Crop(180, 60, 200))
    assert end <= first


@pytest.mark.parametrize("placement", [Placement(0.5, 30, 10), Placement(1, -20, 5), Placement(1.5, -3.5, -20)])
def test_a_placed_picture_lies_where_its_corner_says(placement):
    picture = np.zeros((80, 120, 3), np.uint8)
    picture[20:60, 40:100] = 200
    placed = placement.placed(picture, 160, 90)
    assert placed.shape == (90, 160, 3)
    for number, (low, high), limit in ((1, (40, 100), 160), (0, (20, 60), 90)):
        offset = (placement.y, placement.x)[number]
        wanted = [min(max(round(offset + placement.scale * side), 0), limit) for side in (low, high)]
        inside = np.flatnonzero((placed[..., 0] > 100).any(axis=1 - number))
        assert abs(inside[0] - wanted[0]) <= 1 and abs(inside[-1] + 1 - wanted[1]) <= 1


@pytest.mark.parametrize("wider", [0, 4])
def test_a_person_over_a_frame_brings_no_colour_of_their_background(rng, wider):
    """The person's picture is mixed with a red background; over the frame the mixture is with the frame instead.

    wider: pixels by which the matte reaches beyond the person.
    """
    frame = rng.integers(0, 255, (4 * HEIGHT, 4 * WIDTH, 3), np.uint8)
    alpha = np.zeros(frame.shape[:2], np.float32)
    alpha[40:200, 160:400] = 1
    alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 2), np.float32)
    colour, red = np.array([90.0, 110.0, 60.0]), np.array([200.0, 10.0, 10.0])
    mixed = np.rint(alpha[..., None] * colour + (1 - alpha[..., None]) * red).astype(np.uint8)
    matte = np.where(alpha < 0.02, 0, alpha)
    if wider:
        matte = cv2.dilate((alpha > 0.02).astype(np.float32), np.ones((2 * wider + 1,) * 2, np.uint8))
    fine, colours = cut_out(matte, mixed, np.full_like(frame, 128))
    out = over_frame(frame, fine, colours)
    wanted = alpha[..., None] * colour + (1 - alpha[..., None]) * frame
    assert np.abs(out - wanted).mean() < 0.3 and np.abs(out - wanted).max() < 30
    assert np.array_equal(out[matte == 0], frame[matte == 0])


def test_a_person_in_the_colours_of_the_background_keeps_the_outline_of_the_matte(rng):
    picture = rng.integers(100, 120, (120, 200, 3), np.uint8)
    matte = np.zeros((120, 200), np.float32)
    matte[30:, 60:140] = 1
    fine, colours = cut_out(matte, picture, picture)
    assert np.array_equal(fine, matte) and np.abs(colours[matte == 1] - picture[matte == 1]).max() < 15


def test_a_small_hole_in_a_person_is_closed_and_a_gap_stays():
    alpha = np.ones((200, 300), np.float32)
    alpha[:20] = alpha[60:66, 60:66] = alpha[100:160, 150:200] = alpha[180:, 290:] = 0
    closed = without_small_holes(alpha)
    assert (closed[55:70, 55:70] == 1).all()
    closed[60:66, 60:66] = 0
    assert np.array_equal(closed, alpha)


def test_a_matte_of_two_people_keeps_the_one_around_the_crop():
    matte = np.zeros((36, 64), np.uint8)
    matte[8:36, 6:24], matte[8:36, 40:60] = 255, 255
    own = own_matte(matte, Crop(50, 90, 110), (360, 640))
    assert own[20, 15] == 255 and not own[:, 34:].any()
    assert not own_matte(matte, Crop(270, 0, 60), (360, 640)).any()


def test_a_coarse_outline_follows_the_edge_of_the_picture():
    picture = np.full((60, 800, 3), 40, np.uint8)
    picture[:, 400:] = 220
    coarse = np.clip((np.arange(800) - 396) / 12, 0, 1).astype(np.float32)
    alpha = outline(np.tile(coarse, (60, 1)), picture)
    true = (np.arange(800) >= 400).astype(float)
    assert np.abs(alpha - true).mean() < 0.5 * np.abs(coarse - true).mean()
