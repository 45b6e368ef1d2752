"""Long operations as generators, so that the same task runs beside Blender's window and on the command line.

A task yields `Step` (its progress) and `InBackground` (a call that touches no bpy; the task is sent its result).
`run_task` runs one in the calling thread; `ui/jobs.py` runs one beside Blender's window.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from .errors import Cancelled

SLICE_SECONDS = 0.03
"""Time that a task may use Blender's main thread between two of its requests."""


@dataclass(frozen=True)
class Step:
    """A fraction from 0 to 1 and the present step, in words an artist understands.

    picture: a file with the result so far, of work that can be finished early; None keeps the last one.
    """

    fraction: float
    message: str
    picture: Path | None = None

    def within(self, start: float, end: float) -> Step:
        """Return this step as one of a whole, of which its work covers `start`..`end`."""
        return replace(self, fraction=start + (end - start) * self.fraction)


@dataclass(frozen=True)
class InBackground:
    """`work(token)` covers `start`..`end` of the whole task; its own progress goes from 0 to 1."""

    work: Callable[[ProgressToken], Any]
    start: float = 0.0
    end: float = 1.0


Request: TypeAlias = Step | InBackground
Task: TypeAlias = Generator[Request, Any, Any]


def subtask(task: Task, start: float, end: float) -> Task:
    """Run `task` as a step of another task, of which it covers `start`..`end`; used with `yield from`.

    Returns the result of `task`.
    """
    answer: Any = None
    try:
        while True:
            try:
                request = task.send(answer)
            except StopIteration as stop:
                return stop.value
            if isinstance(request, Step):
                answer = yield request.within(start, end)
            else:
                span = end - start
                answer = yield InBackground(request.work, start + span * request.start, start + span * request.end)
    finally:
        task.close()


class ProgressToken:
    """What work in a thread shares with the one who waits for it: progress one way, requests the other.

    The requests are to stop, and to finish early.
    """

    def __init__(self, listener: Callable[[Step], None]):
        self._listener = listener
        self._stopped = threading.Event()
        self._callbacks: list[Callable[[], None]] = []
        self._finish_callbacks: list[Callable[[], None]] = []

    def report(self, fraction: float, message: str, picture: Path | None = None) -> None:
        """Pass progress to the listener. Raises Cancelled after `stop`."""
        self.check()
        self._listener(Step(fraction, message, picture))

    def check(self) -> None:
        """Raise Cancelled after `stop`."""
        if self._stopped.is_set():
            raise Cancelled("Stopped.")

    def stop(self) -> None:
        """Ask the work to end, from any thread. Never raises, because threads are started with it."""
        self._stopped.set()
        _call_all(self._callbacks)

    def finish(self) -> None:
        """Ask the work to finish early, from any thread. Never raises. Work that cannot do that goes on."""
        _call_all(self._finish_callbacks)

    @contextmanager
    def on_stop(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` if `stop` is called while the block runs."""
        with _listed(self._callbacks, callback):
            yield

    @contextmanager
    def on_finish(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` if `finish` is called while the block runs."""
        with _listed(self._finish_callbacks, callback):
            yield

    def subtoken(self, start: float, end: float) -> ProgressToken:
        """Return the token for a step that covers `start`..`end` of the whole; it stops and finishes with this one."""
        token = ProgressToken(lambda step: self._listener(step.within(start, end)))
        token._stopped, token._callbacks = self._stopped, self._callbacks
        token._finish_callbacks = self._finish_callbacks
        return token


@contextmanager
def _listed(callbacks: list[Callable[[], None]], callback: Callable[[], None]) -> Iterator[None]:
    callbacks.append(callback)
    try:
        yield
    finally:
        callbacks.remove(callback)


def _call_all(callbacks: list[Callable[[], None]]) -> None:
    for callback in list(callbacks):
        with suppress(Exception):  # the others have to be called all the same
            callback()


def run_task(task: Task, on_step: Callable[[Step], None] = lambda step: None) -> Any:
    """Run `task` to its end in this thread and return its result; its errors pass through."""
    token = ProgressToken(on_step)
    answer: Any = None
    try:
        while True:
            try:
                request = task.send(answer)
            except StopIteration as stop:
                return stop.value
            if isinstance(request, Step):
                on_step(request)
                answer = None
            else:
                answer = request.work(token.subtoken(request.start, request.end))
    finally:
        task.close()
