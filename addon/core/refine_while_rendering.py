"""Refining while rendering: groups of frames go to the backend as soon as they are rendered."""

from __future__ import annotations

import queue
import threading

from . import movie_jobs
from .backend_jobs import Backend, Connect, Match, SubjectUse
from .errors import Cancelled
from .frame_cache import Render
from .tasks import ProgressToken

GROUP = 16  # frames of one job; as many frames at most are refined after the last one is rendered
CONTEXT = 2  # previous frames that the refiner needs for a frame
THREAD_NAME = "refine while rendering"


class RefineWhileRendering:
    """A thread that has the rendered groups of one shot refined; the backend caches the refined crops.

    Use as a context manager. Leaving it cancels the job that is running, which costs the one frame in progress.
    """

    def __init__(self, connect: Connect, subject: SubjectUse, match: Match):
        self._connect, self._subject, self._match = connect, subject, match
        self._renders: dict[int, Render] = {}  # by frame of the match
        self._new: set[int] = set()  # frames that no job has been asked for
        self._groups: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._token = ProgressToken(lambda step: None)
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None  # started once, by the first group, because a thread runs once
        self._finished = False
        self.refined = 0  # frames so far

    def __enter__(self) -> RefineWhileRendering:
        return self

    def __exit__(self, *exception: object) -> None:
        self.finish()
        if self._thread is not None and self._thread.is_alive():
            # Cancelling is a request to the backend, and nothing here depends on its reply.
            threading.Thread(target=self._token.stop, name="stop refining while rendering", daemon=True).start()

    def add(self, index: int, render: Render, is_new: bool) -> None:
        """Add the render of frame `index` of the match. Raises the error of a group that has failed.

        Groups without a new frame are left to the job that makes the movie, because they have been refined before.
        """
        if self._error is not None:
            raise self._error
        self._renders[index] = render
        if is_new:
            self._new.add(index)
        for group in {index // GROUP, (index + CONTEXT) // GROUP}:
            if self._is_due(group):
                self._new.difference_update(_frames(group))
                self._groups.put(group)
                self._start_once()

    def finish(self) -> None:
        """Start no further group; the one that is running goes on."""
        self._finished = True
        self._groups.put(None)

    def _start_once(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._refine_groups, name=THREAD_NAME, daemon=True)
            self._thread.start()

    def _is_due(self, group: int) -> bool:
        """Return whether the group and its context are rendered and at least one frame of it is new."""
        frames = _frames(group)
        needed = range(max(frames.start - CONTEXT, 0), frames.stop)
        return all(index in self._renders for index in needed) and any(index in self._new for index in frames)

    def _refine_groups(self) -> None:
        """Refine groups until `finish`, an error, or the end of the context manager; the target of the thread."""
        try:
            backend = self._connect()
            while (group := self._groups.get()) is not None and not self._finished:
                try:
                    self._refine_group(backend, group)
                    self.refined += GROUP
                except Cancelled:  # by us, which ends the loop, or by the server, which leaves the frames to `refine`
                    self._token.check()
        except Cancelled:
            pass
        except BaseException as error:
            self._error = error

    def _refine_group(self, backend: Backend, group: int) -> None:
        frames = _frames(group)
        first = max(frames.start - CONTEXT, 0)
        renders = [self._renders[index] for index in range(first, frames.stop)]
        shot = movie_jobs.MatchedRenders(self._subject, self._match, renders)
        movie_jobs.refine_frames(backend, shot, first, frames.start - first, False, self._token)


def _frames(group: int) -> range:
    return range(group * GROUP, (group + 1) * GROUP)
