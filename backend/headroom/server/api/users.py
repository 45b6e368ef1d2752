"""Who sends a request: the middleware that answers requests without a valid token, and the user of all others."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headroom.server.access.audit import AuditLog
from headroom.server.access.limits import Rate
from headroom.server.access.tokens import Role, Tokens
from headroom.server.api.errors import ApiError, error_response
from headroom.server.jobs import OWNER

BEARER = b"Bearer "
METRICS_PATHS = ("/v2/metrics", "/v2/health")
MAX_LOGGED = 200  # characters of a path in the audit log, or long ones would soon push out what users did


@dataclass(frozen=True)
class User:
    """Who sends a request. The owner started the server; their token is of this session only."""

    name: str
    role: Role | None = None
    token_id: str = ""

    @property
    def is_owner(self) -> bool:
        """Whether this is who started the server."""
        return self.name == OWNER


@dataclass(frozen=True)
class Access:
    """What decides about requests.

    owner_token: None where only named users are let in.
    rate: of the requests of each user.
    refusals: of the requests without a valid token of each address.
    """

    owner_token: str | None
    tokens: Tokens
    rate: Rate = field(default_factory=Rate)
    refusals: Rate = field(default_factory=Rate)
    audit: AuditLog | None = None

    def user_of(self, authorization: bytes, path: str) -> User:
        """Return who sends a request.

        Raises ApiError for a request that is refused.
        """
        secret = authorization.removeprefix(BEARER)
        has_secret = authorization.startswith(BEARER)
        if has_secret and self.owner_token and secrets.compare_digest(secret, self.owner_token.encode()):
            return User(OWNER)
        token = self.tokens.find(secret.decode("utf-8", "surrogateescape")) if has_secret else None
        if token is None:
            raise ApiError(
                401, "The backend does not accept the token. Copy it again from where the backend was started.")
        if token.refusal_reason:
            raise ApiError(401, token.refusal_reason)
        if token.role == "metrics" and path not in METRICS_PATHS:
            raise ApiError(403, "This token is for the metrics only. Use a user's token.")
        if seconds := self.rate.wait_seconds(token.user):
            raise ApiError(429, f"You have sent too many requests. Wait {seconds:.0f} seconds.", retry_seconds=seconds)
        return User(token.user, token.role, token.id)


class Authenticate:
    """Middleware that answers refused requests before it reads anything of them, and names the user of all others."""

    def __init__(self, app: ASGIApp, access: Access):
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with an error, or pass the request on with its user in `scope["user"]`."""
        if scope["type"] == "http":
            address = (scope.get("client") or ("unknown",))[0]
            try:
                if seconds := self._access.refusals.wait_seconds(address, cost=0):
                    raise ApiError(429, "This address has sent too many requests without a valid token. Wait "
                                        f"{seconds:.0f} seconds.", retry_seconds=seconds)
                authorization = dict(scope["headers"]).get(b"authorization", b"")
                scope["user"] = user = self._access.user_of(authorization, scope["path"])
            except ApiError as error:
                if error.status == 401:
                    self._access.refusals.wait_seconds(address)
                if self._access.audit and error.status != 429:  # or anybody could fill the log
                    self._access.audit.write("refused", address=address, method=scope["method"],
                                             path=scope["path"][:MAX_LOGGED], reason=str(error))
                reply = error_response(error.status, str(error), error.code, error.retry_seconds)
                await reply(scope, receive, send)
                return
            if self._access.audit and not user.is_owner and _is_audited(scope):
                send = _audited(self._access.audit, scope, address, send)
        await self._app(scope, receive, send)


def _is_audited(scope: Scope) -> bool:
    """Whether a request changes something or reads a file; looking at jobs is left out."""
    return scope["method"] not in ("GET", "HEAD") or scope["path"].startswith("/v2/blobs/")


def _audited(audit: AuditLog, scope: Scope, address: str, send: Send) -> Send:
    """Return `send` that also writes the reply to the audit log."""

    async def audited(message: Message) -> None:
        if message["type"] == "http.response.start":
            user: User = scope["user"]
            audit.write("request", user=user.name, token=user.token_id, address=address, method=scope["method"],
                        path=scope["path"][:MAX_LOGGED], status=message["status"])
        await send(message)

    return audited


async def _user(request: Request) -> User:
    user: User = request.scope["user"]
    return user


CurrentUser = Annotated[User, Depends(_user)]
