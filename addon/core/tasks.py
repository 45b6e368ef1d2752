"""Long operations as generators, so that the same task runs beside Blender's window and on the command line.

A task yields `Step` (its progress) and `InBackground` (a call that touches no bpy; the task is sent its result).
`run_task` runs one in the calling thread; `ui/jobs.py` runs one beside Blender's window.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from .errors import Cancelled

SLICE_SECONDS = 0.03
"""Time that a task may use Blender's main thread between two of its requests."""


@dataclass(frozen=True)
class Step:
    """A fraction from 0 to 1 and the present step, in words an artist understands."""

    fraction: float
    message: str


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
                answer = yield Step(start + (end - start) * request.fraction, request.message)
            else:
                span = end - start
                answer = yield InBackground(request.work, start + span * request.start, start + span * request.end)
    finally:
        task.close()


class ProgressToken:
    """What work in a thread shares with the one who waits for it: progress one way, the request to stop the other."""

    def __init__(self, listener: Callable[[Step], None]):
        self._listener = listener
        self._stopped = threading.Event()
        self._callbacks: list[Callable[[], None]] = []

    def report(self, fraction: float, message: str) -> None:
        """Pass progress to the listener. Raises Cancelled after `stop`."""
        self.check()
        self._listener(Step(fraction, message))

    def check(self) -> None:
        """Raise Cancelled after `stop`."""
        if self._stopped.is_set():
            raise Cancelled("Stopped.")

    def stop(self) -> None:
        """Ask the work to end, from any thread. Never raises, because threads are started with it."""
        self._stopped.set()
        for callback in list(self._callbacks):
            with suppress(Exception):  # the others have to be called all the same
                callback()

    @contextmanager
    def on_stop(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` if `stop` is called while the block runs."""
        self._callbacks.append(callback)
        try:
            yield
        finally:
            self._callbacks.remove(callback)

    def subtoken(self, start: float, end: float) -> ProgressToken:
        """Return the token for a step that covers `start`..`end` of the whole; it stops with this one."""
        token = ProgressToken(lambda step: self._listener(Step(start + (end - start) * step.fraction, step.message)))
        token._stopped, token._callbacks = self._stopped, self._callbacks
        return token


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
