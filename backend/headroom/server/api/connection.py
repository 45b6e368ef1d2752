"""A client's connection, closed where anybody could make the server keep endless headers or wait for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 << 10  # of a request's line and headers, and of what frames its body; httptools has no limit
HEAD_SECONDS = 30.0  # that these may take to arrive; a body may take any time


class ClientConnection(HttpToolsProtocol):
    """uvicorn's connection with limits that hold before anything is known of who sends."""

    _bytes = 0  # that have arrived since headers, a piece of a body or a request were complete
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._restart()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has arrived; the other methods are called from here for what it completes."""
        self._bytes += len(data)
        super().data_received(data)
        if self._bytes > MAX_HEAD_BYTES:
            self.transport.close()
        elif self._bytes and self._timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        """Answer a request, whose body may still arrive."""
        self._restart()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._restart()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request's body."""
        self._restart()
        super().on_message_complete()

    def _start_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(HEAD_SECONDS, self.transport.close)

    def _restart(self) -> None:
        self._bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
