"""Lids that close: the landmark network leaves a slit between the lids of a closed eye, this takes it away."""

from __future__ import annotations

import numpy as np

LIDS = (
    ((246, 7), (161, 163), (160, 144), (159, 145), (158, 153), (157, 154), (173, 155)),
    ((466, 249), (388, 390), (387, 373), (386, 374), (385, 380), (384, 381), (398, 382)),
)
"""Landmarks of the upper and the lower lid that meet when the right and the left eye close."""

_CLOSED_QUANTILE, _CLOSED_SHARE = 0.01, 0.4
"""A clip shows a closed eye when its narrowest frames are open by less than this share of the usual."""


def close_eyelids(points: np.ndarray) -> np.ndarray:
    """Landmarks (T, 478, 3) with the upper lids lowered so that the narrowest slit of the clip, if a blink, is shut.

    An eye that is open as usual or wider stays as it is, as do clips in which nobody blinks.
    """
    result = points.copy()
    for pairs in LIDS:
        upper, lower = (points[:, [pair[side] for pair in pairs]] for side in (0, 1))
        slit = np.linalg.norm(upper - lower, axis=2).mean(1)
        usual, narrowest = np.nanmedian(slit), np.nanquantile(slit, _CLOSED_QUANTILE)
        if narrowest > _CLOSED_SHARE * usual:
            continue
        wanted = np.clip((slit - narrowest) / (usual - narrowest), 0, 1) * usual
        share = np.where(slit < usual, wanted / np.maximum(slit, 1e-6), 1)
        result[:, [pair[0] for pair in pairs]] = lower + (upper - lower) * share[:, None, None]
    return result
