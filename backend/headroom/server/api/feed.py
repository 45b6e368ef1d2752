"""Events of jobs for many listeners: threads report changes, and the event loop wakes who waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool

from headroom.server.api.replies import reply_json
from headroom.server.jobs import Job
from headroom.server.store import Store

HEARTBEAT_SECONDS = 10.0


class Feed:
    """The listeners of one server."""

    def __init__(self, store: Store):
        self._store = store
        self._changes: dict[str, asyncio.Event] = {}  # of the jobs that have listeners
        self.listeners = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Pass changes on while the block runs, in this event loop."""
        loop = asyncio.get_running_loop()

        def changed(job_id: str) -> None:
            if job_id in self._changes:
                with suppress(RuntimeError):  # the loop is closed when the server stops
                    loop.call_soon_threadsafe(self._wake, job_id)

        heartbeat = asyncio.create_task(self._beat())
        try:
            with self._store.on_change(changed):
                yield
        finally:
            heartbeat.cancel()

    async def events(self, job_id: str) -> AsyncIterator[str]:
        """Yield the job as server-sent events, first as it is and then after each change, until it is finished."""
        last: Job | None = None
        self.listeners += 1
        try:
            while last is None or not last.is_finished:
                change = self._changes.setdefault(job_id, asyncio.Event())
                job = self._store.known(job_id) or await run_in_threadpool(self._store.job, job_id)
                if job is None:
                    return
                yield f"data: {reply_json(job)}\n\n" if job is not last else ": no change\n\n"
                last = job
                if not job.is_finished:
                    await change.wait()
        finally:
            self.listeners -= 1

    def _wake(self, job_id: str) -> None:
        if change := self._changes.pop(job_id, None):
            change.set()

    async def _beat(self) -> None:
        """Wake everybody from time to time, so that no connection is silent for long."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            for job_id in list(self._changes):
                self._wake(job_id)
