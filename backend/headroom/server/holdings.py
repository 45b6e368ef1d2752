"""Which blobs each named user may read, and how many bytes they are. The owner of the server may read all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path

from headroom.server.jobs import OWNER


class Holdings:
    """A table of the jobs file. A blob is stored once, and every user who has sent it or made it holds it.

    lock: guards `database`; `Store` shares it.
    """

    def __init__(self, database: sqlite3.Connection, lock: threading.RLock):
        self._database, self._lock = database, lock
        rows = database.execute("SELECT user, SUM(bytes) FROM holdings GROUP BY user").fetchall()
        self._bytes: dict[str, int] = dict(rows)

    def holds(self, user: str, sha: str) -> bool:
        """Return whether a user holds a blob."""
        if user == OWNER:
            return True
        with self._lock:
            return bool(self._database.execute(
                "SELECT 1 FROM holdings WHERE user = ? AND sha = ?", (user, sha)).fetchall())

    def add(self, user: str, blobs: Iterable[Path]) -> None:
        """Give a user stored blobs, each named by its SHA-256."""
        if user == OWNER:
            return
        with self._lock:
            for path in blobs:
                if path.is_file() and not self.holds(user, path.name):
                    size = path.stat().st_size
                    self._database.execute("INSERT INTO holdings VALUES (?, ?, ?)", (user, path.name, size))
                    self._bytes[user] = self.bytes_of(user) + size

    def remove(self, shas: Iterable[str]) -> None:
        """Forget blobs that were removed from the store."""
        with self._lock:
            for sha in shas:
                rows = self._database.execute("DELETE FROM holdings WHERE sha = ? RETURNING user, bytes", (sha,))
                for user, size in rows.fetchall():
                    self._bytes[user] -= size

    def bytes_of(self, user: str) -> int:
        """Return the bytes of all blobs that a named user holds."""
        return self._bytes.get(user, 0)
