"""The words of the active take on the scene's timeline, retimed, and what snaps to their edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...core.retiming import MIN_FALLOFF_SECONDS, Retime, shown_seconds, source_seconds
from ...core.words import Word, shift_to_nearest
from ..build.shot import Shot
from .compose import Plan, make_plan
from .controls import LAYERS, active_take, find_retime, head_of
from .curves import Keys, merge_keys, read_keys, write_keys
from .takes import words_of
from .user_keys import move_user_keys, selected_keys


@dataclass(frozen=True)
class ShownWord:
    """A word on the timeline.

    number: among the words of the take.
    first, end: scene frames of its edges; `end` is that of the next word where they touch.
    """

    number: int
    text: str
    first: int
    end: int
    is_retimed: bool


def shown_words(shot: Shot) -> list[ShownWord]:
    """Return the words that the active take plays, where they are shown; none before a transcript was aligned."""
    take, plan = active_take(shot.root), make_plan(shot)
    if take is None or plan is None:
        return []
    return [_shown(shot, plan, number, word) for number, word in enumerate(words_of(take))]


def active_word(shot: Shot) -> ShownWord | None:
    """Return the word that is chosen in the list; None where there are no words."""
    take, plan = active_take(shot.root), make_plan(shot)
    if take is None or plan is None or not take.words:
        return None
    number = min(head_of(shot.root).active_word, len(take.words) - 1)
    return _shown(shot, plan, number, words_of(take)[number])


def _shown(shot: Shot, plan: Plan, number: int, word: Word) -> ShownWord:
    retime = find_retime(head_of(shot.root), word.start)
    first, last = (word.start, word.end) if retime is None else (retime.to_first_seconds, retime.to_last_seconds)
    first_frame, end = round(plan.frames_at(first)), round(plan.frames_at(last))
    return ShownWord(number, word.text, first_frame, max(end, first_frame + 1), retime is not None)


def retime_word(shot: Shot, number: int, first: float, end: float) -> ShownWord:
    """Play a word between the scene frames `first` and `end`, and return where it is then shown.

    It keeps a frame of length, and does not pass its neighbours: it may cover them up to their last frame, or up to the
    edge of one that is retimed. User keys in and around the word move along. The keys have to be composed afterwards.
    """
    take, plan = active_take(shot.root), make_plan(shot)
    assert take is not None and plan is not None
    head, words, frame_seconds = head_of(shot.root), words_of(take), 1 / plan.fps
    lowest, highest = 0.0, plan.seconds
    if number > 0:
        before = find_retime(head, words[number - 1].start)
        lowest = words[number - 1].start + frame_seconds if before is None else before.to_last_seconds
    if number + 1 < len(words):
        after = find_retime(head, words[number + 1].start)
        highest = words[number + 1].end - frame_seconds if after is None else after.to_first_seconds
    to_first = min(max(plan.seconds_at(first), lowest), highest - frame_seconds)
    to_last = max(min(plan.seconds_at(end), highest), to_first + frame_seconds)

    def change() -> None:
        word = words[number]
        retime = find_retime(head, word.start)
        if retime is None:
            retime = head.retimes.add()
            retime.name, retime.first_seconds, retime.last_seconds = word[:3]
        retime.to_first_seconds, retime.to_last_seconds = to_first, to_last

    _with_user_keys(shot, plan, change)
    return _shown(shot, plan, number, words[number])


def reset_retiming(shot: Shot, word: Word | None) -> int:
    """Play a word, or all words, when they are spoken; returns how many were retimed. User keys move back along."""
    head, plan = head_of(shot.root), make_plan(shot)
    retimes = head.retimes
    found = list(retimes) if word is None else [each for each in [find_retime(head, word.start)] if each is not None]
    if plan is None or not found:
        return 0
    chosen = [(each.first_seconds, each.last_seconds) for each in found]

    def change() -> None:
        for index in reversed(range(len(retimes))):
            if (retimes[index].first_seconds, retimes[index].last_seconds) in chosen:
                retimes.remove(index)

    _with_user_keys(shot, plan, change)
    return len(chosen)


def word_edges(shot: Shot) -> list[int]:
    """Return the scene frames (E,) of all edges of words, ascending."""
    return sorted({frame for word in shown_words(shot) for frame in (word.first, word.end)})


def snap_keys(shot: Shot) -> int:
    """Move the selected keys together, so that the one nearest to an edge of a word lies on it; returns how many.

    A key that is there already is replaced.
    """
    found = [(curve, keys, chosen) for curve, chosen in selected_keys(shot) for keys in [read_keys(curve)]]
    if not found:
        return 0
    shift = shift_to_nearest(np.concatenate([keys.frames[chosen] for _, keys, chosen in found]), word_edges(shot))
    for curve, keys, chosen in found:
        snapped = keys[chosen]
        moved = Keys(snapped.points + np.array([shift, 0], dtype=np.float32), snapped.fields).as_user_keys()
        free = ~chosen & ~np.isin(np.rint(keys.frames), np.rint(moved.frames))
        write_keys(curve, merge_keys(keys[free], moved))
    return int(sum(chosen.sum() for _, _, chosen in found))


def _with_user_keys(shot: Shot, plan: Plan, change: Callable[[], None]) -> None:
    """Change the retiming, and move user keys to where the motion around them is shown afterwards."""
    change()
    changed = make_plan(shot)
    assert changed is not None
    for layer in LAYERS:
        before, after = plan.retimes[layer], changed.retimes[layer]
        if {*before} != {*after}:  # the order has no effect
            move_user_keys(shot, [layer], _moved_frames(plan, before, after), _moved_span(plan, before, after))


def _moved_span(plan: Plan, before: tuple[Retime, ...], after: tuple[Retime, ...]) -> tuple[float, float]:
    """Return the first and the last frame that another retiming may move, in either of the two."""
    seconds = [second for each in {*before} ^ {*after} for second in vars(each).values()]
    reach = max(plan.falloff, MIN_FALLOFF_SECONDS)
    return plan.frames_at(min(seconds) - reach), plan.frames_at(max(seconds) + reach)


def _moved_frames(plan: Plan, before: tuple[Retime, ...], after: tuple[Retime, ...]
                  ) -> Callable[[np.ndarray], np.ndarray]:
    def moved(frames: np.ndarray) -> np.ndarray:
        spoken = source_seconds(plan.seconds_at(frames), before, plan.falloff)
        result = plan.frames_at(shown_seconds(spoken, after, plan.falloff))
        return np.where(np.abs(result - np.rint(result)) < 0.05, np.rint(result), result)

    return moved
