"""What the last match of a shot came to, so that an edit leaves the plates of all other frames as they are."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from .errors import UNREADABLE
from .files import atomic_write


@dataclass(frozen=True)
class MatchMemory:
    """Matched frames of a shot.

    made_for: what the match depends on beside the pose: the subject and the rate.
    frames: (T,) int scene frames, ascending; rotation, translation: (T, 3) the pose asked for, as it was sent.
    position: (T,) where in the clip.
    """

    made_for: str
    frames: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    position: np.ndarray

    def held(self, made_for: str, frames: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
        """The positions (T,) of the frames whose pose is what it was, NaN for the others."""
        held = np.full(len(frames), np.nan)
        if made_for != self.made_for:
            return held
        _, here, there = np.intersect1d(frames, self.frames, assume_unique=True, return_indices=True)
        same = ((rotation[here] == self.rotation[there]) & (translation[here] == self.translation[there])).all(axis=1)
        held[here[same]] = self.position[there[same]]
        return held

    def joined(self, newer: "MatchMemory") -> "MatchMemory":
        """`newer`, and what this one knows of other frames of the same clip."""
        if newer.made_for != self.made_for:
            return newer
        others = ~np.isin(self.frames, newer.frames)
        frames = np.concatenate([self.frames[others], newer.frames])
        order = np.argsort(frames)
        rows = (np.concatenate([getattr(self, name)[others], getattr(newer, name)])[order]
                for name in ("rotation", "translation", "position"))
        return MatchMemory(self.made_for, frames[order], *rows)

    def save(self, path: Path) -> None:
        with atomic_write(path) as half:
            np.savez(half, **{field.name: getattr(self, field.name) for field in fields(self)})

    @staticmethod
    def load(path: Path) -> "MatchMemory":
        """What was saved; empty when there is nothing to read."""
        try:
            with np.load(path, allow_pickle=False) as data:
                values = {field.name: data[field.name] for field in fields(MatchMemory)}
        except UNREADABLE:
            nothing = np.zeros((0, 3), dtype=np.float32)
            return MatchMemory("", np.zeros(0, dtype=np.int32), nothing, nothing, np.zeros(0))
        return MatchMemory(str(values.pop("made_for")), **values)
