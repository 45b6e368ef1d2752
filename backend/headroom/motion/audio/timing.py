"""Time grid of the motion part: feature rows every 10 ms, motion frames at 25 Hz, one window of 28 rows per frame.

Row r covers the samples 160 r .. 160 r + 399 (25 ms). The window of frame t holds the rows 4 t - 12 .. 4 t + 15, which
are 280 ms centred on the frame (paper, section 3.2, and the authors' code). Samples outside the recording count as
silence, so N frames have N windows.
"""

from __future__ import annotations

import numpy as np

FRAME_RATE = 25.0  # Hz, of the motion
ROW_SAMPLES = 160  # step from row to row, 10 ms
ROW_LENGTH = 400  # samples that a row covers, 25 ms
ROWS_PER_FRAME = 4
FRAME_SAMPLES = ROW_SAMPLES * ROWS_PER_FRAME
WINDOW_ROWS = 28
ROWS_BEFORE = 12  # rows of a window before its frame


def frame_count(samples: np.ndarray) -> int:
    """Return how many frames `samples` (N,) last, at least 1."""
    return max(1, round(len(samples) / FRAME_SAMPLES))


def row_count(samples: np.ndarray) -> int:
    """Return how many rows begin within `samples` (N,), at least 1."""
    return max(1, -(-len(samples) // ROW_SAMPLES))


def rows_of_frames(first: int, last: int) -> tuple[int, int]:
    """Return the range of rows (start, end) in the windows of the frames first..last-1; `end` is exclusive."""
    return first * ROWS_PER_FRAME - ROWS_BEFORE, (last - 1) * ROWS_PER_FRAME - ROWS_BEFORE + WINDOW_ROWS


def cut_rows(samples: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return the samples (last - first, 400) of the rows first..last-1, overlapping; zeros outside the recording."""
    start, end = first * ROW_SAMPLES, (last - 1) * ROW_SAMPLES + ROW_LENGTH
    padded = np.zeros(end - start, np.float32)
    low, high = max(start, 0), min(end, len(samples))
    if high > low:
        padded[low - start:high - start] = samples[low:high]
    return np.lib.stride_tricks.sliding_window_view(padded, ROW_LENGTH)[::ROW_SAMPLES]
