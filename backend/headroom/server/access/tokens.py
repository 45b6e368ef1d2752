"""The users of a server: tokens with names and last days, of which only digests are stored."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

from headroom.common.errors import InputError
from headroom.common.files import write_private

FORMAT = 1
FILE_NAME = "tokens.json"
Role = Literal["user", "metrics"]

log = logging.getLogger(__name__)

_USER = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


@dataclass(frozen=True)
class Token:
    """One token of a user.

    digest: SHA-256 of the token. A slow hash would add nothing, because a token is 256 random bits.
    until: the last day on which it is accepted, as 2027-05-02; empty for no end.
    role: "metrics" can read nothing but the health and the metrics.
    """

    id: str
    user: str
    label: str
    digest: str
    created: str
    until: str = ""
    revoked: str = ""
    role: Role = "user"

    @property
    def refusal_reason(self) -> str:
        """Why the token is not accepted, a sentence; empty when it is."""
        if self.revoked:
            return "The token was revoked. Ask whoever runs the server for another one."
        if self.until and date.today().isoformat() > self.until:
            return f"The token ended on {self.until}. Ask whoever runs the server for another one."
        return ""


class Tokens:
    """The tokens in a data folder. Changes by other processes count from the next request on."""

    def __init__(self, folder: Path):
        self._path = folder / FILE_NAME
        self._read_from: tuple[int, int, int] | None = None
        self._tokens: dict[str, Token] = {}  # by digest

    def find(self, secret: str) -> Token | None:
        """Return the token with this secret, also one that is not accepted any more; None if there is none.

        While the file cannot be read, the tokens that were read before count.
        """
        try:
            self._refresh()
        except InputError:
            log.exception("The tokens cannot be read again")
        return self._tokens.get(_digest(secret))

    def all(self) -> list[Token]:
        """Return all tokens, the oldest first.

        Raises InputError when the file cannot be read.
        """
        self._refresh()
        return list(self._tokens.values())

    def add(self, user: str, label: str = "", until: str = "", role: Role = "user") -> tuple[str, Token]:
        """Make a token; return its secret, which is not stored, and the token.

        Raises InputError for a name or a day that cannot be used.
        """
        if not _USER.fullmatch(user):
            raise InputError(f"{user!r} cannot be a user's name. Use up to 32 of a to z, 0 to 9, dot, dash and "
                             "underscore.")
        secret = f"headroom-{secrets.token_urlsafe(32)}"
        token = Token(secrets.token_hex(4), user, label, _digest(secret), date.today().isoformat(), _day(until),
                      role=role)
        with self._changing() as tokens:
            tokens.append(token)
        return secret, token

    def revoke(self, name: str) -> list[Token]:
        """Revoke the token with an id, or all tokens of a user; return those.

        Raises InputError when there is no such token.
        """
        with self._changing() as tokens:
            found = [token for token in tokens if name in (token.id, token.user) and not token.revoked]
            if not found:
                raise InputError(f"There is no token {name} that could be revoked. `headroom serve token list` shows "
                                 "all.")
            for token in found:
                tokens[tokens.index(token)] = replace(token, revoked=date.today().isoformat())
        return found

    def _refresh(self) -> None:
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            self._tokens, self._read_from = {}, None
            return
        read_from = (status.st_mtime_ns, status.st_size, status.st_ino)
        if read_from != self._read_from:
            self._tokens, self._read_from = {token.digest: token for token in self._read()}, read_from

    def _read(self) -> list[Token]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            tokens = [Token(**values) for values in content["tokens"]]
            version = int(content["format"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{self._path} cannot be read: {error}. Delete it and give every user a new token.") \
                from error
        if version > FORMAT:
            raise InputError(f"{self._path} was written by a newer version of Headroom. Update Headroom.")
        return tokens

    @contextmanager
    def _changing(self) -> Iterator[list[Token]]:
        """Yield the tokens, and write them back."""
        tokens = self.all()
        yield tokens
        content = {"format": FORMAT, "tokens": [asdict(token) for token in tokens]}
        write_private(self._path, json.dumps(content, indent=1).encode())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _day(text: str) -> str:
    """Return a day as 2027-05-02, empty for none."""
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise InputError(f"{text} is no last day of a token; write it as in 2027-05-02.") from error
