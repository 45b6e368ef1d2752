"""A person of another clip without what is behind them: the outline of the matte, and colours without a fringe."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.smoothstep import smoothstep

GUIDE_RADIUS = 0.012  # fraction of the frame's longer side, over which the outline follows edges of the picture
GUIDE_NOISE = 1e-3  # variance of the guide, of 1, that is no edge
FAINT = 0.15  # alpha that counts as none, and as much below 1 as full, because the filter leaves a haze
SMALL_HOLE = 4e-3  # fraction of the frame's area; smaller holes in a person are faults of the matte, such as jewellery
SHRINK = 4  # colours around the outline are smooth, so they are measured in a smaller picture
COLOUR_RADII = 3  # guide radii, over which those colours are averaged
TOLD_APART = 36.0, 62.0  # levels between person and background from which colour decides a little, and alone
COLOUR_NOISE = 0.08  # alpha by colour that counts as none, and as much below 1 as full
KNOWN = 1e-3  # share of a window that has to lie on one side of the outline for its colour to be known
GREY = 25.0  # squared levels: a background with less colour spills none


def outline(alpha: NDArray[np.float32], frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a coarse alpha (H, W), 0..1, that follows the edges of a frame (H, W, 3). Small holes are closed.

    A guided filter (He et al. 2010): in every small window, alpha is a linear function of the frame's brightness.
    """
    radius = _radius(alpha)
    guide = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    alpha = without_small_holes(alpha)

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.blur(values, (2 * radius + 1, 2 * radius + 1)), np.float32)

    guide_mean, alpha_mean = mean(guide), mean(alpha)
    covariance, variance = mean(guide * alpha) - guide_mean * alpha_mean, mean(guide * guide) - guide_mean**2
    slope = covariance / (variance + GUIDE_NOISE)
    followed = mean(slope) * guide + mean(alpha_mean - slope * guide_mean)
    return smoothstep((followed - FAINT) / (1 - 2 * FAINT)).astype(np.float32)


def without_small_holes(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an alpha (H, W) whose small holes, which nothing connects with the outside, are full."""
    holes, parts, stats, _ = cv2.connectedComponentsWithStats((alpha < 1).astype(np.uint8))
    height, width = alpha.shape
    x, y, right, lower = stats[:, 0], stats[:, 1], stats[:, 0] + stats[:, 2], stats[:, 1] + stats[:, 3]
    enclosed = (x > 0) & (y > 0) & (right < width) & (lower < height)
    small = enclosed & (stats[:, cv2.CC_STAT_AREA] < SMALL_HOLE * alpha.size) & (np.arange(holes) > 0)
    return np.where(small[parts], np.float32(1), alpha)


def cut_out(alpha: NDArray[np.float32], frame: NDArray[np.uint8], background: NDArray[np.uint8]
            ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return where a frame (H, W, 3) shows the person (H, W), 0..1, and the person's colours times that (H, W, 3).

    alpha: as `outline` returns it, which may lie some pixels outside of hair.
    background: the frame without the person; near the outline, the frame itself is better known.

    Where the colours of person and background differ, a pixel between them tells how much of each it has. What is left
    of the background's hue, as light that hair has caught, is removed near the outline.
    """
    picture = frame.astype(np.float32)
    person, person_known, behind, behind_known = _colours_around(alpha, picture)
    behind = np.where(behind_known[..., None], behind, background)
    near_outline = person_known & behind_known
    difference = person - behind
    distance = (difference * difference).sum(-1)
    mixed = ((picture - behind) * difference).sum(-1) / (distance + 1)
    mixed = ((mixed - COLOUR_NOISE) / (1 - 2 * COLOUR_NOISE)).clip(0, 1)
    low, high = TOLD_APART
    weight = smoothstep((np.sqrt(distance) - low) / (high - low)) * near_outline
    fine = np.minimum(alpha, weight * mixed + (1 - weight) * alpha).astype(np.float32)
    colours = picture - (1 - fine)[..., None] * behind
    hue = behind - behind.mean(-1, keepdims=True)
    excess = ((colours - fine[..., None] * person) * hue).sum(-1) / ((hue * hue).sum(-1) + GREY)
    colours -= (excess.clip(0, None) * near_outline)[..., None] * hue.clip(0, None)
    return fine, np.where(fine[..., None] > 0, colours.clip(0, 255), 0).astype(np.float32)


def _colours_around(alpha: NDArray[np.float32], picture: NDArray[np.float32]
                    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32], NDArray[np.bool_]]:
    """Return the colours (H, W, 3) of the person and of the background on either side of the outline.

    Beside each is where (H, W) it is known.
    """
    height, width = alpha.shape
    size = (max(width // SHRINK, 1), max(height // SHRINK, 1))
    radius = max(_radius(alpha) // SHRINK, 1)
    small, coarse = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (picture, alpha))
    near, window = np.ones((2 * radius + 1,) * 2, np.uint8), (2 * COLOUR_RADII * radius + 1,) * 2
    inside = cv2.erode((coarse > 0.5).astype(np.uint8), near).astype(np.float32)
    outside = 1 - cv2.dilate((coarse > 0.02).astype(np.uint8), near).astype(np.float32)
    found = []
    for part in (inside, outside):
        summed, share = (cv2.resize(cv2.blur(each, window), (width, height), interpolation=cv2.INTER_LINEAR)
                         for each in (small * part[..., None], part))
        found.append((summed / np.maximum(share, KNOWN)[..., None], share > KNOWN))
    return *found[0], *found[1]


def _radius(alpha: NDArray[np.float32]) -> int:
    return max(round(GUIDE_RADIUS * max(alpha.shape)), 1)


def over_frame(frame: NDArray[np.uint8], alpha: NDArray[np.float32], colours: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a person over `frame` (H, W, 3); where alpha (H, W), 0..1, is 0, the frame stays bit for bit.

    colours: (H, W, 3) of the person, times alpha.
    """
    visible = alpha > 0
    out = frame.copy()
    mixed = (1 - alpha[visible])[:, None] * frame[visible] + colours[visible]
    out[visible] = (mixed + 0.5).clip(0, 255).astype(np.uint8)
    return out
