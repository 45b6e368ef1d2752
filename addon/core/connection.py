"""The connection to the backend: a server by its address, or a local backend that is started when first needed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from .backend import LocalBackend
from .client import Client
from .errors import InputError
from .known_servers import KnownServers
from .messages import message


@dataclass(frozen=True)
class Address:
    """Where the backend is: `url` and `token` of a server, or the `python` that has the `headroom` package.

    data: folder for the jobs and logs of a local backend; empty for the backend's default.
    known_servers: file with the certificates of servers that were used before; empty for none.
    """

    url: str = ""
    token: str = ""
    python: str = ""
    data: str = ""
    known_servers: str = ""

    @property
    def disabled_reason(self) -> str:
        """Why this address cannot be used; empty when it can."""
        if self.url or self.python:
            return ""
        return message("No backend. Set it up in the Headroom panel, or enter a server or a Python in the preferences")


class Connection:
    """Owner of at most one local backend; any thread may ask for a client."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._local: LocalBackend | None = None
        self._address = Address()

    def client(self, address: Address) -> Client:
        """Return a client of the backend at `address`; a local backend is started if it does not run."""
        if address.url:
            known = KnownServers(Path(address.known_servers) if address.known_servers else None)
            return Client(address.url, address.token, known_servers=known)
        if address.disabled_reason:
            raise InputError(message("{reason}.", reason=address.disabled_reason))
        with self._lock:
            if self._local is None or self._address != address:
                self._stop()
                self._local = LocalBackend(address.python, Path(address.data) if address.data else None)
                self._address = address
            local = self._local
        return local.start()  # without the lock, so that `stop` can end a start that takes minutes

    @property
    def running(self) -> bool:
        """Whether our local backend runs."""
        return self._local is not None and self._local.alive

    def stop(self) -> None:
        """Stop the local backend, if there is one."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._local is not None:
            self._local.stop()
        self._local = None
