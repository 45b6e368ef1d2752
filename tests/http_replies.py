"""Requests to the HTTP API in this process, without a server."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from headroom.server.app import create_app
from headroom.server.store import Store

TOKEN = "token"


def error_reply(folder: Path, method: str, path: str, content: Any = "", complete: bool = True) -> str:
    """Send a request to the API over a new store in `folder`; return the message of its error reply.

    content: the body, text or a value that is sent as JSON.
    complete: False breaks off the connection within the body.
    """
    body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    scope = {"type": "http", "method": method, "path": path, "query_string": b"",
             "headers": [(b"authorization", f"Bearer {TOKEN}".encode()), (b"content-type", b"application/json")]}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body} if complete else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with closing(Store(folder)) as store:
        app = create_app(store, runner=None, token=TOKEN)  # type: ignore[arg-type]  # no request gets to the runner
        with suppress(ZeroDivisionError):  # an unexpected error is passed on after its reply
            asyncio.run(app(scope, receive, send))
    reply = json.loads(b"".join(message.get("body", b"") for message in sent))
    return str(reply["error"]["message"])
