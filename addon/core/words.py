"""The words of a speech, as a performance carries them, and which of their edges is nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from .phones import Phone
from .stored import Array, read_rows

WORDS = {
    "word_texts": Array(("words",), "text", least=0),
    "word_starts": Array(("words",), low=0, least=0),
    "word_ends": Array(("words",), low=0, least=0),
    "word_confidences": Array(("words",), low=0, high=1, least=0),
}
"""The arrays of words in a performance.npz."""


class Word(NamedTuple):
    """One word: its text, start and end in seconds of the speech, and confidence, 0..1."""

    text: str
    start: float
    end: float
    confidence: float


Span = TypeVar("Span", Phone, Word)


def read_words(stored: Mapping[str, np.ndarray]) -> tuple[Word, ...]:
    """Return the words of the arrays in a performance.npz, which are as `WORDS` says; none without a transcript."""
    return read_rows(stored, WORDS, Word)


def shift_to_nearest(frames: np.ndarray, edges: Sequence[int]) -> int:
    """Return by how many frames `frames` (K,) move together so that the one nearest to an edge lies on it."""
    distances: np.ndarray = np.array(edges)[:, None] - np.asarray(frames, dtype=np.float64)
    return round(float(distances.ravel()[np.abs(distances).argmin()]))
