"""The performance: expression and head pose over time, as `perform` writes them to `performance.npz`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError
from .messages import message
from .phones import PHONES, Phone, read_phones
from .stored import FPS, Array, Damaged, read_npz, require_arrays
from .words import WORDS, Word, read_words

_LAYOUT = {
    "fps": FPS,
    "expression": Array(("samples", 64)),
    "rotation": Array(("samples", 3)),
    "translation": Array(("samples", 3)),
    "controls": Array(("samples", 52), optional=True),  # ARKit's shapes
    "detail_share": Array((), low=0, high=1, optional=True),
}


@dataclass(frozen=True)
class Performance:
    """Motion of one face at a constant rate; sample i is at i / fps seconds.

    expression: (T, 64) float32, coefficients of the face model.
    rotation: (T, 3) float32, pitch, yaw, roll in radians.
    translation: (T, 3) float32, millimetres, camera axes.
    phones: those of the speech that it was predicted from; none in files of older versions.
    controls: (T, 52) float32, the part of the expression that the controls of the subject's rig make; None in files of
        older versions.
    detail_share: part of the face's motion that the controls do not make, 0..1; 1 without controls.
    words: those of the speech; none where no transcript was given.
    """

    fps: float
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    phones: tuple[Phone, ...] = ()
    controls: np.ndarray | None = None
    detail_share: float = 1.0
    words: tuple[Word, ...] = ()

    def __len__(self) -> int:
        return len(self.expression)

    def divided(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the controls (T, C) and the detail (T, 64) that make the expression together.

        directions: (C, 64) coefficients per unit of each control of the head that is animated; C is 0 for a head of an
            older version.
        """
        if self.controls is None or len(directions) == 0:
            return np.zeros((len(self), len(directions)), dtype=np.float32), self.expression
        return self.controls, self.expression - self.controls @ directions

    @staticmethod
    def load(path: Path) -> Performance:
        """Read a performance.npz; raises InputError for any other file."""
        try:
            return Performance.of_arrays(read_npz(path))
        except Damaged as error:
            raise InputError(message("{path} is not a performance, because {reason}. Choose a file that Perform wrote.",
                                     path=path, reason=error)) from error

    @staticmethod
    def of_arrays(stored: Mapping[str, np.ndarray]) -> Performance:
        """Return the performance in stored arrays; raises Damaged where one is missing or malformed."""
        require_arrays(stored, _LAYOUT)
        if "controls" in stored and "detail_share" not in stored:
            raise Damaged("detail_share is missing")
        expression, rotation, translation = (
            stored[name].astype(np.float32) for name in ("expression", "rotation", "translation"))
        has_controls = "controls" in stored
        phones, words = read_spans(stored)
        return Performance(float(stored["fps"]), expression, rotation, translation, phones,
                           stored["controls"].astype(np.float32) if has_controls else None,
                           float(stored["detail_share"]) if has_controls else 1.0, words)


def read_spans(stored: Mapping[str, np.ndarray]) -> tuple[tuple[Phone, ...], tuple[Word, ...]]:
    """Return the phones and words in stored arrays, which may have neither; raises Damaged where they are malformed."""
    require_arrays(stored, {name: array for layout in (PHONES, WORDS) if layout.keys() & stored.keys()
                            for name, array in layout.items()})
    phones, words = read_phones(stored), read_words(stored)
    if any(each.end < each.start for spans in (phones, words) for each in spans):
        raise Damaged("a phone or a word ends before it starts")
    return phones, words
