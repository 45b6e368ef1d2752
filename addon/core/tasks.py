"""Long work as values: a task is a generator that says what it does, and hands over what may run off the main thread.

A task yields `Step` (how far it is) and `InBackground` (a call that touches no bpy, whose result it is sent back).
`run_blocking` drives one in place; `ui/jobs.py` drives one beside Blender's window.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .errors import Cancelled

SLICE_SECONDS = 0.03
"""Of Blender's main thread that a task takes between two of its wishes."""


@dataclass(frozen=True)
class Step:
    """A fraction from 0 to 1 and what is being done, in words an artist understands."""

    fraction: float
    message: str


@dataclass(frozen=True)
class InBackground:
    """`work(watch)` covers `start`..`end` of the whole task; its own progress runs from 0 to 1."""

    work: "Callable[[Watch], Any]"
    start: float = 0.0
    end: float = 1.0


Task = Generator[Step | InBackground, Any, Any]


def part_of(task: Task, start: float, end: float) -> Task:
    """`task` as a step of another one, of which it covers `start`..`end`; used with `yield from`."""
    answer: Any = None
    try:
        while True:
            try:
                wish = task.send(answer)
            except StopIteration as stop:
                return stop.value
            if isinstance(wish, Step):
                answer = yield Step(start + (end - start) * wish.fraction, wish.message)
            else:
                span = end - start
                answer = yield InBackground(wish.work, start + span * wish.start, start + span * wish.end)
    finally:
        task.close()


class Watch:
    """What work and whoever waits for it share: progress one way, the wish to stop the other."""

    def __init__(self, listener: Callable[[Step], None]):
        self._listener = listener
        self._stopped = threading.Event()
        self._stoppers: list[Callable[[], None]] = []

    def report(self, fraction: float, message: str) -> None:
        """Tell the listener; raises Cancelled once the user has asked to stop."""
        self.check()
        self._listener(Step(fraction, message))

    def check(self) -> None:
        if self._stopped.is_set():
            raise Cancelled("Stopped.")

    def stop(self) -> None:
        """Ask the work to end, from any thread."""
        self._stopped.set()
        for stopper in list(self._stoppers):
            stopper()

    @contextmanager
    def on_stop(self, stopper: Callable[[], None]) -> Iterator[None]:
        """Call `stopper` if the user asks to stop while the block runs."""
        self._stoppers.append(stopper)
        try:
            yield
        finally:
            self._stoppers.remove(stopper)

    def part(self, start: float, end: float) -> "Watch":
        """This watch as seen by a piece of work that covers `start`..`end` of the whole."""
        piece = Watch(lambda step: self._listener(Step(start + (end - start) * step.fraction, step.message)))
        piece._stopped, piece._stoppers = self._stopped, self._stoppers
        return piece


def run_blocking(task: Task, on_step: Callable[[Step], None] = lambda step: None) -> Any:
    """Drive `task` to its end in this thread and return its result; whatever it raises passes through."""
    watch = Watch(on_step)
    answer: Any = None
    try:
        while True:
            try:
                wish = task.send(answer)
            except StopIteration as end:
                return end.value
            if isinstance(wish, Step):
                on_step(wish)
                answer = None
            else:
                answer = wish.work(watch.part(wish.start, wish.end))
    finally:
        task.close()
