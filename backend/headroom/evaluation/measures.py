"""Measures of movies and motions; each is one function of plain arrays.

Pictures are (H, W, 3) uint8 RGB. A movie's figure is the mean of its frames' figures.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from scipy.ndimage import uniform_filter
from scipy.stats import wasserstein_distance

IDENTICAL_DB = 100.0  # PSNR of two identical pictures, which would be infinite

# The 20 mouth points of the 68-point convention (48..67) among MediaPipe's 478.
MOUTH = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178)
UPPER_LIP, LOWER_LIP = 13, 14  # inner edges, in the middle
LEFT_EYE, RIGHT_EYE = 263, 33  # outer corners, the subject's left and right

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # weights of red, green and blue in brightness
FLAT = 1e-3  # levels of 255, a deviation that is no detail; added to both so that two flat pictures are equally sharp
MASK_EDGE = 0.02  # a mask fades between this value and one minus it


def psnr(truth: np.ndarray, made: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Return 10 log10(255² / mean squared difference) in dB; mask: (H, W) bool, the pixels to compare."""
    difference = truth.astype(np.float64) - made.astype(np.float64)
    if mask is not None:
        difference = difference[mask]
    return _decibels(float(np.mean(difference**2)))


def sharpness(truth: np.ndarray, made: np.ndarray, mask: np.ndarray) -> float:
    """Return the deviation of the made brightness's Laplacian inside the mask, relative to the truth's.

    1 is as sharp as the truth, less is blurred, more has edges or noise that the truth lacks. Where the details lie
    does not matter. The Laplacian is the sum of the four neighbours minus four times the pixel.

    mask: (H, W) bool, the pixels to compare, at least one.
    """
    made_deviation, true_deviation = (
        float(cv2.Laplacian(picture.astype(np.float32) @ LUMA, cv2.CV_32F)[mask].std()) for picture in (made, truth))
    return (made_deviation + FLAT) / (true_deviation + FLAT)


def psnr_atvg(truth: np.ndarray, made: np.ndarray) -> float:
    """Return the PSNR of ATVG's published script, for comparison with tables that were made with it.

    The script compares grey pictures of 256 x 256. Difference and square overflow in uint8, so the result is never
    below 24 dB and a large error can score high. Published values of 30-31 mean a true PSNR of about 23-27 dB.
    """
    grey_truth, grey_made = (
        cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (256, 256), interpolation=cv2.INTER_AREA)
        for picture in (truth, made)
    )
    difference = grey_truth - grey_made  # uint8, overflows as in the script
    return _decibels(float(np.mean(difference * difference)))


def ssim(truth: np.ndarray, made: np.ndarray) -> float:
    """Return the structural similarity at 256 x 256; 1 is identical.

    Uniform window of 7 x 7, range 255, K = 0.01 and 0.03, sample covariance, only windows inside the picture, mean over
    pixels and channels.
    """
    x, y = (resized(picture, 256).astype(np.float64) for picture in (truth, made))
    window = (7, 7, 1)
    unbiased = 49 / 48
    mean_x, mean_y = uniform_filter(x, window), uniform_filter(y, window)
    variance_x = unbiased * (uniform_filter(x * x, window) - mean_x**2)
    variance_y = unbiased * (uniform_filter(y * y, window) - mean_y**2)
    covariance = unbiased * (uniform_filter(x * y, window) - mean_x * mean_y)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    )
    return float(similarity[3:-3, 3:-3].mean())


def identity_similarity(truth: np.ndarray, made: np.ndarray) -> float | None:
    """Return the mean cosine of the identity embeddings of corresponding frames; 1 shows the same person.

    truth, made: (T, D), NaN where no face was found. None where no frame has both.
    """
    both = np.isfinite(truth[:, 0]) & np.isfinite(made[:, 0])
    if not both.any():
        return None
    a, b = (vectors[both] / np.linalg.norm(vectors[both], axis=1, keepdims=True) for vectors in (truth, made))
    return float((a * b).sum(1).mean())


def mouth_distance(truth: np.ndarray, made: np.ndarray) -> float:
    """Return the landmark distance (LMD) of the mouth in pixels, after subtracting each frame's mean position.

    truth, made: (T, 478, 2 or 3) landmarks. The mean is over 20 points and over the frames where both have a face.
    """
    a, b = (_centred(points[_both(truth, made)][:, MOUTH, :2]) for points in (truth, made))
    return float(np.linalg.norm(a - b, axis=-1).mean())


def lip_opening(points: np.ndarray) -> np.ndarray:
    """Return the distance (T,) of the inner lips relative to the distance of the outer eye corners.

    points: (T, 478, 3) landmarks, all three axes in one unit.
    """
    eyes = np.linalg.norm(points[:, LEFT_EYE] - points[:, RIGHT_EYE], axis=-1)
    return np.linalg.norm(points[:, UPPER_LIP, :2] - points[:, LOWER_LIP, :2], axis=-1) / eyes


def lip_correlation(truth: np.ndarray, made: np.ndarray) -> float:
    """Return Pearson's correlation of the lip opening over the frames where both movies have a face.

    truth, made: (T, 478, 3) landmarks.

    Returns 0 for lips that do not move.
    """
    both = _both(truth, made)
    a, b = (lip_opening(points[both].astype(np.float64)) for points in (truth, made))
    if len(a) < 2 or min(a.std(), b.std()) < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def head_pose_similarity(truth: np.ndarray, made: np.ndarray, limit_degrees: float | None = None) -> float:
    """Return the head pose similarity (HS): 1 minus the distance of the distributions of pitch, yaw and roll.

    Each axis is counted in 50 equal bins over the range of both clips, or over ±limit_degrees. The distance is the
    first Wasserstein distance in bins, divided by 49: 0 for equal distributions, 1 for distributions at opposite ends.
    The result is the mean of the axes; the order of the frames does not matter.

    truth: (T, 3), made: (U, 3), radians.
    """
    limit = None if limit_degrees is None else np.radians(limit_degrees)
    return 1.0 - float(np.mean([_distribution_distance(truth[:, axis], made[:, axis], limit) for axis in range(3)]))


def pose_distance_degrees(truth: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Return the first Wasserstein distance (3,) of pitch, yaw and roll, degrees; truth (T, 3), made (U, 3) radians."""
    return np.degrees([wasserstein_distance(truth[:, axis], made[:, axis]) for axis in range(3)])


def pose_speed_ratio(truth: np.ndarray, made: np.ndarray) -> float:
    """Return the mean absolute velocity of pitch, yaw and roll relative to the truth's; 0 is a still head.

    truth: (T, 3), made: (U, 3), radians at the same rate.
    """
    speeds = [float(np.abs(np.diff(np.unwrap(rotation, axis=0), axis=0)).mean()) if len(rotation) > 1 else 0.0
              for rotation in (made, truth)]
    return speeds[0] / max(speeds[1], 1e-9)


def jitter(values: np.ndarray) -> np.ndarray:
    """Return the mean absolute second difference (C,) over time, in the unit of `values` (T, C) per frame²."""
    return np.abs(np.diff(values, n=2, axis=0)).mean(0) if len(values) > 2 else np.zeros(values.shape[1])


def pose_jitter_degrees(rotation: np.ndarray) -> np.ndarray:
    """Return the jitter (3,) of pitch, yaw and roll, degrees per frame²; rotation: (T, 3), radians."""
    return jitter(np.degrees(np.unwrap(rotation, axis=0)))


def pose_jitter_pixels(points: np.ndarray) -> float:
    """Return the mean length of the second difference of points (T, P, 2) on the head, pixels per frame²."""
    return float(np.linalg.norm(np.diff(points, n=2, axis=0), axis=-1).mean()) if len(points) > 2 else 0.0


def flicker_ratio(truth: np.ndarray, made: np.ndarray, masks: np.ndarray) -> float:
    """Return the flicker relative to the truth's; above 1 the movie flickers more.

    truth, made: (T, H, W, 3) uint8. masks: (T, H, W), pixels to compare.
    """
    return flicker(made, masks) / max(flicker(truth, masks), 1e-6)


def flicker(frames: Iterable[np.ndarray], masks: Iterable[np.ndarray]) -> float:
    """Return the mean absolute second difference over time of the brightness inside the masks, 0..255.

    Motion contributes to it as well, so compare it with the true frames' own.

    frames: (H, W, 3) uint8 each. masks: (H, W) each, weights.
    """
    total, weight = 0.0, 0.0
    recent: list[np.ndarray] = []
    for frame, mask in zip(frames, masks):
        recent = [*recent[-2:], frame.astype(np.float32) @ LUMA]
        if len(recent) == 3:
            difference = np.abs(recent[0] - 2 * recent[1] + recent[2])
            total, weight = total + float((difference * mask).sum()), weight + float(mask.sum())
    return total / max(weight, 1e-6)


def seam(plate: np.ndarray, made: np.ndarray, mask: np.ndarray) -> float:
    """Return how visible the border of a composite is: the step in tone where the mask fades, in levels of 255.

    The step is the difference refined - plate in the ring where the mask is between 0 and 1. It is averaged over
    patches whose side is an eighth of the masked area's, because displaced details such as hair are no step in tone.
    The result is the mean of its absolute value over ring and channels; 0 where there is no ring.

    plate, made: (H, W, 3) uint8, where made = plate + mask * (refined - plate). mask: (H, W), 0..1.
    """
    ring = ((mask > MASK_EDGE) & (mask < 1 - MASK_EDGE)).astype(np.float32)
    if not ring.any():
        return 0.0
    patch = max(int(float((mask > MASK_EDGE).sum()) ** 0.5 / 8), 1)
    changed = (made.astype(np.float32) - plate) * ring[..., None]
    step, weight = (cv2.blur(values, (patch, patch), borderType=cv2.BORDER_CONSTANT)
                    for values in (changed, mask * ring))
    inside = ring > 0
    return float(np.abs(step[inside] / weight[inside][:, None]).mean())


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """Return a square version of `size` pixels."""
    if picture.shape[:2] == (size, size):
        return picture
    enlarge = picture.shape[0] < size
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC if enlarge else cv2.INTER_AREA)


def _decibels(mean_square: float) -> float:
    return 10 * float(np.log10(255**2 / mean_square)) if mean_square > 0 else IDENTICAL_DB


def _both(truth: np.ndarray, made: np.ndarray) -> np.ndarray:
    return np.isfinite(truth[:, 0, 0]) & np.isfinite(made[:, 0, 0])


def _centred(points: np.ndarray) -> np.ndarray:
    return points - points.mean(1, keepdims=True)


def _distribution_distance(a: np.ndarray, b: np.ndarray, limit: float | None, bins: int = 50) -> float:
    low, high = (-limit, limit) if limit is not None else (min(a.min(), b.min()), max(a.max(), b.max()))
    if high - low < 1e-9:
        return 0.0
    fractions = [np.histogram(np.clip(x, low, high), bins, (low, high))[0] / len(x) for x in (a, b)]
    return float(np.abs(np.cumsum(fractions[0] - fractions[1])).sum() / (bins - 1))
