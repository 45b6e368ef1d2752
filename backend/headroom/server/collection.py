"""Removing from the data folder what is old, or what exceeds the store's quota; never what is in use."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headroom.server.blobs import INCOMING, is_sha
from headroom.server.store import Store

SECONDS_PER_DAY = 86400.0
RECENT_SECONDS = 3600.0
"""What was used within this time stays, whatever the quota: files that were sent before their job, and files of other
backends that share the folder, which mark theirs as used as well."""
PARTIAL_SECONDS = SECONDS_PER_DAY  # for which a broken upload can be continued
ROUND_SECONDS = 600.0  # between two collections; less than RECENT_SECONDS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A file or folder that can be removed."""

    path: Path
    bytes: int
    used: float  # seconds since 1970


def collect(store: Store, keep_days: float, most_bytes: float | None = None) -> int:
    """Remove jobs that ended, and files that were last used, more than `keep_days` ago; return the number of files.

    A blob counts as used when it is sent, asked for, or named by a new or unfinished job.

    most_bytes: the files that were used least recently go until the rest is at most so large.
    """
    now = time.time()
    oldest = now - keep_days * SECONDS_PER_DAY
    store.remove_finished(oldest)
    mark_used(store)
    entries = sorted(entries_of(store), key=lambda entry: entry.used)
    excess = sum(entry.bytes for entry in entries) - (float("inf") if most_bytes is None else most_bytes)
    removed = []
    for entry in entries:
        is_old = entry.used < (now - PARTIAL_SECONDS if _is_partial(entry) else oldest)
        if is_old or (excess > 0 and entry.used < now - RECENT_SECONDS):
            excess -= entry.bytes
            _remove(entry.path)
            removed.append(entry.path.name)
    store.holdings.remove(filter(is_sha, removed))
    log.info("Removed %d files that were unused for %g days or exceeded the quota", len(removed), keep_days)
    return len(removed)


def mark_used(store: Store) -> None:
    """Mark the files of unfinished jobs as used now."""
    for job in store.unfinished():
        try:
            request = store.request(job.id)
        except KeyError:  # removed meanwhile
            continue
        for sha in request.inputs.blobs():
            store.blobs.touch(sha)
        for subject in request.inputs.subjects():
            store.cache.touch(subject)


def entries_of(store: Store) -> Iterator[Entry]:
    """Yield everything in the data folder that can be removed."""
    for path in (*store.blobs.files(), *store.cache.entries()):
        try:
            status = path.stat()
            size = sum(file.stat().st_size for file in path.rglob("*")) if path.is_dir() else status.st_size
        except FileNotFoundError:  # moved or removed meanwhile
            continue
        yield Entry(path, size, status.st_mtime)


class Collector:
    """A thread that collects from time to time."""

    def __init__(self, store: Store, keep_days: float, most_bytes: float | None):
        self._store, self._keep_days, self._most_bytes = store, keep_days, most_bytes
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="collector", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the round that it is in."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(ROUND_SECONDS):
            try:
                collect(self._store, self._keep_days, self._most_bytes)
            except Exception:  # a full disk, for example; the next round tries again
                log.exception("Old files cannot be removed")


def _is_partial(entry: Entry) -> bool:
    return entry.path.parent.name == INCOMING


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
