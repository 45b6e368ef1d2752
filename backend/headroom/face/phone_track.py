"""The phones heard in a speech, over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SILENCE = "SIL"
"""Symbol of pauses, breaths and noise; the others are those of the ARPAbet."""

_FIELDS = ("symbols", "starts", "ends", "confidences")
_PREFIX = "phone_"


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
        return {_PREFIX + name: getattr(self, name) for name in _FIELDS}

    @staticmethod
    def of_arrays(stored: Mapping[str, Any]) -> PhoneTrack | None:
        """Return the track of `arrays`; None where an older version stored none.

        Raises ValueError where the arrays do not belong together, KeyError where some are missing.
        """
        if not any(_PREFIX + name in stored for name in _FIELDS):
            return None
        symbols, starts, ends, confidences = (np.asarray(stored[_PREFIX + name]) for name in _FIELDS)
        if symbols.ndim != 1 or symbols.dtype.kind != "U" or any(
                values.shape != symbols.shape or values.dtype.kind != "f" for values in (starts, ends, confidences)):
            raise ValueError("the phones need one symbol, start, end and confidence each")
        return PhoneTrack(symbols, starts.astype(np.float64), ends.astype(np.float64), confidences.astype(np.float32))
