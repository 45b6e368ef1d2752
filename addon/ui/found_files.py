"""What panels show of files. Drawing waits for no disk: a panel shows what a timer found last.

This module owns the timer. Everything is changed on the main thread only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import bpy

from .view import redraw_sidebars

HOLDS_SECONDS = 2.0
"""How long what was found holds: a file may be replaced."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Found(Generic[Key, Value]):
    """What a function finds on the disk for each key, such as the path in a field."""

    def __init__(self, find: Callable[[Key], Value], unknown: Value):
        """unknown: what panels show before the timer has looked."""
        self._find, self._unknown = find, unknown
        self._known: dict[Key, tuple[Value, float]] = {}  # what was found, and when, of time.monotonic()
        self._waiting: set[Key] = set()
        _all.append(self)

    def shown(self, key: Key) -> Value:
        """Return for a panel what was found last."""
        if bpy.app.background:  # where timers do not run
            return self._find(key)
        value, found_at = self._known.get(key, (self._unknown, float("-inf")))
        if time.monotonic() > found_at + HOLDS_SECONDS:
            self._waiting.add(key)
            if not bpy.app.timers.is_registered(find_again):
                bpy.app.timers.register(find_again, first_interval=0.0)
        return value

    def find_now(self, key: Key) -> bool:
        """Look now, as after a change; returns whether panels show something else."""
        before, _ = self._known.get(key, (self._unknown, 0.0))
        self._known[key] = self._find(key), time.monotonic()
        return self._known[key][0] != before

    def find_again(self) -> bool:
        """Look at what panels wait for; returns whether they show something else."""
        waiting, self._waiting = self._waiting, set()
        return any([self.find_now(key) for key in waiting])

    def forget(self) -> None:
        """Forget what was found."""
        self._known.clear()
        self._waiting.clear()


_all: list[Found[Any, Any]] = []


def find_again() -> None:
    """Look at what panels wait for, and draw them where it has changed; called by the timer."""
    if any([each.find_again() for each in _all]):
        redraw_sidebars()


def unregister() -> None:
    """Stop the timer and forget what was found."""
    if bpy.app.timers.is_registered(find_again):
        bpy.app.timers.unregister(find_again)
    for each in _all:
        each.forget()
