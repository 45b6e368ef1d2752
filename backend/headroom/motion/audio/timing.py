"""Time grids of the motion part: feature rows, motion frames at 25 Hz, and one window of rows per frame.

Samples outside the recording count as silence, so N frames have N windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

FRAME_RATE = 25.0  # Hz, of the motion
ROW_SAMPLES = 160  # step from spectrum to spectrum, 10 ms
ROW_LENGTH = 400  # samples of a spectrum, 25 ms
ROWS_PER_FRAME = 4
FRAME_SAMPLES = ROW_SAMPLES * ROWS_PER_FRAME


@dataclass(frozen=True)
class TimeGrid:
    """Rows of a frame, and of its window.

    rows_per_frame: feature rows in 40 ms.
    window_rows: rows of a window, W.
    rows_before: rows of a window before its frame.
    """

    rows_per_frame: int
    window_rows: int
    rows_before: int

    SPECTRA: ClassVar[TimeGrid]
    """Row r covers the samples 160 r .. 160 r + 399. The window of frame t holds the rows 4 t - 12 .. 4 t + 15, which
    are 280 ms centred on the frame (paper, section 3.2, and the authors' code)."""
    ENCODER: ClassVar[TimeGrid]
    """Row r is centred on sample 320 r. The window of frame t holds the rows 2 t - 7 .. 2 t + 8, which are 320 ms."""

    @staticmethod
    def of_window(rows: int) -> TimeGrid:
        """Return the grid whose windows have `rows` rows."""
        return next(grid for grid in (TimeGrid.SPECTRA, TimeGrid.ENCODER) if grid.window_rows == rows)

    def rows_of_frames(self, first: int, last: int) -> tuple[int, int]:
        """Return the range of rows (start, end) in the windows of the frames first..last-1; `end` is exclusive."""
        start = first * self.rows_per_frame - self.rows_before
        return start, start + (last - 1 - first) * self.rows_per_frame + self.window_rows


TimeGrid.SPECTRA = TimeGrid(ROWS_PER_FRAME, 28, 12)
TimeGrid.ENCODER = TimeGrid(2, 16, 7)


def frame_count(samples: np.ndarray) -> int:
    """Return how many frames `samples` (N,) last, at least 1."""
    return max(1, round(len(samples) / FRAME_SAMPLES))


def row_count(samples: np.ndarray) -> int:
    """Return how many rows begin within `samples` (N,), at least 1."""
    return max(1, -(-len(samples) // ROW_SAMPLES))


def cut_rows(samples: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return the samples (last - first, 400) of the rows first..last-1, overlapping; zeros outside the recording."""
    piece = cut_samples(samples, first * ROW_SAMPLES, (last - 1) * ROW_SAMPLES + ROW_LENGTH)
    return np.lib.stride_tricks.sliding_window_view(piece, ROW_LENGTH)[::ROW_SAMPLES]


def cut_samples(samples: np.ndarray, start: int, end: int) -> np.ndarray:
    """Return a copy of the samples start..end-1 of `samples` (N,) as float32; zeros outside the recording."""
    piece = np.zeros(end - start, np.float32)
    low, high = max(start, 0), min(end, len(samples))
    if high > low:
        piece[low - start:high - start] = samples[low:high]
    return piece
