"""User keys: telling them from generated keys, keeping them in time, and blending generated keys to them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .layers import smoothstep

FRAME_TOLERANCE = 0.01
"""Two keys closer than this are at the same frame, because Blender stores frames as float32."""
VALUE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class GeneratedRecord:
    """The keys that were last generated for one channel, and the timing they were generated with.

    start: the scene frame of second 0 of the speech.
    fps: the scene's rate.
    first: the frame of values[0].
    values: (N,) float32 at the frames first, first + 1, …; NaN where no key was generated.
    deleted: (R,) int32, the frames whose generated keys the user has deleted.
    composed_from: what the keys were made from, as text; where it differs, the channel is composed again.
    """

    start: float
    fps: float
    first: int = 0
    values: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    deleted: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    composed_from: str = ""


def is_user_key(frames: np.ndarray, values: np.ndarray, looks_generated: np.ndarray, record: GeneratedRecord
                ) -> np.ndarray:
    """Return which keys (K,) bool are the user's: those that look so, and those whose frame or value was changed.

    frames, values: (K,).
    looks_generated: (K,) bool, whether type and interpolation are those of a generated key.
    """
    index = np.rint(frames).astype(int) - record.first
    inside = (index >= 0) & (index < len(record.values)) & (np.abs(frames - np.rint(frames)) < FRAME_TOLERANCE)
    expected = np.full(len(frames), np.nan)
    expected[inside] = record.values[index[inside]]
    tolerance = VALUE_TOLERANCE * np.maximum(1.0, np.abs(values))
    unchanged = np.abs(values - expected) <= tolerance  # never true for NaN
    return ~(looks_generated & unchanged)


def deleted_frames(frames: np.ndarray, record: GeneratedRecord) -> np.ndarray:
    """Return the frames (R,) int32 whose generated keys the user has deleted, now or earlier, without a new key there.

    frames: (K,) of the keys that exist now.
    """
    existing = np.rint(frames).astype(int)
    generated = record.first + np.flatnonzero(~np.isnan(record.values))
    deleted = np.union1d(np.setdiff1d(generated, existing), record.deleted)
    return np.setdiff1d(deleted, existing).astype(np.int32)


def retimed(frames: np.ndarray, record: GeneratedRecord, start: float, fps: float) -> np.ndarray:
    """Return `frames` (K,) of the record's timing in a new timing: second 0 at frame `start`, the scene at `fps`."""
    exact = start + (np.asarray(frames, dtype=np.float64) - record.start) / record.fps * fps
    whole = np.rint(exact)
    return np.where(np.abs(exact - whole) < FRAME_TOLERANCE, whole, exact)


def is_deleted(frames: np.ndarray, deleted: np.ndarray, record: GeneratedRecord, start: float, fps: float
               ) -> np.ndarray:
    """Return which `frames` (N,) int of a new timing fall on one of `deleted` (R,) of the record's timing, bool."""
    earlier = record.start + (np.asarray(frames, dtype=np.float64) - start) / fps * record.fps
    return np.isin(np.rint(earlier).astype(int), deleted)


def is_free(frames: np.ndarray, user_frames: np.ndarray) -> np.ndarray:
    """Return which of `frames` (N,) are at least half a frame from every user key at `user_frames` (M,), ascending."""
    if len(user_frames) == 0:
        return np.ones(len(frames), dtype=bool)
    after = np.clip(np.searchsorted(user_frames, frames), 0, len(user_frames) - 1)
    before = np.maximum(after - 1, 0)
    return np.minimum(np.abs(user_frames[after] - frames), np.abs(user_frames[before] - frames)) >= 0.5


def blend_to_keys(values: np.ndarray, seconds: np.ndarray, key_seconds: np.ndarray, offsets: np.ndarray,
                  falloff: float) -> np.ndarray:
    """Return generated `values` (N,) at `seconds` (N,), blended to the user keys.

    The whole offset is added at its key and fades out over `falloff` seconds. Between two near keys one offset passes
    into the other.

    key_seconds: (M,) ascending.
    offsets: (M,) from the generated curve to each key.
    """
    if len(key_seconds) == 0:
        return values
    after = np.searchsorted(key_seconds, seconds)
    before = after - 1
    left = _influence(seconds, key_seconds, before, falloff)
    right = _influence(seconds, key_seconds, after, falloff)
    left_weight, right_weight = left * (1 - right), right * (1 - left)
    total = np.maximum(left_weight + right_weight, 1e-12)
    last = len(key_seconds) - 1
    mixed = (left_weight * offsets[np.clip(before, 0, last)] + right_weight * offsets[np.clip(after, 0, last)]) / total
    return (values + (1 - (1 - left) * (1 - right)) * mixed).astype(np.float32)


def _influence(seconds: np.ndarray, key_seconds: np.ndarray, index: np.ndarray, falloff: float) -> np.ndarray:
    """Return the influence (N,) of the key `key_seconds[index]`: 1 at the key, 0 from `falloff` on."""
    exists = (index >= 0) & (index < len(key_seconds))
    distance = np.abs(seconds - key_seconds[np.clip(index, 0, len(key_seconds) - 1)])
    return np.where(exists, smoothstep(1.0 - distance / max(falloff, 1e-9)), 0.0)
