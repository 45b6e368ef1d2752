"""Every measure against a loop written by hand, a closed form, or an invariant."""

import cv2
import numpy as np
import pytest
from scipy.signal import convolve

from headroom.evaluation import measures
from headroom.evaluation.measures import (
    MOUTH,
    flicker,
    flicker_ratio,
    head_pose_similarity,
    jitter,
    lip_correlation,
    mouth_distance,
    pose_distance_degrees,
    pose_jitter_degrees,
    pose_jitter_pixels,
    psnr,
    psnr_atvg,
    sharpness,
    ssim,
)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture
def picture(rng):
    return cv2.GaussianBlur(rng.integers(0, 256, (256, 256, 3), np.uint8), (9, 9), 3)


def noisy(picture, sigma, rng):
    return np.clip(picture + rng.normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)


def landmarks(rng, frames=40):
    return rng.uniform(100, 200, (frames, 478, 3)).astype(np.float32)


def test_psnr_of_a_constant_error_is_its_closed_form():
    black = np.zeros((8, 9, 3), np.uint8)
    assert psnr(black, black + 5) == pytest.approx(20 * np.log10(255 / 5))
    assert psnr(black, black) == measures.IDENTICAL_DB
    assert psnr(black, black + 255) == pytest.approx(0)


def test_psnr_compares_only_the_pixels_of_the_mask():
    truth, made = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    made[:4] = 10
    mask = np.zeros((8, 8), bool)
    mask[:2] = True
    assert psnr(truth, made, mask) == pytest.approx(20 * np.log10(255 / 10))
    assert psnr(truth, made, ~mask) > psnr(truth, made) > psnr(truth, made, mask)


LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], float)


def grey_noise(rng, deviation):
    return np.repeat(rng.normal(128, deviation, (300, 300, 1)), 3, axis=2)


def as_picture(values):
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def test_a_blur_lowers_the_sharpness_of_white_noise_by_the_norm_of_its_kernel(rng):
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    truth = grey_noise(rng, 30)
    blurred = cv2.filter2D(truth, -1, kernel)
    expected = np.linalg.norm(convolve(LAPLACIAN, kernel)) / np.linalg.norm(LAPLACIAN)
    everywhere = np.ones((300, 300), bool)
    assert sharpness(as_picture(truth), as_picture(blurred), everywhere) == pytest.approx(expected, rel=0.02)


def test_noise_raises_the_sharpness_by_the_norm_of_the_laplacian(rng):
    truth, everywhere = grey_noise(rng, 20), np.ones((300, 300), bool)
    noisy = truth + grey_noise(rng, 15) - 128
    assert sharpness(as_picture(truth), as_picture(noisy), everywhere) == pytest.approx(np.hypot(20, 15) / 20, rel=0.02)
    made = np.full((300, 300, 3), 100, np.uint8)
    made[::2, ::2] = 110  # a known pattern over a flat truth, whose Laplacian has the levels -40, 20 and 0
    deviation = np.std([-40, 20, 20, 0])
    assert sharpness(np.full_like(made, 90), made, everywhere) == pytest.approx(deviation / measures.FLAT, rel=0.02)


def test_sharpness_is_one_for_the_same_picture_and_looks_only_inside_the_mask(picture):
    left = np.zeros((256, 256), bool)
    left[:, :100] = True
    made = picture.copy()
    made[:, 102:] = 0
    flat = np.full_like(picture, 7)
    assert sharpness(picture, picture, left) == sharpness(picture, made, left) == sharpness(flat, flat, left) == 1
    assert sharpness(picture, made, np.roll(left, 110, 1)) < 0.01


def test_psnr_atvg_overflows_as_its_script_does(picture, rng):
    """The published script gives 30.3 dB for noise of sigma 10, and 48.1 dB for black against white."""
    grey = np.full((256, 256, 3), 128, np.uint8)
    noise = np.repeat(rng.normal(0, 10, (256, 256, 1)), 3, axis=2)
    assert psnr_atvg(grey, np.clip(grey + noise, 0, 255).astype(np.uint8)) == pytest.approx(30.3, abs=0.3)
    assert psnr_atvg(np.zeros_like(grey), np.full_like(grey, 255)) == pytest.approx(48.13, abs=0.01)
    assert psnr_atvg(picture, 255 - picture) > 24


def test_ssim_matches_a_loop_written_by_hand(picture, rng):
    made = noisy(picture, 12, rng)
    values = []
    for row in range(0, 250, 25):
        for column in range(0, 250, 25):
            for channel in range(3):
                x = picture[row:row + 7, column:column + 7, channel].astype(float).ravel()
                y = made[row:row + 7, column:column + 7, channel].astype(float).ravel()
                covariance = np.cov(x, y)
                c1, c2 = 6.5025, 58.5225
                values.append(
                    (2 * x.mean() * y.mean() + c1) * (2 * covariance[0, 1] + c2)
                    / ((x.mean() ** 2 + y.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2))
                )
    assert ssim(picture, picture) == pytest.approx(1)
    assert ssim(picture, made) == pytest.approx(np.mean(values), abs=0.03)  # the loop visits every 25th window


def test_ssim_of_one_window_is_exact(rng):
    """A picture that repeats one 7 x 7 patch has that patch's similarity in every window."""
    patch = rng.integers(0, 256, (7, 7, 3)).astype(np.uint8)
    other = rng.integers(0, 256, (7, 7, 3)).astype(np.uint8)
    x, y = (np.tile(p, (37, 37, 1))[:256, :256] for p in (patch, other))
    expected = []
    for channel in range(3):
        a, b = patch[..., channel].astype(float).ravel(), other[..., channel].astype(float).ravel()
        c = np.cov(a, b)
        expected.append((2 * a.mean() * b.mean() + 6.5025) * (2 * c[0, 1] + 58.5225)
                        / ((a.mean() ** 2 + b.mean() ** 2 + 6.5025) * (c[0, 0] + c[1, 1] + 58.5225)))
    assert ssim(x, y) == pytest.approx(np.mean(expected), abs=1e-9)


def test_identity_similarity_is_the_mean_cosine_of_frames_with_a_face(rng):
    truth, made = rng.normal(0, 1, (6, 8)), rng.normal(0, 1, (6, 8))
    cosines = [a @ b / np.sqrt(a @ a) / np.sqrt(b @ b) for a, b in zip(truth, made, strict=True)]
    assert measures.identity_similarity(truth, made) == pytest.approx(np.mean(cosines))
    assert measures.identity_similarity(truth, 3 * truth) == pytest.approx(1)
    truth[0], made[1] = np.nan, np.nan
    assert measures.identity_similarity(truth, made) == pytest.approx(np.mean(cosines[2:]))
    assert measures.identity_similarity(truth, np.full((6, 8), np.nan)) is None


def test_mouth_distance_matches_a_loop_and_ignores_the_position_of_the_mouth(rng):
    truth, made = landmarks(rng), landmarks(rng)
    total = []
    for a, b in zip(truth, made, strict=True):
        a, b = a[list(MOUTH), :2], b[list(MOUTH), :2]
        a, b = a - a.mean(0), b - b.mean(0)
        total.append(np.mean([np.hypot(*(p - q)) for p, q in zip(a, b, strict=True)]))
    assert mouth_distance(truth, made) == pytest.approx(np.mean(total), rel=1e-5)
    assert mouth_distance(truth, truth + np.float32([7, -3, 0])) == pytest.approx(0, abs=1e-4)
    assert len(set(MOUTH)) == 20


def test_frames_without_a_face_are_left_out(rng):
    truth, made = landmarks(rng), landmarks(rng)
    expected = mouth_distance(truth[5:], made[5:]), lip_correlation(truth[5:], made[5:])
    truth[:3], made[3:5] = np.nan, np.nan
    assert (mouth_distance(truth, made), lip_correlation(truth, made)) == pytest.approx(expected)


def test_lip_correlation_follows_the_opening_and_not_the_size_of_the_face(rng):
    points = np.repeat(landmarks(rng, 1), 50, axis=0)
    points[:, measures.LOWER_LIP] = points[:, measures.UPPER_LIP]
    opening = rng.uniform(0, 20, 50)
    points[:, measures.LOWER_LIP, 1] += opening
    nearer = points * np.linspace(1, 2, 50)[:, None, None].astype(np.float32)
    still = np.repeat(points[:1], 50, axis=0)
    assert lip_correlation(points, nearer) == pytest.approx(1, abs=1e-4)
    assert lip_correlation(points, points[::-1]) == pytest.approx(np.corrcoef(opening, opening[::-1])[0, 1], abs=1e-4)
    assert lip_correlation(points, still) == 0


def test_head_pose_similarity_is_one_for_a_replay_in_any_order(rng):
    pose = rng.normal(0, 0.1, (200, 3))
    assert head_pose_similarity(pose, pose[rng.permutation(200)]) == pytest.approx(1)
    assert head_pose_similarity(pose, np.repeat(pose, 3, axis=0)) == pytest.approx(1)


def test_head_pose_similarity_is_zero_for_poses_at_opposite_ends():
    low, high = np.full((10, 3), -0.2), np.full((15, 3), 0.2)
    assert head_pose_similarity(low, high) == pytest.approx(0)
    assert head_pose_similarity(low, low) == 1
    assert 0.7 < head_pose_similarity(low, high, limit_degrees=45) < 0.8  # 0.4 of 1.57 radians


def test_head_pose_similarity_matches_a_loop_over_bins(rng):
    a, b = rng.normal(0, 0.1, (100, 3)), rng.normal(0.05, 0.2, (80, 3))
    distances = []
    for axis in range(3):
        low, high = min(a[:, axis].min(), b[:, axis].min()), max(a[:, axis].max(), b[:, axis].max())
        edges, distance = np.linspace(low, high, 51), 0.0
        for edge in edges[1:-1]:
            distance += abs((a[:, axis] < edge).mean() - (b[:, axis] < edge).mean())
        distances.append(distance / 49)
    assert head_pose_similarity(a, b) == pytest.approx(1 - np.mean(distances), abs=1e-9)


def test_pose_distance_of_a_shift_is_the_shift(rng):
    pose = rng.normal(0, 0.1, (50, 3))
    moved = pose + np.radians([1, -2, 3])
    assert pose_distance_degrees(pose, moved) == pytest.approx([1, 2, 3])


def test_jitter_of_uniform_motion_is_zero_and_of_a_zigzag_four_times_its_amplitude():
    even = np.linspace(0, 5, 30)[:, None] * [1, 2, 3]
    zigzag = np.where(np.arange(30) % 2, 1.0, -1.0)[:, None]
    assert jitter(even) == pytest.approx([0, 0, 0], abs=1e-12)
    assert jitter(zigzag) == pytest.approx([4])
    assert pose_jitter_degrees(np.radians(np.repeat(zigzag, 3, axis=1))) == pytest.approx([4, 4, 4])
    assert pose_jitter_pixels(np.stack([zigzag * 3, zigzag * 4], axis=-1)) == pytest.approx(20)


def test_flicker_is_zero_for_steady_motion_and_grows_with_noise():
    ramp = [np.full((32, 32, 3), 10 * step, np.uint8) for step in range(6)]
    mask = [np.ones((32, 32), np.float32)] * 6
    assert flicker(ramp, mask) == pytest.approx(0, abs=1e-3)
    noisy = [frame + np.uint8(5 * (index % 2)) for index, frame in enumerate(ramp)]
    assert flicker(noisy, mask) > 5


def test_flicker_ratio_rises_with_flicker_and_not_with_uniform_fading():
    fading = np.full((20, 8, 8, 3), 100, np.uint8) + np.arange(20, dtype=np.uint8)[:, None, None, None] * 2
    restless, twice, upper_half = fading.copy(), fading.copy(), fading.copy()
    restless[::2] += 3
    twice[::2] += 6
    upper_half[::2, :4] += 3
    everywhere = np.ones((20, 8, 8), np.float32)
    below = everywhere.copy()
    below[:, :4] = 0
    assert flicker_ratio(restless, restless, everywhere) == pytest.approx(1)
    assert flicker_ratio(restless, twice, everywhere) == pytest.approx(2)
    assert flicker_ratio(restless, fading, everywhere) == pytest.approx(0, abs=1e-6)
    assert flicker_ratio(restless, upper_half, below) == pytest.approx(0, abs=1e-6)


def test_pose_speed_is_relative_to_the_truth_s_and_ignores_offsets_and_full_turns():
    truth = np.cumsum(np.random.default_rng(0).standard_normal((50, 3)), 0) / 100
    assert measures.pose_speed_ratio(truth, 0.5 * truth + 3) == pytest.approx(0.5)
    assert measures.pose_speed_ratio(truth, truth[:1].repeat(50, 0)) == 0
    assert measures.pose_speed_ratio(truth, truth[:1]) == 0
    turned = truth + np.pi
    wrapped = (turned + np.pi) % (2 * np.pi) - np.pi
    assert measures.pose_speed_ratio(turned, wrapped) == pytest.approx(1)


def blended(step: float, texture: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A noisy plate (H, W, 3) uint8, a composite over it whose inside is `step` levels brighter, and the soft mask.

    texture: how many pixels the composite's noise is shifted.
    """
    noise = np.random.default_rng(0).normal(0, 12, (128, 128, 3))
    y, x = np.mgrid[:128, :128] - 63.5
    mask = np.clip((45 - np.hypot(x, y)) / 9, 0, 1).astype(np.float32)
    plate = np.clip(120 + noise, 0, 255).astype(np.uint8)
    refined = np.roll(plate.astype(float), texture, 1) + step
    return plate, (plate + mask[..., None] * (refined - plate) + 0.5).astype(np.uint8), mask


def test_the_seam_is_the_step_in_tone_at_the_border():
    assert measures.seam(*blended(0)) == 0
    for step in (2, 5, 12):
        assert measures.seam(*blended(step)) == pytest.approx(step, rel=0.15)


def test_displaced_texture_is_hardly_a_seam():
    plate, made, mask = blended(0, texture=7)
    assert np.abs(made.astype(int) - plate)[mask > 0.5].mean() > 10
    assert measures.seam(plate, made, mask) < 4 < measures.seam(*blended(8, texture=7))


def test_a_hard_or_an_empty_mask_has_no_seam():
    plate, made, mask = blended(5)
    assert measures.seam(plate, made, np.zeros_like(mask)) == measures.seam(plate, made, np.round(mask)) == 0
