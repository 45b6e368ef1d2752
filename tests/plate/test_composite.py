"""Crop and composite: pixels outside the mask keep their values, and nothing moves."""

import cv2
import numpy as np
import pytest

from headroom.face.camera import Crop
from headroom.plate.composite import AGREEMENT, DETAIL_PIXELS, composite, crop_frame


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return a smooth colourful picture (H, W, 3) uint8."""
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 4)
    return ((blurred - blurred.min()) / np.ptp(blurred) * 255).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((a.astype(float) - b) ** 2) / 255**2 + 1e-12))


def disc(size: int) -> np.ndarray:
    """Return a soft round mask (R, R)."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.clip((0.35 * size - np.hypot(x, y)) / (0.1 * size), 0, 1).astype(np.float32)


@pytest.mark.parametrize("size", [128, 200, 256, 333, 400])
@pytest.mark.parametrize("corner", [(40, 20), (-30, -50), (500, 300)])
def test_outside_the_mask_the_frame_equals_the_plate_bit_for_bit(size, corner):
    plate = picture(480, 640)
    crop = Crop(*corner, size)
    mask = disc(256)
    frame = composite(plate, crop, 255 - crop_frame(plate, crop, 256), mask)
    changed = np.zeros((480 + 2000, 640 + 2000), bool)
    covered = cv2.dilate(cv2.resize(mask, (size, size)), np.ones((5, 5))) > 0
    changed[1000 + crop.y :, 1000 + crop.x :][:size, :size] = covered
    changed = changed[1000:1480, 1000:1640]
    assert np.array_equal(frame[~changed], plate[~changed])
    assert not np.array_equal(frame, plate)


@pytest.mark.parametrize("size", [100, 200, 256, 300])
def test_a_crop_composited_over_its_frame_gives_the_frame(size):
    plate = picture(480, 640)
    crop = Crop(170, 60, size)
    frame = composite(plate, crop, crop_frame(plate, crop, 256), np.ones((256, 256), np.float32))
    assert psnr(frame, plate) > 42


def test_a_crop_beyond_the_frame_repeats_the_edge():
    plate = picture(100, 120)
    crop = crop_frame(plate, Crop(-20, 60, 64), 64)
    assert np.array_equal(crop[:40, 20:], plate[60:, :44])
    assert np.array_equal(crop[:40, :20], np.repeat(plate[60:, :1], 20, axis=1))
    assert np.array_equal(crop[40:, 20:], np.repeat(plate[-1:, :44], 24, axis=0))
    assert crop_frame(plate, Crop(500, 500, 64), 32).shape == (32, 32, 3)


def test_an_empty_mask_returns_the_plate():
    plate = picture(100, 120)
    frame = composite(plate, Crop(10, 10, 64), np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.float32))
    assert np.array_equal(frame, plate)


def grainy(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a smooth picture (S, S, 3) float and the same with grain."""
    smooth = 60 + 0.5 * picture(size, size).astype(np.float32)
    return smooth, smooth + np.random.default_rng(1).normal(0, 12, (size, size, 1)).clip(-30, 30)


@pytest.mark.parametrize("resolution", [64, 128])
def test_a_soft_crop_over_a_plate_that_shows_the_same_keeps_the_plates_detail(resolution):
    smooth, plate = grainy(256)
    crop = Crop(0, 0, 256)
    soft = crop_frame((smooth + 6).astype(np.uint8), crop, resolution)  # 6 levels brighter
    mask = np.ones((resolution, resolution), np.float32)
    sharp, plain = (composite(plate.astype(np.uint8), crop, soft, mask, plate_detail).astype(np.float32)
                    for plate_detail in (True, False))
    inner = np.s_[8:-8, 8:-8]
    assert abs((sharp - smooth)[inner].mean() - 6) < 1  # the crop's colours
    grain = (plate - smooth)[inner]
    assert ((sharp - smooth)[inner] * grain).sum() > 0.7 * (grain**2).sum()
    assert abs(((plain - smooth)[inner] * grain).sum()) < 0.1 * (grain**2).sum()


def test_where_the_crop_shows_something_else_nothing_of_the_plate_is_left():
    _, plate = grainy(256)
    crop, mask = Crop(0, 0, 256), np.ones((128, 128), np.float32)
    dark = np.zeros((128, 128, 3), np.uint8)  # an open mouth over lips
    assert not composite(plate.astype(np.uint8), crop, dark, mask, plate_detail=True).any()


@pytest.mark.parametrize("plate_detail", [False, True])
def test_a_composited_frame_is_that_of_a_loop_over_its_pixels(plate_detail):
    rng = np.random.default_rng(0)
    plate, refined = picture(40, 50, 1), picture(32, 32, 2)
    refined[:, :16] = np.clip(plate[4:36, 10:26].astype(int) + rng.integers(-20, 20, (32, 16, 3)), 0, 255)
    crop, mask = Crop(10, 4, 32), disc(32)
    made = composite(plate, crop, refined, mask, plate_detail)
    change = refined.astype(np.float32) - plate[4:36, 10:42]
    coarse = cv2.GaussianBlur(change, (0, 0), DETAIL_PIXELS)
    inside = np.argwhere(mask == 1)
    for y, x in [*inside, *np.argwhere((mask > 0) & (mask < 1))]:
        taken = change[y, x].astype(float)
        if plate_detail and 9 < y < 23 and 9 < x < 23:  # where the blur sees the same in both
            alike = min(max(2 - np.abs(coarse[y, x]).mean() / AGREEMENT, 0), 1)
            taken += alike * (coarse[y, x] - taken)
        elif plate_detail:
            continue
        expected = plate[y + 4, x + 10] + mask[y, x] * taken
        assert np.abs(made[y + 4, x + 10] - expected).max() <= 0.51
