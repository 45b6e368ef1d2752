"""Where the backend's two processes write what happened."""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

MOST_BYTES = 4 << 20  # a file, of which one older is kept


def log_to(path: Path) -> None:
    """Send this process's log to `path` and to stderr."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = RotatingFileHandler(path, maxBytes=MOST_BYTES, backupCount=1, encoding="utf-8")
    handlers: list[logging.Handler] = [file, logging.StreamHandler(sys.stderr)]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", handlers=handlers)
