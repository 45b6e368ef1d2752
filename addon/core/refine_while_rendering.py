"""Refining while rendering: parts of a shot go to the backend as soon as they are complete."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

from . import backend_jobs as remote
from .errors import Cancelled
from .tasks import Watch

PART = 16  # frames; at most so many are refined after the last one is rendered
WINDOW = 2  # frames before a frame that the refiner looks at


class RefineAhead:
    """A thread that has the finished parts of one shot refined; the backend keeps what comes out.

    Use as a context manager: leaving it stops the part under way. Nothing is lost by that but the frame at hand.
    """

    def __init__(self, connect: remote.Connect, subject: Path, found: remote.Match):
        self._connect, self._subject, self._found = connect, subject, found
        self._renders: dict[int, Path] = {}
        self._new: set[int] = set()
        self._parts: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._watch = Watch(lambda step: None)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="refine ahead", daemon=True)
        self._closed = False
        self.refined = 0

    def __enter__(self) -> "RefineAhead":
        return self

    def __exit__(self, *exception: object) -> None:
        self.finish()
        if self._thread.is_alive():  # cancelling is a request, and nobody waits for its answer
            threading.Thread(target=self._watch.stop, name="stop refining ahead").start()

    def add(self, index: int, render: Path, is_new: bool) -> None:
        """Frame `index` of the match is there; raises what has gone wrong with refining so far.

        A part none of whose frames are new is left to the job that makes the movie: it has been refined before.
        """
        if self._error is not None:
            raise self._error
        self._renders[index] = render
        if is_new:
            self._new.add(index)
        for part in {index // PART, (index + WINDOW) // PART}:
            if self._is_due(part):
                self._new.difference_update(self._frames(part))
                self._parts.put(part)
                if not self._thread.is_alive():
                    self._thread.start()

    def finish(self) -> None:
        """Begin no further part; the one under way goes on."""
        self._closed = True
        self._parts.put(None)

    def _frames(self, part: int) -> range:
        return range(part * PART, (part + 1) * PART)

    def _is_due(self, part: int) -> bool:
        """Whether a whole part is there with its window, something in it is new, and it has not been sent."""
        frames = self._frames(part)
        needed = range(max(frames.start - WINDOW, 0), frames.stop)
        return all(index in self._renders for index in needed) and any(index in self._new for index in frames)

    def _work(self) -> None:
        try:
            backend = self._connect()
            while (part := self._parts.get()) is not None and not self._closed:
                frames = self._frames(part)
                first = max(frames.start - WINDOW, 0)
                renders = [self._renders[index] for index in range(first, frames.stop)]
                remote.refine_frames(backend, self._subject, renders, self._found, first, frames.start - first,
                                     False, self._watch)
                self.refined += PART
        except Cancelled:
            pass
        except BaseException as error:
            self._error = error
