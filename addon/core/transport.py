"""HTTP requests to the backend, and the errors that they can end with."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO
from urllib.parse import SplitResult, urlsplit

from .errors import HeadroomError
from .messages import message

TIMEOUT_SECONDS = 30.0  # without a byte; event streams send a heartbeat every ten seconds
BLOCK_BYTES = 1 << 18

Body = bytes | BinaryIO | None


class BackendError(HeadroomError):
    """Base of the errors between the add-on and the backend."""


class Unreachable(BackendError):
    """The backend does not answer, or the connection broke."""


class Refused(BackendError):
    """The backend answered with an error; `status` is HTTP's."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


class Transport:
    """Requests to one backend, from any thread. Connections are reused.

    on_no_answer: called when the backend does not answer; it may raise an error that says more about the reason.
    """

    def __init__(self, url: str, token: str, on_no_answer: Callable[[], None] = lambda: None):
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BackendError(message("{url!r} is not the address of a backend. An address looks like "
                                       "http://127.0.0.1:8000", url=url))
        self.url = url.rstrip("/")
        self._is_secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, _port(url, parts)
        self._path = parts.path.rstrip("/")
        self.token, self._on_no_answer = token, on_no_answer
        self._idle: list[http.client.HTTPConnection] = []

    def json(self, method: str, path: str, content: Any = None) -> Any:
        """Send a request with a JSON body and return the JSON reply."""
        body = None if content is None else json.dumps(content).encode()
        with self.open(method, path, body, {"Content-Type": "application/json"}) as response:
            return json.loads(response.read())

    @contextmanager
    def open(self, method: str, path: str, body: Body = None,
             headers: dict[str, str] | None = None) -> Iterator[http.client.HTTPResponse]:
        """Send a request; its reply is to be read inside the block.

        Raises Refused for an error reply, Unreachable when there is no reply or it breaks off.
        """
        connection = self._connection(may_be_reused=method != "POST")  # because a reused one may send twice
        response = None
        try:
            response = self._send(connection, method, path, body, headers or {})
            if response.status >= 400:
                raise _refused(response)
            yield response
        except (OSError, http.client.HTTPException) as error:
            self._on_no_answer()
            raise Unreachable(message("The backend at {url} does not answer ({reason}). Check in the preferences that "
                                      "it is running, or start it again.",
                                      url=self.url, reason=_reason(error))) from error
        finally:
            if response is not None and response.isclosed():
                self._idle.append(connection)
            else:  # the rest of this reply would be taken for the next one
                connection.close()

    def _send(self, connection: http.client.HTTPConnection, method: str, path: str, body: Body,
              headers: dict[str, str]) -> http.client.HTTPResponse:
        """Send the request, and again if a reused connection turns out to have been closed by the backend."""
        headers = {**headers, "Authorization": f"Bearer {self.token}"}
        was_open = connection.sock is not None
        try:
            connection.request(method, self._path + path, body, headers)
            return connection.getresponse()
        except (ConnectionError, http.client.BadStatusLine):
            connection.close()
            if not was_open:
                raise
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            connection.request(method, self._path + path, body, headers)
            return connection.getresponse()

    def _connection(self, may_be_reused: bool) -> http.client.HTTPConnection:
        if may_be_reused:
            with suppress(IndexError):
                return self._idle.pop()
        kind = http.client.HTTPSConnection if self._is_secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=TIMEOUT_SECONDS, blocksize=BLOCK_BYTES)


def _port(url: str, parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise BackendError(message("{url!r} has no valid port. An address looks like http://127.0.0.1:8000",
                                   url=url)) from error


def _refused(response: http.client.HTTPResponse) -> Refused:
    """Return the error with the backend's own sentence, or one of ours where it sent none, as for HEAD."""
    try:
        text = str(json.loads(response.read())["error"]["message"])
    except (ValueError, KeyError, TypeError):
        text = message("The backend refused the request with status {status}. Check its address.",
                       status=response.status)
        if response.status == 401:
            text = message("The backend does not accept the token. Copy it again from where the backend was started.")
    return Refused(text, response.status)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
