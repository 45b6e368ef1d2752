"""Mattes corrected by the background: the segmenter takes things beside the person for a part of them, and misses tips.

What is like the background is no person; what differs from it and touches the person is, such as hair and fingers.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.plate.background import SeenBackground
from headroom.plate.matte import FULL_ALPHA, MIN_ALPHA

MIN_DIFFERENCE, MAX_LIKENESS = 24.0, 10.0  # levels of 255 by which a person differs, and background does not, or more:
DIFFERENT_NOISE, ALIKE_NOISE = 3.0, 1.5  # times the background's noise
NOISE_PERCENT = 95.0  # of the background differ less than its noise
DEPTH, REACH = 8, 14  # matte cells inside and outside of the outline that are corrected
OUTLINE = 2  # matte cells beside the outline that count as it: what differs there is its soft edge
GAP = 3  # matte cells beside the person where the background is unknown; what lies behind them may belong to the person

Floats = NDArray[np.float32]


def corrected_mattes(
    mattes: NDArray[np.uint8], pictures: NDArray[np.uint8], seen: SeenBackground
) -> NDArray[np.uint8]:
    """Return the mattes (T, h, w) of frames, corrected by what differs from the background in them.

    pictures: (T, h, w, 3) uint8, the frames at the size of their mattes.
    """
    size = mattes.shape[:0:-1]
    known = cv2.resize(seen.known.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99
    behind = cv2.resize(seen.completed, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    corrected = mattes.copy()
    for number, matte in enumerate(mattes):
        away = known & (_distance(matte < FULL_ALPHA) > REACH)
        if away.any() and (matte >= FULL_ALPHA).any():
            difference = np.abs(pictures[number].astype(np.float32) - behind).max(axis=-1)
            noise = float(np.percentile(difference[away], NOISE_PERCENT))
            matte = _without_background(matte, difference, noise)
            corrected[number] = _with_tips(matte, np.where(known, difference, 0), known, noise)
    return corrected


def _without_background(matte: NDArray[np.uint8], difference: Floats, noise: float) -> NDArray[np.uint8]:
    """Return a matte without the parts at its outline that are like the background.

    difference: (h, w) from the background, levels.
    """
    person = matte > MIN_ALPHA
    alike = np.asarray(cv2.blur(difference, (3, 3))) < max(MAX_LIKENESS, ALIKE_NOISE * noise)
    removable = person & alike & (_distance(person) <= DEPTH)
    _, parts = cv2.connectedComponents((removable | ~person).astype(np.uint8), connectivity=4)
    return np.where(removable & np.isin(parts, np.unique(parts[~person])), np.uint8(0), matte)


def _with_tips(
    matte: NDArray[np.uint8], difference: Floats, known: NDArray[np.bool_], noise: float
) -> NDArray[np.uint8]:
    """Return a matte with what differs from the background, touches the person and goes beyond the outline.

    difference: (h, w) from the background, levels, 0 where it is not `known` (h, w).
    """
    person = matte >= FULL_ALPHA
    distance = _distance(~person)
    threshold = max(MIN_DIFFERENCE, DIFFERENT_NOISE * noise)
    differs = (difference > threshold) & (distance <= REACH)
    joined = (person | differs | (~known & (distance <= GAP))).astype(np.uint8)
    _, parts = cv2.connectedComponents(cv2.morphologyEx(joined, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)))
    tips = differs & np.isin(parts, np.unique(parts[person])) & (distance > OUTLINE)
    around = cv2.dilate(tips.astype(np.uint8), np.ones((2 * OUTLINE + 1, 2 * OUTLINE + 1), np.uint8)) > 0
    opacity = 255 * np.clip(2 * difference / threshold - 1, 0, 1)
    return np.where(around & (distance <= REACH), np.maximum(matte, opacity), matte).astype(np.uint8)


def _distance(inside: NDArray[np.bool_]) -> Floats:
    """Return the distance (h, w) of the cells inside from what is outside, 0 there."""
    return np.asarray(cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)
