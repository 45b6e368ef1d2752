"""Labels over time, such as the phones or the words of a speech."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np

from headroom.common.stored import Array, Damaged

Track = TypeVar("Track", bound="LabelledTrack")


def stored_layout(prefix: str, labels: str) -> dict[str, Array]:
    """Return the arrays of a track in a stored performance, in the order of its fields.

    prefix: of all names. labels: what the labels are called after it.
    """
    shape = (f"{prefix}s",)
    return {f"{prefix}_{labels}": Array(shape, "text", least=0),
            f"{prefix}_starts": Array(shape, low=0, least=0),
            f"{prefix}_ends": Array(shape, low=0, least=0),
            f"{prefix}_confidences": Array(shape, low=0, high=1, least=0)}


@dataclass(frozen=True, eq=False)
class LabelledTrack:
    """Spans one after the other, each with a label.

    labels: (K,) texts.
    starts, ends: (K,) float64, seconds.
    confidences: (K,) float32, 0..1.
    """

    LAYOUT: ClassVar[Mapping[str, Array]]
    """The arrays of a track in a stored performance."""

    labels: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    confidences: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by the names that they have in a stored performance."""
        return dict(zip(self.LAYOUT, (self.labels, self.starts, self.ends, self.confidences)))

    @classmethod
    def is_in(cls, stored: Mapping[str, np.ndarray]) -> bool:
        """Return whether a stored performance has any of the arrays."""
        return not cls.LAYOUT.keys().isdisjoint(stored.keys())

    @classmethod
    def of_arrays(cls: type[Track], stored: Mapping[str, np.ndarray]) -> Track | None:
        """Return the track of `arrays`; None where none is stored.

        stored: arrays that are as `LAYOUT` says, or none of them.

        Raises Damaged where a span ends before it starts.
        """
        if not cls.is_in(stored):
            return None
        labels, starts, ends, confidences = (stored[name] for name in cls.LAYOUT)
        if (ends < starts).any():
            raise Damaged("{2} lie before {1}".format(*cls.LAYOUT))
        return cls(labels, starts.astype(np.float64), ends.astype(np.float64), confidences.astype(np.float32))
