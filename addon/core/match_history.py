"""The positions of the last match of a shot, so that an edit leaves the plates of all other frames as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError
from .files import atomic_write
from .stored import Array, Damaged, read_npz, require_arrays

FORMAT = 2
"""1 had no number, and `made_for` in place of `subject_key`."""
_LAYOUT = {"subject_key": Array((), "text"), "frames": Array(("frames",), "integer", least=0),
           "rotation": Array(("frames", 3), least=0), "translation": Array(("frames", 3), least=0),
           "position": Array(("frames",), least=0)}


@dataclass(frozen=True)
class MatchHistory:
    """Matched frames of a shot.

    subject_key: what a match depends on besides the poses: the subject and the frame rate.
    frames: (T,) int, scene frames, ascending.
    rotation, translation: (T, 3) the pose that was sent.
    position: (T,) position in the clip, frames.
    """

    subject_key: str
    frames: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    position: np.ndarray

    def fixed_positions(self, subject_key: str, frames: np.ndarray, rotation: np.ndarray, translation: np.ndarray
                        ) -> np.ndarray:
        """Return the positions (T,) of the frames whose pose is unchanged, NaN for the other frames."""
        fixed = np.full(len(frames), np.nan)
        if subject_key != self.subject_key:
            return fixed
        _, new, old = np.intersect1d(frames, self.frames, assume_unique=True, return_indices=True)
        same = ((rotation[new] == self.rotation[old]) & (translation[new] == self.translation[old])).all(axis=1)
        fixed[new[same]] = self.position[old[same]]
        return fixed

    def updated(self, newer: MatchHistory) -> MatchHistory:
        """Return `newer` with the other frames of this one, if both are of the same subject and rate."""
        if newer.subject_key != self.subject_key:
            return newer
        others = ~np.isin(self.frames, newer.frames)
        frames = np.concatenate([self.frames[others], newer.frames])
        order = np.argsort(frames)
        rows = (np.concatenate([getattr(self, name)[others], getattr(newer, name)])[order]
                for name in ("rotation", "translation", "position"))
        return MatchHistory(self.subject_key, frames[order], *rows)

    def save(self, path: Path) -> None:
        """Write as .npz."""
        with atomic_write(path) as temporary:
            np.savez(temporary, format=FORMAT, **vars(self))

    @staticmethod
    def load(path: Path) -> MatchHistory:
        """Read what `save` wrote; a missing, damaged or newer file gives an empty history."""
        try:
            values = upgrade(read_npz(path))
            require_arrays(values, _LAYOUT)
            return MatchHistory(str(values["subject_key"]), values["frames"], values["rotation"],
                                values["translation"], values["position"])
        except (InputError, Damaged):
            no_poses = np.zeros((0, 3), dtype=np.float32)
            return MatchHistory("", np.zeros(0, dtype=np.int32), no_poses, no_poses, np.zeros(0))


def upgrade(data: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays of a file in the present format; raises Damaged for a newer one."""
    values = dict(data)
    require_arrays(values, {"format": Array((), "integer", optional=True)})
    version = int(values.pop("format", 1))
    if version > FORMAT:
        raise Damaged(f"it has format {version}")
    if version == 1 and "made_for" in values:
        values["subject_key"] = values.pop("made_for")
    return values
