"""The log files of the server and of its worker process."""

from __future__ import annotations

import logging
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 4 << 20  # of a log file; one older file is kept beside it

log = logging.getLogger(__name__)


def log_to(path: Path) -> None:
    """Send this process's log to `path` and to stderr, errors that end a thread included.

    Its folder must lie in one that exists: a data folder that was removed because its server is gone must stay so.
    """
    path.parent.mkdir(exist_ok=True)
    file = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8")
    handlers: list[logging.Handler] = [file, logging.StreamHandler(sys.stderr)]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", handlers=handlers)
    threading.excepthook = _log_thread_error


def _log_thread_error(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "unknown"
    error = args.exc_value or args.exc_type()
    log.error("The thread %r ended with an error", name, exc_info=(args.exc_type, error, args.exc_traceback))
