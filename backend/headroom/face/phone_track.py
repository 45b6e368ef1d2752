"""The phones heard in a speech, over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from headroom.common.stored import Array

SILENCE = "SIL"
"""Symbol of pauses, breaths and noise; the others are those of the ARPAbet."""

_PREFIX = "phone_"
PHONES = {
    "phone_symbols": Array(("phones",), "text", least=0),
    "phone_starts": Array(("phones",), low=0, least=0),
    "phone_ends": Array(("phones",), low=0, least=0),
    "phone_confidences": Array(("phones",), low=0, high=1, least=0),
}
"""The arrays of a phone track in a stored performance."""


@dataclass(frozen=True, eq=False)
class PhoneTrack:
    """Phones one after the other, without gaps, silence among them.

    symbols: (K,) texts, the ARPAbet without stress, and "SIL".
    starts, ends: (K,) float64, seconds.
    confidences: (K,) float32, mean posterior of the phone between its start and its end, 0..1.
    """

    symbols: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    confidences: np.ndarray

    def __len__(self) -> int:
        return len(self.symbols)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by the names that they have in a stored performance."""
        return {name: getattr(self, name.removeprefix(_PREFIX)) for name in PHONES}

    @staticmethod
    def of_arrays(stored: Mapping[str, np.ndarray]) -> PhoneTrack | None:
        """Return the track of `arrays`; None where an older version stored none.

        stored: arrays that are as `PHONES` says, or none of them.
        """
        if PHONES.keys().isdisjoint(stored.keys()):
            return None
        symbols, starts, ends, confidences = (stored[name] for name in PHONES)
        return PhoneTrack(symbols, starts.astype(np.float64), ends.astype(np.float64), confidences.astype(np.float32))
