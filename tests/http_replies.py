"""Requests to the HTTP API in this process, without a server."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from headroom.server.access.limits import NO_LIMITS, Limits
from headroom.server.access.tokens import Tokens
from headroom.server.api.app import create_app
from headroom.server.api.services import Services
from headroom.server.api.users import Access
from headroom.server.store import Store
from headroom.server.uploads import Uploads

TOKEN = "token"


def error_reply(folder: Path, method: str, path: str, content: Any = "", complete: bool = True, *, token: str = TOKEN,
                access: Access | None = None, limits: Limits = NO_LIMITS, accepts_jobs: bool = True) -> str:
    """Send a request to the API over a new store in `folder`; return the message of its error reply.

    content: the body, text or a value that is sent as JSON.
    complete: False breaks off the connection within the body.
    token, access, limits, accepts_jobs: who asks, and what the server allows.
    """
    body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    scope = {"type": "http", "method": method, "path": path, "query_string": b"",
             "headers": [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")]}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body} if complete else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with closing(Store(folder)) as store:
        app = create_app(Services(store, SimpleNamespace(accepts_jobs=accepts_jobs),  # type: ignore[arg-type]
                                  Uploads(store.blobs, "jobs-1"), access or Access(TOKEN, Tokens(folder)), limits))
        with suppress(ZeroDivisionError):  # an unexpected error is passed on after its reply
            asyncio.run(app(scope, receive, send))
    reply = json.loads(b"".join(message.get("body", b"") for message in sent))
    return str(reply["error"]["message"])
