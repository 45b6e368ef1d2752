"""The limit of requests that are read into memory; files are not, and have limits of their own."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from headroom.server.api.errors import error_response

MAX_MEGABYTES = 16  # the renders and meshes of 100,000 frames


class LimitBody:
    """Middleware that refuses requests with too long a body, or with one of unknown length, before it is read."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with an error, or pass the request on."""
        if scope["type"] == "http" and scope["method"] != "PUT":  # which is for files
            headers = Headers(scope=scope)
            if length_of(headers) > MAX_MEGABYTES * 1_000_000 or "transfer-encoding" in headers:
                reply = error_response(413, f"The request is longer than {MAX_MEGABYTES} MB, or does not say how long "
                                            "it is. Ask for fewer frames at a time.")
                await reply(scope, receive, send)
                return
        await self._app(scope, receive, send)


def length_of(headers: Headers) -> int:
    """Return the announced length of a request's body in bytes, 0 if there is none."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0
