"""The words of a speech, over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from headroom.common.stored import Array
from headroom.face.phone_track import PhoneTrack

_PREFIX = "word_"
WORDS = {
    "word_texts": Array(("words",), "text", least=0),
    "word_starts": Array(("words",), low=0, least=0),
    "word_ends": Array(("words",), low=0, least=0),
    "word_confidences": Array(("words",), low=0, high=1, least=0),
}
"""The arrays of a word track in a stored performance."""


@dataclass(frozen=True, eq=False)
class WordTrack:
    """Words one after the other, perhaps with pauses between them.

    texts: (K,) texts, as the transcript has them.
    starts, ends: (K,) float64, seconds.
    confidences: (K,) float32, mean posterior of the word's phones, 0..1.
    """

    texts: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    confidences: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by the names that they have in a stored performance."""
        return {name: getattr(self, name.removeprefix(_PREFIX)) for name in WORDS}

    @staticmethod
    def of_arrays(stored: Mapping[str, np.ndarray]) -> WordTrack | None:
        """Return the track of `arrays`; None where no transcript was given.

        stored: arrays that are as `WORDS` says, or none of them.
        """
        if WORDS.keys().isdisjoint(stored.keys()):
            return None
        texts, starts, ends, confidences = (stored[name] for name in WORDS)
        return WordTrack(texts, starts.astype(np.float64), ends.astype(np.float64), confidences.astype(np.float32))


@dataclass(frozen=True, eq=False)
class SpokenWords:
    """A transcript on the timeline.

    words: as the transcript has them.
    phones: those of their pronunciations, and the pauses between them.
    """

    words: WordTrack
    phones: PhoneTrack
