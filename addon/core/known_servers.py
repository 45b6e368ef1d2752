"""The certificates of servers that were used before, one file for all, as SSH does it with hosts."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .errors import InputError
from .files import atomic_write
from .messages import message

FORMAT = 1
HTTPS_PORT = 443
AUTHORITY = "authority"
"""Stands for the fingerprint of a server whose certificates the system's authorities sign, because they change."""
_lock = threading.Lock()


class KnownServers:
    """What is known of servers by their address. Without a file it is known as long as this object lives."""

    def __init__(self, path: Path | None = None):
        self._path = path
        self._in_memory: dict[str, dict[str, str]] = {}

    def certificate(self, url: str) -> str:
        """Return the certificate that a server must show, PEM; empty before it was used."""
        return self._servers().get(_address(url), {}).get("certificate", "")

    def fingerprint(self, url: str) -> str:
        """Return the fingerprint that is remembered or was entered, or `AUTHORITY`; empty if none is known."""
        return self._servers().get(_address(url), {}).get("fingerprint", "")

    def remember(self, url: str, certificate: str) -> None:
        """Store the certificate of a server, PEM."""
        self._change(url, {"fingerprint": fingerprint_of(certificate), "certificate": certificate})

    def expect_authority(self, url: str) -> None:
        """Store that an authority signs the certificates of a server.

        Raises InputError when the file cannot be written.
        """
        if self.fingerprint(url) != AUTHORITY:
            self._change(url, {"fingerprint": AUTHORITY, "certificate": ""})

    def expect(self, url: str, fingerprint: str) -> None:
        """Store which fingerprint a server must have; an empty one forgets the server.

        Raises InputError for a text that is no fingerprint.
        """
        digits = fingerprint.replace(":", "").replace(" ", "").upper()
        if digits and (len(digits) != 64 or set(digits) - set("0123456789ABCDEF")):
            raise InputError(message("{text!r} is no fingerprint. Copy the one that the server printed, 32 pairs of "
                                     "digits and letters.", text=fingerprint))
        entered = ":".join(digits[start:start + 2] for start in range(0, len(digits), 2))
        if entered != self.fingerprint(url):
            self._change(url, {"fingerprint": entered, "certificate": ""} if entered else None)

    def _servers(self) -> dict[str, dict[str, str]]:
        if self._path is None:
            return self._in_memory
        try:
            content: Any = json.loads(self._path.read_text(encoding="utf-8"))
            servers: dict[str, dict[str, str]] = content["servers"]
            return servers if content["format"] == FORMAT and isinstance(servers, dict) else {}
        except (OSError, ValueError, TypeError, KeyError):  # the servers are met for the first time again
            return {}

    def _change(self, url: str, values: dict[str, str] | None) -> None:
        with _lock:
            servers = {**self._servers(), _address(url): values or {}}
            self._in_memory = {address: known for address, known in servers.items() if known}
            if self._path is not None:
                with atomic_write(self._path) as temporary:
                    temporary.write_text(json.dumps({"format": FORMAT, "servers": self._in_memory}, indent=1),
                                         encoding="utf-8")


def fingerprint_of(certificate: str) -> str:
    """Return the SHA-256 of a certificate, as `headroom serve` prints it."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest().hex(":").upper()


def _address(url: str) -> str:
    parts = urlsplit(url)
    try:
        return f"{parts.hostname}:{parts.port or HTTPS_PORT}"
    except ValueError:  # no valid port; nothing answers there
        return url
