"""Words as muted text strips in the sequencer: dragging one, or an edge of it, retimes the word.

A strip stores whose word it is and the frames that it was placed at. Where the artist moved it since, the word follows
the strip; where the speech moved, the strip follows the word. Words lie on three channels in turn: a strip that is
dragged over its neighbour would be pushed to another channel, and the name of a short word needs room beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import compat
from ..build.shot import Shot
from .strips import OWNER, free_channel, strip_owner
from .words import ShownWord, retime_word, shown_words

TAG = "headroom_word"
"""Custom property of a word's strip: the owner of the shot's strips and the number of the word."""
PLACED = "headroom_word_frames"
"""Custom property of a word's strip: first frame and end that it was placed at."""
CHANNELS = 3
"""Channels that words take in turn."""
AS_SPOKEN, RETIMED = "COLOR_05", "COLOR_02"
"""Colour tags of strips: blue, and orange for a word that is retimed."""


def add_word_strips(shot: Shot) -> int:
    """Add a strip for each word, in place of earlier ones; returns how many."""
    remove_word_strips(shot)
    words = shown_words(shot)
    if not words:
        return 0
    shot.root[OWNER] = strip_owner(shot)
    channel = free_channel(shot.scene, words[0].first, words[-1].end)
    for word in words:
        strip = compat.new_text_strip(shot.scene, word.text, channel + word.number % CHANNELS, word.first, word.end)
        strip.text, strip.mute, strip.select = word.text, True, False  # a rendered text would cover the movie
        strip[TAG] = f"{strip_owner(shot)}|{word.number}"
        _place(strip, word)
    return len(words)


def remove_word_strips(shot: Shot) -> int:
    """Remove the words' strips; returns how many."""
    strips = word_strips(shot)
    for strip in strips.values():
        compat.strips_of(shot.scene).remove(strip)
    return len(strips)


def word_strips(shot: Shot) -> dict[int, Any]:
    """Return number of the word -> its strip."""
    return {int(strip[TAG].rpartition("|")[2]): strip for strip in _strips(shot)}


def has_word_strips(shot: Shot) -> bool:
    """Return whether a head has words as strips; panels and timers ask often."""
    return next(_strips(shot), None) is not None


def _strips(shot: Shot) -> Iterator[Any]:
    """Yield the strips of a head's words."""
    if shot.scene.sequence_editor is None:
        return
    owner = f"{strip_owner(shot)}|"
    for strip in compat.strips_of(shot.scene):
        if str(strip.get(TAG, "")).startswith(owner):
            yield strip


def is_word_strip(strip: Any) -> bool:
    """Return whether a strip is a word."""
    return TAG in strip


def follow_word_strips(shot: Shot) -> bool:
    """Retime the words whose strips were moved, and place the strips of the others; returns whether words changed.

    Where the active take has other words, the strips are made again.
    """
    strips = word_strips(shot)
    if not strips:
        return False
    words = shown_words(shot)
    if len(words) < len(strips) or any(strips[word.number].text != word.text for word in words
                                       if word.number in strips):
        add_word_strips(shot)
        return False
    changed = False
    for number, strip in strips.items():
        word, (first, end), placed = words[number], compat.strip_span(strip), tuple(strip[PLACED])
        if (first, end) not in (placed, (word.first, word.end)):
            word = retime_word(shot, number, *(new if new != old else now for new, old, now in
                                               zip((first, end), placed, (word.first, word.end))))
            changed = True
        _place(strip, word)
    return changed


def _place(strip: Any, word: ShownWord) -> None:
    """Move a strip to its word; nothing is written where it is there already, because writing causes an update."""
    if compat.strip_span(strip) != (word.first, word.end):
        compat.set_strip_span(strip, word.first, word.end)
    if tuple(strip.get(PLACED, ())) != (word.first, word.end):
        strip[PLACED] = [word.first, word.end]
    colour = RETIMED if word.is_retimed else AS_SPOKEN
    if strip.color_tag != colour:
        strip.color_tag = colour
