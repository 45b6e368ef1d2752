"""What uv says while it installs, as progress, and what its last words mean when it fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from .processes import ProgramFailed

RESOLVED, PREPARED = 0.05, 0.9
"""Where the downloads begin and end in the progress of an installation."""
_DOWNLOADING = re.compile(r"^\s*Downloading (\S+) \(([\d.]+)\s?([KMG]?i?B)\)")
_DOWNLOADED = re.compile(r"^\s*Downloaded (\S+)")
_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

CAUSES = (
    (re.compile(r"No space left|os error 28|not enough space", re.I),
     "The disk is full. Make room (the backend needs up to 8 GB), then set up again."),
    (re.compile(r"dns error|error sending request|failed to fetch|connection (refused|reset)|timed? ?out|unreachable"
                r"|name resolution|certificate", re.I),
     "The package index cannot be reached. Check the connection and the proxy, then set up again."),
    (re.compile(r"No solution found|unsatisfiable|no wheels|No matching distribution", re.I),
     "Some package does not exist for this machine. Use a server instead, or see the log."),
    (re.compile(r"ensurepip|No module named (venv|pip)", re.I),
     "Blender's Python cannot make environments. Install Python 3.11 on this machine, then set up again."),
)


class Installing:
    """Turns the lines of `uv pip install` into progress."""

    def __init__(self, report: Callable[[float, str], None]):
        self._report = report
        self._waiting: dict[str, float] = {}  # package -> bytes to come
        self._come = 0.0

    def line(self, line: str) -> None:
        """Take one line of uv's output."""
        if match := _DOWNLOADING.match(line):
            self._waiting[match[1]] = float(match[2]) * _BYTES.get(match[3], 1)
        elif match := _DOWNLOADED.match(line):
            self._come += self._waiting.pop(match[1], 0.0)
        elif line.startswith("Resolved "):
            self._report(RESOLVED, "Downloading the backend")
            return
        elif line.startswith("Prepared "):
            self._report(PREPARED, "Installing")
            return
        else:
            return
        total = self._come + sum(self._waiting.values())
        self._report(RESOLVED + (PREPARED - RESOLVED) * (self._come / total if total else 0.0), self._message())

    def _message(self) -> str:
        if not self._waiting:
            return "Downloading the backend"
        name, size = max(self._waiting.items(), key=lambda item: item[1])
        others = f" and {len(self._waiting) - 1} more" if len(self._waiting) > 1 else ""
        return f"Downloading {name} ({size / 2**20:.0f} MB){others}"


def remedy(error: ProgramFailed, log: Path) -> str:
    """One sentence of what went wrong and one of what helps."""
    said = "\n".join(error.lines)
    for pattern, sentence in CAUSES:
        if pattern.search(said):
            return sentence
    spoken = [line.strip() for line in error.lines if line.strip()]
    named = [line for line in spoken if line.lower().startswith("error")]
    reason = (named or spoken[-1:] or [str(error)])[0].rstrip(".")
    return f"Setting up failed: {reason[:160]}. Try again; {log} has the details."
