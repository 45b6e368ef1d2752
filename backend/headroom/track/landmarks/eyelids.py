"""Correction of closed eyelids: the landmark network leaves a slit between them, which this removes."""

from __future__ import annotations

import numpy as np

LID_PAIRS = (
    ((246, 7), (161, 163), (160, 144), (159, 145), (158, 153), (157, 154), (173, 155)),
    ((466, 249), (388, 390), (387, 373), (386, 374), (385, 380), (384, 381), (398, 382)),
)
"""Landmarks of the upper and the lower lid that meet in a closed eye, for the right and the left eye."""

_NARROWEST_QUANTILE, _BLINK_RATIO = 0.01, 0.4
"""A clip has a blink when this quantile of the slits is narrower than this fraction of their median."""


def close_eyelids(points: np.ndarray) -> np.ndarray:
    """Return landmarks (T, 478, 3) whose upper lids are lowered so that the clip's narrowest slit is closed.

    Slits at least as wide as the median stay as they are, and so do clips without a blink.
    """
    result = points.copy()
    for pairs in LID_PAIRS:
        upper, lower = (points[:, [pair[lid] for pair in pairs]] for lid in (0, 1))
        slit = np.linalg.norm(upper - lower, axis=2).mean(1)
        usual, narrowest = np.nanmedian(slit), np.nanquantile(slit, _NARROWEST_QUANTILE)
        if narrowest > _BLINK_RATIO * usual:
            continue
        target = np.clip((slit - narrowest) / (usual - narrowest), 0, 1) * usual
        scale = np.where(slit < usual, target / np.maximum(slit, 1e-6), 1)
        result[:, [pair[0] for pair in pairs]] = lower + (upper - lower) * scale[:, None, None]
    return result
