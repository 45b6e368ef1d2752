"""HTTP requests to the backend, and the errors that they can end with."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import SplitResult, urlsplit

from .certificates import context_for, untrusted_server_error
from .errors import HeadroomError
from .known_servers import KnownServers
from .messages import message

TIMEOUT_SECONDS = 30.0  # without a byte; event streams send a heartbeat every ten seconds
BLOCK_BYTES = 1 << 18
MAX_WAIT_SECONDS = 120.0  # in total, where the server asks to wait because of too many requests

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
    known_servers: the certificates of servers that were used before.
    """

    def __init__(self, url: str, token: str, on_no_answer: Callable[[], None] = lambda: None,
                 known_servers: KnownServers | None = None):
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
        self._known_servers = known_servers or KnownServers()
        self._context: ssl.SSLContext | None = None

    def json(self, method: str, path: str, content: Any = None, may_repeat: bool = False) -> Any:
        """Send a request with a JSON body and return the JSON reply.

        may_repeat: whether a POST may be sent twice, as all other requests.
        """
        body = None if content is None else json.dumps(content).encode()
        with self.open(method, path, body, {"Content-Type": "application/json"}, may_repeat) as response:
            return json.loads(response.read())

    @contextmanager
    def open(self, method: str, path: str, body: Body = None, headers: dict[str, str] | None = None,
             may_repeat: bool = False) -> Iterator[http.client.HTTPResponse]:
        """Send a request; its reply is to be read inside the block.

        Raises Refused for an error reply, Unreachable when there is no reply or it breaks off, UntrustedServer when the
        certificate is not accepted.
        """
        connection = response = None
        rewind = _rewinding(body)
        try:
            connection = self._connection(may_be_reused=may_repeat or method != "POST")  # a reused one may send twice
            response = self._send(connection, method, path, body, headers or {})
            waited = 0.0
            while (seconds := _retry_seconds(response)) and waited + seconds <= MAX_WAIT_SECONDS:
                response.read()
                time.sleep(seconds)
                waited += seconds
                rewind()
                response = self._send(connection, method, path, body, headers or {})
            if response.status >= 400:
                raise _refused(response)
            yield response
        except ssl.SSLCertVerificationError as error:
            self._context = None  # the user may accept the certificate, which is checked in another way then
            raise untrusted_server_error(self.url, error, self._known_servers, TIMEOUT_SECONDS) from error
        except (OSError, http.client.HTTPException) as error:
            self._on_no_answer()
            raise Unreachable(message("The backend at {url} does not answer ({reason}). Check in the preferences that "
                                      "it is running, or start it again.",
                                      url=self.url, reason=_reason(error))) from error
        finally:
            if response is not None and response.isclosed():
                self._idle.append(connection)
            elif connection is not None:  # the rest of this reply would be taken for the next one
                connection.close()

    def _send(self, connection: http.client.HTTPConnection, method: str, path: str, body: Body,
              headers: dict[str, str]) -> http.client.HTTPResponse:
        """Send the request, and again if a reused connection turns out to have been closed by the backend."""
        headers = {**headers, "Authorization": f"Bearer {self.token}"}
        was_open = connection.sock is not None
        rewind = _rewinding(body)
        try:
            connection.request(method, self._path + path, body, headers)
            return connection.getresponse()
        except (ConnectionError, http.client.BadStatusLine):
            connection.close()
            if not was_open:
                raise
            rewind()
            connection.request(method, self._path + path, body, headers)
            return connection.getresponse()

    def _connection(self, may_be_reused: bool) -> http.client.HTTPConnection:
        if may_be_reused:
            with suppress(IndexError):
                return self._idle.pop()
        if not self._is_secure:
            return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS, blocksize=BLOCK_BYTES)
        if self._context is None:
            self._context = context_for(self.url, self._known_servers, TIMEOUT_SECONDS)
        return http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_SECONDS, blocksize=BLOCK_BYTES,
                                           context=self._context)


def _port(url: str, parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise BackendError(message("{url!r} has no valid port. An address looks like http://127.0.0.1:8000",
                                   url=url)) from error


def _rewinding(body: Body) -> Callable[[], object]:
    """Return the function that moves a body back to where it is, so that it can be sent again."""
    return (lambda: None) if body is None or isinstance(body, bytes) else partial(body.seek, body.tell())


def _retry_seconds(response: http.client.HTTPResponse) -> float:
    """Return how long to wait before the request is sent again because there were too many; 0 for other replies."""
    text = response.headers.get("Retry-After", "")
    return float(text) if response.status == 429 and text.isascii() and text.isdigit() else 0.0


def _refused(response: http.client.HTTPResponse) -> Refused:
    """Return the error with the backend's own sentence, or one of ours where it sent none, as for HEAD."""
    try:
        text = str(json.loads(response.read())["error"]["message"])
    except (ValueError, KeyError, TypeError):
        text = message("The backend refused the request with status {status}. Check its address.",
                       status=response.status)
    return Refused(text, response.status)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
