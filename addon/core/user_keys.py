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
    handles: (K, 4) float32, left and right handle of each generated key, relative to the key: frames, value, frames,
        value. Empty for linear keys, which have none.
    deleted: (R,) int32, the frames that the user has cleared by deleting generated keys.
    residual: (N,) float32, what the curve of the generated keys lacks of the values that it was fitted to, at the same
        frames; the detail adds that of the controls.
    composed_from: what the keys were made from, as text; where it differs, the channel is composed again.
    """

    start: float
    fps: float
    first: int = 0
    values: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    handles: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    deleted: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    residual: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    composed_from: str = ""

    @property
    def generated(self) -> np.ndarray:
        """The frames (K,) that got a key."""
        return self.first + np.flatnonzero(~np.isnan(self.values))


@dataclass(frozen=True)
class KeySummary:
    """What tells user keys from generated ones.

    frames, values: (K,).
    is_generated: (K,) bool, whether the type is that of a generated key.
    is_linear, is_bezier: (K,) bool, whether the interpolation is that one.
    handles: (K, 4), as in GeneratedRecord.
    """

    frames: np.ndarray
    values: np.ndarray
    is_generated: np.ndarray
    is_linear: np.ndarray
    is_bezier: np.ndarray
    handles: np.ndarray


def is_user_key(keys: KeySummary, record: GeneratedRecord) -> np.ndarray:
    """Return which keys (K,) bool are the user's: they look so, or were moved, or their handles were."""
    index = np.rint(keys.frames).astype(int) - record.first
    is_whole = np.abs(keys.frames - np.rint(keys.frames)) < FRAME_TOLERANCE
    inside = (index >= 0) & (index < len(record.values)) & is_whole
    expected = np.full(len(keys.frames), np.nan)
    expected[inside] = record.values[index[inside]]
    tolerance = VALUE_TOLERANCE * np.maximum(1.0, np.abs(keys.values))
    unchanged = keys.is_generated & (np.abs(keys.values - expected) <= tolerance)  # never true for NaN
    if not len(record.handles):
        return ~(unchanged & keys.is_linear)
    number = np.cumsum(~np.isnan(record.values)) - 1
    handles = np.full((len(keys.frames), 4), np.nan)
    handles[inside] = record.handles[number[index[inside]]]
    difference = np.abs(keys.handles - handles) / np.array([FRAME_TOLERANCE, 1, FRAME_TOLERANCE, 1])
    difference[:, 1::2] /= tolerance[:, None]
    return ~(unchanged & keys.is_bezier & (difference <= 1).all(axis=1))


def deleted_frames(frames: np.ndarray, record: GeneratedRecord) -> np.ndarray:
    """Return the frames (R,) int32 that the user has cleared, now or earlier, without a new key there.

    Deleting a generated key clears all frames up to the keys beside it, or sparse keys would return next to it.

    frames: (K,) of the keys that exist now.
    """
    existing = np.rint(frames).astype(int)
    generated = record.generated
    exists = np.isin(generated, existing)
    span = np.arange(record.first, record.first + len(record.values))
    cleared = np.zeros(len(span), dtype=bool)
    if not exists.all():
        kept = np.concatenate([[-np.inf], generated[exists], [np.inf]])
        gap = np.unique(np.searchsorted(kept, generated[~exists]))
        cleared = np.isin(np.searchsorted(kept, span), gap) & ~np.isin(span, kept)
    return np.setdiff1d(np.union1d(span[cleared], record.deleted), existing).astype(np.int32)


def run_count(frames: np.ndarray) -> int:
    """Return the number of runs of consecutive frames among `frames` (R,), ascending."""
    return int((np.diff(frames, prepend=-10) > 1).sum()) if len(frames) else 0


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
