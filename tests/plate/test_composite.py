"""Crop and composite: nothing outside the mask changes, nothing moves."""

import cv2
import numpy as np
import pytest

from headroom.face.camera import Crop
from headroom.plate.composite import composite, crop_frame, flicker


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth colourful picture (H, W, 3) uint8."""
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 4)
    return ((soft - soft.min()) / np.ptp(soft) * 255).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((a.astype(float) - b) ** 2) / 255**2 + 1e-12))


def disc(size: int) -> np.ndarray:
    """A soft round mask (R, R)."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.clip((0.35 * size - np.hypot(x, y)) / (0.1 * size), 0, 1).astype(np.float32)


@pytest.mark.parametrize("size", [128, 200, 256, 333, 400])
@pytest.mark.parametrize("corner", [(40, 20), (-30, -50), (500, 300)])
def test_outside_the_mask_the_plate_is_bit_identical(size, corner):
    plate = picture(480, 640)
    crop = Crop(*corner, size)
    mask = disc(256)
    frame = composite(plate, crop, 255 - crop_frame(plate, crop, 256), mask)
    reach = np.zeros((480 + 2000, 640 + 2000), bool)
    shown = cv2.dilate(cv2.resize(mask, (size, size)), np.ones((5, 5))) > 0
    reach[1000 + crop.y :, 1000 + crop.x :][:size, :size] = shown
    reach = reach[1000:1480, 1000:1640]
    assert np.array_equal(frame[~reach], plate[~reach])
    assert not np.array_equal(frame, plate)


@pytest.mark.parametrize("size", [100, 200, 256, 300])
def test_a_crop_put_back_is_the_frame(size):
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


def test_an_empty_mask_gives_the_plate():
    plate = picture(100, 120)
    frame = composite(plate, Crop(10, 10, 64), np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.float32))
    assert np.array_equal(frame, plate)


def test_flicker_is_zero_for_steady_motion_and_grows_with_noise():
    ramp = [np.full((32, 32, 3), 10 * step, np.uint8) for step in range(6)]
    mask = [np.ones((32, 32), np.float32)] * 6
    assert flicker(ramp, mask) == pytest.approx(0, abs=1e-3)
    restless = [frame + np.uint8(5 * (index % 2)) for index, frame in enumerate(ramp)]
    assert flicker(restless, mask) > 5
