"""What is measured of a movie or a motion, each measure one function of plain arrays.

Pictures are (H, W, 3) uint8 RGB. A movie's figure is the mean of its frames' figures.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from scipy.ndimage import uniform_filter
from scipy.stats import wasserstein_distance


IDENTICAL_DB = 100.0  # what PSNR is called when two pictures do not differ

# The 20 mouth points of the 68-point convention (48..67) among MediaPipe's 478.
MOUTH = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178)
UPPER_LIP, LOWER_LIP = 13, 14  # inner edges, in the middle
LEFT_EYE, RIGHT_EYE = 263, 33  # outer corners, the subject's left and right
# MediaPipe's face oval, from the top of the forehead round by the left ear and the chin.
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # weights of red, green and blue in brightness
SEAM_EDGE = 0.02  # of a mask: beyond it in both directions there is no ring


def psnr(truth: np.ndarray, made: np.ndarray, mask: np.ndarray | None = None) -> float:
    """10 log10(255² / mean squared difference) in dB, in floating point; over mask (H, W) bool if given."""
    difference = truth.astype(np.float64) - made.astype(np.float64)
    if mask is not None:
        difference = difference[mask]
    return _decibels(float(np.mean(difference**2)))


def psnr_atvg(truth: np.ndarray, made: np.ndarray) -> float:
    """The PSNR of ATVG's published script, only for comparison with tables made by it.

    Both pictures as grey of 256 x 256; difference and square wrap around in uint8, so that the result is never under
    24 dB and a grave error can score high. Published values of 30-31 mean a true PSNR of about 23-27 dB.
    """
    grey_truth, grey_made = (
        cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (256, 256), interpolation=cv2.INTER_AREA)
        for picture in (truth, made)
    )
    difference = grey_truth - grey_made  # uint8, wraps
    return _decibels(float(np.mean(difference * difference)))


def ssim(truth: np.ndarray, made: np.ndarray) -> float:
    """Structural similarity at 256 x 256: 7 x 7 uniform window, range 255, K = 0.01 and 0.03, sample covariance,
    windows inside the picture only, mean over pixels and the three channels. 1 is identical."""
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


def mouth_distance(truth: np.ndarray, made: np.ndarray) -> float:
    """LMD: the mean distance of the mouth's points in pixels, each frame's own mean position taken off first.

    truth, made: landmarks (T, 478, 2 or 3). Mean over the 20 points and over the frames where both faces were found.
    """
    a, b = (_centred(points[_both(truth, made)][:, MOUTH, :2]) for points in (truth, made))
    return float(np.linalg.norm(a - b, axis=-1).mean())


def lip_opening(points: np.ndarray) -> np.ndarray:
    """(T,) distance of the inner lips, as a fraction of the distance of the outer eye corners.

    points: landmarks (T, 478, 3), all three axes in one unit.
    """
    eyes = np.linalg.norm(points[:, LEFT_EYE] - points[:, RIGHT_EYE], axis=-1)
    return np.linalg.norm(points[:, UPPER_LIP, :2] - points[:, LOWER_LIP, :2], axis=-1) / eyes


def lip_correlation(truth: np.ndarray, made: np.ndarray) -> float:
    """Pearson's correlation of the two movies' lip opening over the frames where both faces were found; 0 for lips
    that do not move. truth, made: landmarks (T, 478, 3)."""
    both = _both(truth, made)
    a, b = (lip_opening(points[both].astype(np.float64)) for points in (truth, made))
    if len(a) < 2 or min(a.std(), b.std()) < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def head_pose_similarity(truth: np.ndarray, made: np.ndarray, limit_degrees: float | None = None) -> float:
    """HS: 1 minus the distance of the two clips' distributions of pitch, yaw and roll, mean of the three axes.

    truth (T, 3), made (U, 3): radians. Per axis both are counted in 50 equal bins over the range that either covers,
    or over ±limit_degrees; the distance is the first Wasserstein distance in bins, divided by 49: 0 when the
    distributions agree, 1 when all of one lies at one end and all of the other at the other. It knows nothing of time.
    """
    limit = None if limit_degrees is None else np.radians(limit_degrees)
    return 1.0 - float(np.mean([_distribution_distance(truth[:, axis], made[:, axis], limit) for axis in range(3)]))


def pose_distance_degrees(truth: np.ndarray, made: np.ndarray) -> np.ndarray:
    """(3,) first Wasserstein distance of pitch, yaw and roll in degrees; truth (T, 3), made (U, 3) radians."""
    return np.degrees([wasserstein_distance(truth[:, axis], made[:, axis]) for axis in range(3)])


def pose_speed_ratio(truth: np.ndarray, made: np.ndarray) -> float:
    """How fast the head turns compared with the truth's: mean absolute velocity of pitch, yaw and roll together.

    truth (T, 3), made (U, 3): radians at one rate. 0 is a head that is still, 1 the person's own speed.
    """
    speeds = [float(np.abs(np.diff(np.unwrap(rotation, axis=0), axis=0)).mean()) if len(rotation) > 1 else 0.0
              for rotation in (made, truth)]
    return speeds[0] / max(speeds[1], 1e-9)


def jitter(values: np.ndarray) -> np.ndarray:
    """Mean absolute second difference over time, in the unit of `values` (T, C) per frame²; (C,)."""
    return np.abs(np.diff(values, n=2, axis=0)).mean(0) if len(values) > 2 else np.zeros(values.shape[1])


def pose_jitter_degrees(rotation: np.ndarray) -> np.ndarray:
    """(3,) mean absolute second difference of pitch, yaw and roll in degrees; rotation (T, 3) radians."""
    return jitter(np.degrees(np.unwrap(rotation, axis=0)))


def pose_jitter_pixels(points: np.ndarray) -> float:
    """Mean length of the second difference, in pixels, of points (T, P, 2) fixed to the head and seen by the camera."""
    return float(np.linalg.norm(np.diff(points, n=2, axis=0), axis=-1).mean()) if len(points) > 2 else 0.0


def flicker_ratio(truth: np.ndarray, made: np.ndarray, masks: np.ndarray) -> float:
    """How restless a movie's pixels are compared with the truth's: 1 is like the truth, under 1 smoother, over 1
    flickers. `flicker`, of truth and made (T, H, W, 3) uint8 inside masks (T, H, W)."""
    return flicker(made, masks) / max(flicker(truth, masks), 1e-6)


def flicker(frames: Iterable[np.ndarray], masks: Iterable[np.ndarray]) -> float:
    """Return the mean absolute second difference over time of the brightness inside the masks, 0..255.

    Motion contributes to it as well, so compare it with the true frames' own.

    frames: (H, W, 3) uint8 each.
    masks: (H, W) each, weights.
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
    """How visible the border of a composite is: the step in tone where the mask fades, in levels of 255.

    plate, made: (H, W, 3) uint8, made = plate + mask (H, W, 0..1) * (refined - plate). It is the difference
    refined - plate in the ring where the mask is between 0 and 1, averaged over patches an eighth of the masked area
    across, so that hair that merely lies elsewhere does not count; then the mean of its size over ring and channels.
    0 without a ring.
    """
    ring = ((mask > SEAM_EDGE) & (mask < 1 - SEAM_EDGE)).astype(np.float32)
    if not ring.any():
        return 0.0
    patch = max(int(float((mask > SEAM_EDGE).sum()) ** 0.5 / 8), 1)
    changed = (made.astype(np.float32) - plate) * ring[..., None]
    step, weight = (cv2.blur(values, (patch, patch), borderType=cv2.BORDER_CONSTANT)
                    for values in (changed, mask * ring))
    inside = ring > 0
    return float(np.abs(step[inside] / weight[inside][:, None]).mean())


def face_mask(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width) bool: the face oval of landmarks (478, 2 or 3) in pixels; empty where no face was found."""
    mask = np.zeros((height, width), np.uint8)
    if np.isfinite(points[list(OVAL), :2]).all():
        cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points[list(OVAL), :2] - 0.5).astype(np.int32)), (1,))
    return mask.astype(bool)


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """A square version of `size` pixels; shrinking averages."""
    if picture.shape[:2] == (size, size):
        return picture
    larger = picture.shape[0] < size
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC if larger else cv2.INTER_AREA)


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
    shares = [np.histogram(np.clip(x, low, high), bins, (low, high))[0] / len(x) for x in (a, b)]
    return float(np.abs(np.cumsum(shares[0] - shares[1])).sum() / (bins - 1))
