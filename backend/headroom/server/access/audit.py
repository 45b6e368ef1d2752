"""The audit log: who did what and when, one JSON object a line. It names files by their SHA-256 only."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 16 << 20  # of one file
OLDER_FILES = 9  # that are kept beside it


class AuditLog:
    """A log of its own, apart from the program's."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handler = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=OLDER_FILES, encoding="utf-8",
                                            delay=True)

    def write(self, action: str, **values: object) -> None:
        """Add a line."""
        line = json.dumps({"time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"), "action": action,
                           **values})
        self._handler.emit(logging.LogRecord("audit", logging.INFO, "", 0, line, None, None))
