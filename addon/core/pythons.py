"""Search for a Python on this machine that the backend can be installed with."""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .processes import child_environment
from .tasks import ProgressToken

VERSIONS = ((3, 11), (3, 12), (3, 10))
"""Versions that the backend's packages support, in the order of preference."""
DOWNLOADED_VERSION = "3.11"
"""The version that uv downloads where none of `VERSIONS` is installed."""
CHECK_SECONDS = 20.0
CHECK = ("import ensurepip, json, struct, sys, venv; "
         "print(json.dumps([*sys.version_info[:2], sys.executable, struct.calcsize('P')]))")


def find_python(progress: ProgressToken) -> Path | None:
    """Return a 64-bit Python of one of `VERSIONS` that can make environments, or None.

    Takes seconds because it runs every candidate; call it from a thread.
    """
    usable: dict[tuple[int, int], Path] = {}
    for number, command in enumerate(candidates()):
        progress.report(min(0.9, number * 0.05), "Searching for Python")
        version, path = check_python(command) or (None, None)
        if version in VERSIONS and path is not None:
            usable.setdefault(version, path)
        if VERSIONS[0] in usable:
            break
    return next((usable[version] for version in VERSIONS if version in usable), None)


def candidates() -> Iterator[tuple[str, ...]]:
    """Yield commands that may be a Python, without repeats: from PATH, Windows' launcher and the usual folders."""
    seen = set()
    for command in (*_on_path(), *_from_launcher(), *_in_usual_folders()):
        if command not in seen and not _is_store_alias(command[0]):
            seen.add(command)
            yield command


def check_python(command: Sequence[str]) -> tuple[tuple[int, int], Path] | None:
    """Return (version, program) of a 64-bit Python that can make environments, or None for any other program."""
    try:
        output = subprocess.run([*command, "-I", "-c", CHECK], capture_output=True, text=True, timeout=CHECK_SECONDS,
                                env=child_environment({}), stdin=subprocess.DEVNULL, check=True,
                                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0)).stdout
        major, minor, path, pointer_bytes = json.loads(output)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return ((major, minor), Path(path)) if pointer_bytes == 8 else None


def search_patterns() -> list[str]:
    """Return glob patterns of the places where installers put Python."""
    if sys.platform == "win32":
        folders = [f"Python{major}{minor}" for major, minor in VERSIONS]
        return [f"{root}\\{folder}\\python.exe" for folder in folders
                for root in ("%LOCALAPPDATA%\\Programs\\Python", "%PROGRAMFILES%", "%SYSTEMDRIVE%")]
    roots = ["/usr/bin", "/usr/local/bin", "~/.local/bin", "~/.local/share/uv/python/*/bin", "~/.pyenv/versions/*/bin"]
    if sys.platform == "darwin":
        roots += ["/opt/homebrew/bin", "/opt/local/bin", "/Library/Frameworks/Python.framework/Versions/*/bin"]
    return [f"{root}/{name}" for name in _names() for root in roots]


def _names() -> list[str]:
    return [f"python{major}.{minor}" for major, minor in VERSIONS]


def _on_path() -> Iterator[tuple[str, ...]]:
    for name in (*_names(), "python3", "python"):
        if path := shutil.which(name):
            yield (path,)


def _from_launcher() -> Iterator[tuple[str, ...]]:
    if launcher := shutil.which("py") if sys.platform == "win32" else None:
        yield from ((launcher, f"-{major}.{minor}") for major, minor in VERSIONS)


def _in_usual_folders() -> Iterator[tuple[str, ...]]:
    for pattern in search_patterns():
        yield from ((path,) for path in sorted(glob.glob(os.path.expanduser(os.path.expandvars(pattern)))))


def _is_store_alias(path: str) -> bool:
    """Return whether `path` is the `python` in Windows' WindowsApps folder, which opens the store."""
    return "WindowsApps" in path
