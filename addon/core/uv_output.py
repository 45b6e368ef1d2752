"""Progress and failures read from uv's output."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from .messages import message
from .processes import ProgramFailed

RESOLVED, PREPARED = 0.05, 0.9
"""Fractions of the installation at which the downloads begin and end."""
MAX_REASON = 160
"""Characters of uv's own error in a message."""
_DOWNLOADING = re.compile(r"^\s*Downloading (\S+) \(([\d.]+)\s?([KMG]?i?B)\)")
_DOWNLOADED = re.compile(r"^\s*Downloaded (\S+)")
_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

CAUSES = (
    (re.compile(r"No space left|os error 28|not enough space", re.I),
     message("The disk is full. Free some space (the backend needs up to 8 GB), then set up again.")),
    (re.compile(r"dns error|error sending request|failed to fetch|connection (refused|reset)|timed? ?out|unreachable"
                r"|name resolution|certificate", re.I),
     message("Cannot reach the package index. Check the connection and the proxy, then set up again.")),
    (re.compile(r"No solution found|unsatisfiable|no wheels|No matching distribution", re.I),
     message("A package is not available for this machine. Use a server instead, or see the log.")),
    (re.compile(r"ensurepip|No module named (venv|pip)", re.I),
     message("Blender's Python cannot make environments. Install Python 3.11 on this machine, then set up again.")),
)
"""Patterns in uv's output and the message for each."""


class InstallProgress:
    """Progress of `uv pip install`, computed from its lines and passed to `report(fraction, message)`."""

    def __init__(self, report: Callable[[float, str], None]):
        self._report = report
        self._pending: dict[str, float] = {}  # package -> bytes to download
        self._downloaded_bytes = 0.0

    def add_line(self, line: str) -> None:
        """Update the progress with one line of uv's output."""
        if match := _DOWNLOADING.match(line):
            self._pending[match[1]] = float(match[2]) * _BYTES.get(match[3], 1)
        elif match := _DOWNLOADED.match(line):
            self._downloaded_bytes += self._pending.pop(match[1], 0.0)
        elif line.startswith("Resolved "):
            self._report(RESOLVED, "Downloading the backend")
            return
        elif line.startswith("Prepared "):
            self._report(PREPARED, "Installing")
            return
        else:
            return
        total = self._downloaded_bytes + sum(self._pending.values())
        self._report(RESOLVED + (PREPARED - RESOLVED) * (self._downloaded_bytes / total if total else 0.0),
                     self._message())

    def _message(self) -> str:
        """Return a line that names the largest pending download."""
        if not self._pending:
            return message("Downloading the backend")
        name, size = max(self._pending.items(), key=lambda item: item[1])
        megabytes = round(size / 2**20)
        if len(self._pending) == 1:
            return message("Downloading {package} ({megabytes} MB)", package=name, megabytes=megabytes)
        return message("Downloading {package} ({megabytes} MB) and {count} more", package=name, megabytes=megabytes,
                       count=len(self._pending) - 1)


def failure_message(error: ProgramFailed, log: Path) -> str:
    """Return what failed and what to do, in two sentences."""
    output = "\n".join(error.lines)
    for pattern, text in CAUSES:
        if pattern.search(output):
            return text
    lines = [line.strip() for line in error.lines if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    reason = (errors or lines[-1:] or [str(error)])[0].rstrip(".")
    return message("Setup failed: {reason}. Try again; details are in {log}.", reason=reason[:MAX_REASON], log=log)
