"""Reading the C2PA manifest store of a file through the library."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import c2pa

NOT_MEDIA = ("asset could not be parsed", "Io:", "NotSupported:")
"""How the library's errors begin or read where a file is not of the type that its name says; it has no store then."""


class DamagedCredentials(Exception):
    """A file has a manifest store that cannot be read."""


def read_store(file: Path, media_type: str) -> dict[str, Any] | None:
    """Return a file's manifest store with the library's checks; None where it has none.

    Raises DamagedCredentials, with the library's words, for a store that cannot be read.
    """
    try:
        with open(file, "rb") as source:
            reader = c2pa.Reader.try_create(media_type, source, context=offline_context())
            if reader is None:
                return None
            store: dict[str, Any] = json.loads(reader.json())
            reader.close()
            return store
    except c2pa.C2paError as error:
        if any(words in str(error) for words in NOT_MEDIA):
            return None
        raise DamagedCredentials(str(error)) from error


@lru_cache(maxsize=1)
def offline_context() -> c2pa.Context:
    """Return the settings of the library: no thumbnails, and nothing is fetched from the network."""
    return c2pa.Context(c2pa.Settings.from_dict({
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "builder": {"thumbnail": {"enabled": False}}}))
