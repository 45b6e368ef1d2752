"""Telling an animator's keys from generated ones, and leading generated ones up to them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .layers import ease

NEAR_FRAMES = 0.01
"""Two keys closer than this are at the same frame: Blender keeps frames as float32."""
SAME_VALUE = 1e-6


@dataclass(frozen=True)
class Written:
    """What the add-on last wrote on one channel, and when second 0 of the speech was.

    values: (N,) float32 at the frames first, first + 1, …; NaN where no generated key was written.
    removed: (R,) int32, the frames whose generated keys the animator has deleted.
    made_with: what it was made from; another text means that it has to be made anew.
    """

    start: float
    fps: float
    first: int = 0
    values: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    removed: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    made_with: str = ""


def own_keys(frames: np.ndarray, values: np.ndarray, generated: np.ndarray, written: Written) -> np.ndarray:
    """Which keys (K,) bool are the animator's: marked so, or not where or what was written.

    frames, values: (K,). generated: (K,) bool, whether a key still looks generated (its type and interpolation).
    """
    index = np.rint(frames).astype(int) - written.first
    inside = (index >= 0) & (index < len(written.values)) & (np.abs(frames - np.rint(frames)) < NEAR_FRAMES)
    expected = np.full(len(frames), np.nan)
    expected[inside] = written.values[index[inside]]
    tolerance = SAME_VALUE * np.maximum(1.0, np.abs(values))
    same = np.abs(values - expected) <= tolerance  # never true for NaN
    return ~(generated & same)


def removed_frames(frames: np.ndarray, written: Written) -> np.ndarray:
    """The frames (R,) int32 where generated keys were deleted by hand, now or earlier, and nothing has come instead."""
    there = np.rint(frames).astype(int)
    laid = written.first + np.flatnonzero(~np.isnan(written.values))
    gone = np.union1d(np.setdiff1d(laid, there), written.removed)
    return np.setdiff1d(gone, there).astype(np.int32)


def moved(frames: np.ndarray, written: Written, start: float, fps: float) -> np.ndarray:
    """`frames` (K,) of the time when `written` was made, now that second 0 is at `start` and the scene has `fps`."""
    exact = start + (np.asarray(frames, dtype=np.float64) - written.start) / written.fps * fps
    whole = np.rint(exact)
    return np.where(np.abs(exact - whole) < NEAR_FRAMES, whole, exact)


def still_removed(frames: np.ndarray, removed: np.ndarray, written: Written, start: float, fps: float) -> np.ndarray:
    """Which of the new scene frames (N,) int fall on one that was removed under the timing of `written`, (N,) bool."""
    earlier = written.start + (np.asarray(frames, dtype=np.float64) - start) / fps * written.fps
    return np.isin(np.rint(earlier).astype(int), removed)


def free_of(frames: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Which of `frames` (N,) are half a frame or more from every one of the animator's keys `own` (M,), ascending."""
    if len(own) == 0:
        return np.ones(len(frames), dtype=bool)
    after = np.clip(np.searchsorted(own, frames), 0, len(own) - 1)
    before = np.maximum(after - 1, 0)
    return np.minimum(np.abs(own[after] - frames), np.abs(own[before] - frames)) >= 0.5


def led_up(values: np.ndarray, positions: np.ndarray, own: np.ndarray, offsets: np.ndarray, falloff: float
           ) -> np.ndarray:
    """Generated `values` (N,) at `positions` (N,), led up to the animator's keys.

    own: (M,) positions of those keys, ascending, in the unit of `positions`. offsets: (M,) how far each lies from the
    generated curve. An offset is carried whole at its key and fades out over `falloff`; between two near keys one
    passes into the other.
    """
    if len(own) == 0:
        return values
    after = np.searchsorted(own, positions)
    before = after - 1
    left = _reach(positions, own, before, falloff)
    right = _reach(positions, own, after, falloff)
    pull_left, pull_right = left * (1 - right), right * (1 - left)
    total = np.maximum(pull_left + pull_right, 1e-12)
    last = len(own) - 1
    mixed = (pull_left * offsets[np.clip(before, 0, last)] + pull_right * offsets[np.clip(after, 0, last)]) / total
    return (values + (1 - (1 - left) * (1 - right)) * mixed).astype(np.float32)


def _reach(positions: np.ndarray, own: np.ndarray, index: np.ndarray, falloff: float) -> np.ndarray:
    """How strongly (N,) the key `own[index]` holds each position: 1 at the key, 0 from `falloff` on."""
    exists = (index >= 0) & (index < len(own))
    distance = np.abs(positions - own[np.clip(index, 0, len(own) - 1)])
    return np.where(exists, ease(1.0 - distance / max(falloff, 1e-9)), 0.0)
