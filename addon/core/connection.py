"""One way to reach the backend: a server by address, or one of our own that is started when first needed."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from .backend import LocalBackend
from .client import Client
from .errors import InputError


@dataclass(frozen=True)
class Address:
    """Where the backend is: `url` and `token` of a server, or the `python` that has the `headroom` package."""

    url: str = ""
    token: str = ""
    python: str = ""

    @property
    def missing(self) -> str:
        """What the user still has to say, in one sentence; empty when nothing is missing."""
        if self.url or self.python:
            return ""
        return "Name a server or the backend's Python in the add-on's preferences"


class Connection:
    """Owns at most one local backend; any thread may ask for a client."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._local: LocalBackend | None = None
        self._python = ""

    def client(self, address: Address) -> Client:
        """A client of the server at `address`; a local backend is started, or restarted after it died."""
        if address.url:
            return Client(address.url, address.token)
        if address.missing:
            raise InputError(address.missing + ".")
        with self._lock:
            if self._local is None or self._python != address.python:
                self._stop()
                self._local, self._python = LocalBackend(address.python), address.python
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
