"""Loudness of speech: levels of rows and frames, relative to the loud parts of the recording."""

from __future__ import annotations

import numpy as np

from headroom.motion.audio.timing import ROWS_PER_FRAME, cut_rows, row_count

CHUNK_ROWS = 6000  # rows processed at once, one minute
RANGE_DB = 60.0  # below the loud rows; quieter sound counts as silence
PAUSE_DB, MAX_PAUSE_DB = -38.0, -30.0  # frames quieter than this are pauses, in a quiet and in a noisy recording
PAUSE_OVER_FLOOR_DB = 6.0  # by which pauses may exceed the recording's quietest frames
FLOOR_PERCENT = 5.0  # of the frames that are not silent are as quiet as that


def loudness(samples: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the level of every row of `samples` (N,) and the level of the loud rows, dB of full scale.

    The loud level is the 95th percentile over the rows less than `RANGE_DB` below the loudest one.
    """
    count = row_count(samples)
    levels = np.concatenate([row_levels(samples, first, min(first + CHUNK_ROWS, count))
                             for first in range(0, count, CHUNK_ROWS)])
    return levels, float(np.percentile(levels[levels > levels.max() - RANGE_DB], 95))


def row_levels(samples: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return the mean power (last - first,) of rows, dB of full scale; digital silence has -120."""
    return 10 * np.log10((cut_rows(samples, first, last) ** 2).mean(1) + 1e-12)


def speech_levels(samples: np.ndarray, first: int, last: int, loud_db: float) -> np.ndarray:
    """Return the level (last - first,) of frames, dB relative to `loud_db`, between -`RANGE_DB` and 0."""
    levels = row_levels(samples, first * ROWS_PER_FRAME, last * ROWS_PER_FRAME)
    return np.clip(levels.reshape(-1, ROWS_PER_FRAME).max(1) - loud_db, -RANGE_DB, 0)


def pause_level(levels: np.ndarray) -> float:
    """Return the level below which frames of a recording are pauses.

    levels: (T,) of all its frames. Level and levels are in dB below the recording's loud parts.
    """
    heard = levels[levels > -RANGE_DB]  # digital silence between recordings does not tell how noisy their rooms are
    floor = float(np.percentile(heard, FLOOR_PERCENT)) if len(heard) else -RANGE_DB
    return min(max(floor + PAUSE_OVER_FLOOR_DB, PAUSE_DB), MAX_PAUSE_DB)
