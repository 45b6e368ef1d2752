"""The seam between two people whose plates come from the same clip: where their pictures are joined.

Each person has a plate from another moment of the clip. What is behind them stands still, so the two pictures are the
same beside the people, and the seam runs there: from the top to the bottom of the frame, where the pictures differ
least. It stays in place for the whole shot, because a seam that moves is seen.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.smoothstep import smoothstep
from headroom.face.camera import Crop

SEAM_ROWS = 180  # of the picture in which the path is searched; a smooth seam needs no more
SEAM_FEATHER = 0.015  # fraction of the frame's width, over which one picture changes into the other
FACE_SHARE = 0.36  # of the crop's side on either side of its middle: the head, which the seam keeps away from
STEP_COST = 1.0  # levels per column that the seam moves sideways, which keeps it straight where nothing differs


def seam_difference(pairs: Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> NDArray[np.float32]:
    """Return the largest difference (h, w) that pairs of frames (H, W, 3) have at each place, levels of 255.

    h is `SEAM_ROWS`, or H of a smaller frame.
    """
    largest: NDArray[np.float32] | None = None
    for one, other in pairs:
        height, width = one.shape[:2]
        shrink = min(1.0, SEAM_ROWS / height)
        size = (max(round(width * shrink), 1), max(round(height * shrink), 1))
        small = [cv2.resize(each, size, interpolation=cv2.INTER_AREA).astype(np.float32) for each in (one, other)]
        difference = np.abs(small[0] - small[1]).mean(-1)
        largest = difference if largest is None else np.maximum(largest, difference)
    assert largest is not None
    return largest


def seam_range(left: Crop, right: Crop) -> tuple[int, int]:
    """Return the first column between two heads and the one after the last, frame pixels; empty where there is none.

    left, right: the crops around the faces, in the order of the picture.
    """
    return (round(left.x + (0.5 + FACE_SHARE) * left.size), round(right.x + (0.5 - FACE_SHARE) * right.size))


def find_seam(difference: NDArray[np.floating], first: int, end: int) -> NDArray[np.int64]:
    """Return the column (h,) of each row at which the pictures meet, from `first` to `end` - 1.

    Dynamic programming from top to bottom: the sum of the difference (h, w) along the path is least, and from one row
    to the next it moves one column at most.
    """
    costs = np.asarray(difference, np.float64)[:, first:end]
    totals = [costs[0]]
    origins = []
    for row in costs[1:]:
        before = np.pad(totals[-1], 1, constant_values=np.inf)
        choices = np.stack([before[:-2] + STEP_COST, before[1:-1], before[2:] + STEP_COST])
        origin = choices.argmin(axis=0)
        origins.append(np.arange(len(row)) + origin - 1)
        totals.append(choices.min(axis=0) + row)
    path = [int(totals[-1].argmin())]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return first + np.array(path[::-1], np.int64)


def seam_weight(columns: NDArray[np.integer], width: int, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the weight (H, W), 0..1, of the picture on the right of a seam.

    columns: (h,) of the seam in a picture that is `width` wide. shape: (H, W) of the frame.
    """
    height, frame_width = shape
    scale = frame_width / width
    rows = (np.arange(height) + 0.5) * len(columns) / height - 0.5
    at = (np.interp(rows, np.arange(len(columns)), columns) + 0.5) * scale
    distance = np.arange(frame_width, dtype=np.float32) + 0.5 - at[:, None].astype(np.float32)
    return smoothstep(0.5 + distance / max(SEAM_FEATHER * frame_width, 1.0)).astype(np.float32)


def join_at_seam(left: NDArray[np.uint8], right: NDArray[np.uint8], weight: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return frames (H, W, C) joined by the right one's weight (H, W): at 0 and 1 the pixels are those of one frame."""
    mixed = weight[..., None] * (right.astype(np.float32) - left) + left
    return (mixed + 0.5).astype(np.uint8)
