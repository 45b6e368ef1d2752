"""The phones of a speech, as a performance carries them and a take stores them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from .stored import Array, read_rows

PHONES = {
    "phone_symbols": Array(("phones",), "text", least=0),
    "phone_starts": Array(("phones",), low=0, least=0),
    "phone_ends": Array(("phones",), low=0, least=0),
    "phone_confidences": Array(("phones",), low=0, high=1, least=0),
}
"""The arrays of phones in a performance.npz."""
SILENCE = "SIL"
"""Symbol of pauses, breaths and noise."""


class Phone(NamedTuple):
    """One phone: its symbol in the ARPAbet, start and end in seconds of the speech, and confidence, 0..1."""

    symbol: str
    start: float
    end: float
    confidence: float


def read_phones(stored: Mapping[str, np.ndarray]) -> tuple[Phone, ...]:
    """Return the phones of the arrays in a performance.npz, which are as `PHONES` says; none in older files."""
    return read_rows(stored, PHONES, Phone)


def text_of_phones(phones: Iterable[Phone]) -> str:
    """Return phones as the text that a take stores, with times in whole milliseconds; "" for none."""
    rows = [[phone.symbol, *(round(value, 3) for value in phone[1:])] for phone in phones]
    return json.dumps(rows, separators=(",", ":")) if rows else ""


def phones_of_text(text: str) -> tuple[Phone, ...]:
    """Return the phones of a text by `text_of_phones`."""
    return tuple(Phone(*row) for row in json.loads(text)) if text else ()


def phone_labels(phones: Sequence[Phone], start: float, fps: float) -> list[tuple[int, str]]:
    """Return scene frames, ascending, with the symbols of the phones that begin there; silence has none.

    Phones that begin at the same frame share a label, such as "K W", because labels at one frame cover each other.

    start: scene frame of second 0.
    """
    begun = ((round(start + phone.start * fps), phone.symbol) for phone in phones if phone.symbol != SILENCE)
    return [(frame, " ".join(symbol for _, symbol in group)) for frame, group in groupby(begun, lambda each: each[0])]
