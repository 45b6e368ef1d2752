"""The erased area of a plate, and the mask inside it."""

import numpy as np
import pytest
from drawn_faces import SIZE, drawn_clip

from headroom.refine.inputs import CropPlate, prepare_frame
from headroom.refine.region import RegionConfig, erase, face_region


@pytest.fixture(scope="module")
def clip():
    return drawn_clip(1)


def test_the_mask_lies_inside_the_erased_area_and_covers_the_render(clip):
    alpha = clip[1][0][..., 3]
    erased, mask = face_region(alpha, RegionConfig())
    assert erased.shape == mask.shape == alpha.shape
    assert (erased[mask > 0] == 1).all()
    assert (mask[alpha > 0] > 0.95).all()
    assert erased[:4].max() == 0 and mask.max() == 1


def test_the_erased_area_reaches_further_below_the_chin(clip):
    alpha = clip[1][0][..., 3]
    erased_rows = np.flatnonzero(face_region(alpha, RegionConfig())[0].any(axis=1))
    face_rows = np.flatnonzero(alpha.any(axis=1))
    assert erased_rows[-1] - face_rows[-1] > face_rows[0] - erased_rows[0] + 1


def test_erasing_hides_what_was_there_and_keeps_the_rest(clip):
    plate, alpha = clip[0][0], clip[1][0][..., 3]
    erased, _ = face_region(alpha, RegionConfig())
    other = plate.copy()
    other[erased == 1] = np.random.default_rng(0).integers(0, 255, (int((erased == 1).sum()), 3))
    result = erase(plate, erased)
    assert np.array_equal(result, erase(other, erased))
    assert np.array_equal(result[erased == 0], plate[erased == 0])
    assert np.abs(result[30, 32].astype(int) - (90, 120, 160)).max() < 12


def test_an_empty_render_has_no_mask_and_leaves_the_plate_unchanged(clip):
    frame = prepare_frame(np.zeros((SIZE, SIZE, 4), np.uint8), CropPlate(clip[0][0]), RegionConfig())
    assert not frame.mask.any() and np.array_equal(frame.colour, clip[0][0])
