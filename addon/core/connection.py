"""One way to reach the backend: a server by address, or one of our own that is started when first needed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from .backend import LocalBackend
from .client import Client
from .errors import InputError


@dataclass(frozen=True)
class Address:
    """Where the backend is: `url` and `token` of a server, or the `python` that has the `headroom` package.

    `data` is the folder for the jobs and logs of a backend of our own; empty is the backend's choice.
    """

    url: str = ""
    token: str = ""
    python: str = ""
    data: str = ""

    @property
    def missing(self) -> str:
        """What the user still has to say, in one sentence; empty when nothing is missing."""
        if self.url or self.python:
            return ""
        return "Set up the backend in the Headroom panel, or name a server or the backend's Python"


class Connection:
    """Owns at most one local backend; any thread may ask for a client."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._local: LocalBackend | None = None
        self._address = Address()

    def client(self, address: Address) -> Client:
        """A client of the server at `address`; a local backend is started, or restarted after it died."""
        if address.url:
            return Client(address.url, address.token)
        if address.missing:
            raise InputError(address.missing + ".")
        with self._lock:
            if self._local is None or self._address != address:
                self._stop()
                self._local = LocalBackend(address.python, Path(address.data) if address.data else None)
                self._address = address
            return self._local.start()

    @property
    def running(self) -> bool:
        """Whether a local backend of ours runs."""
        return self._local is not None and self._local.alive

    def stop(self) -> None:
        """End the local backend, if there is one."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._local is not None:
            self._local.stop()
        self._local = None
