"""Looking for a Python on this machine that the backend can be installed with."""

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
"""That the backend's packages exist for, the best tried first."""
FETCHED = "3.11"
"""The version to fetch where none of them is found."""
PROBE_SECONDS = 20.0
PROBE = ("import ensurepip, json, struct, sys, venv; "
         "print(json.dumps([*sys.version_info[:2], sys.executable, struct.calcsize('P')]))")


def find_python(watch: ProgressToken) -> Path | None:
    """A 64-bit Python of one of `VERSIONS` that can make environments, or None. Takes seconds; use a thread."""
    found: dict[tuple[int, int], Path] = {}
    for number, command in enumerate(candidates()):
        watch.report(min(0.9, number * 0.05), "Looking for a Python")
        version, path = probe(command) or (None, None)
        if version in VERSIONS and path is not None:
            found.setdefault(version, path)
        if VERSIONS[0] in found:
            break
    return next((found[version] for version in VERSIONS if version in found), None)


def candidates() -> Iterator[tuple[str, ...]]:
    """Commands that may be a Python, each once: PATH, the launcher of Windows, and where installers put them."""
    seen = set()
    for command in (*_on_path(), *_launched(), *_in_well_known_places()):
        if command not in seen and not _is_store_alias(command[0]):
            seen.add(command)
            yield command


def probe(command: Sequence[str]) -> tuple[tuple[int, int], Path] | None:
    """(version, program) of a Python that runs and has what an environment needs; None of any other program."""
    try:
        said = subprocess.run([*command, "-I", "-c", PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS,
                              env=child_environment({}), stdin=subprocess.DEVNULL, check=True,
                              creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0)).stdout
        major, minor, path, bytes_of_pointer = json.loads(said)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return ((major, minor), Path(path)) if bytes_of_pointer == 8 else None


def _names() -> list[str]:
    return [f"python{major}.{minor}" for major, minor in VERSIONS]


def _on_path() -> Iterator[tuple[str, ...]]:
    for name in (*_names(), "python3", "python"):
        if found := shutil.which(name):
            yield (found,)


def _launched() -> Iterator[tuple[str, ...]]:
    if launcher := shutil.which("py") if sys.platform == "win32" else None:
        yield from ((launcher, f"-{major}.{minor}") for major, minor in VERSIONS)


def _in_well_known_places() -> Iterator[tuple[str, ...]]:
    for pattern in _patterns():
        yield from ((path,) for path in sorted(glob.glob(os.path.expanduser(os.path.expandvars(pattern)))))


def _patterns() -> list[str]:
    if sys.platform == "win32":
        folders = [f"Python{major}{minor}" for major, minor in VERSIONS]
        return [f"{place}\\{folder}\\python.exe" for folder in folders
                for place in ("%LOCALAPPDATA%\\Programs\\Python", "%PROGRAMFILES%", "%SYSTEMDRIVE%")]
    places = ["/usr/bin", "/usr/local/bin", "~/.local/bin", "~/.local/share/uv/python/*/bin", "~/.pyenv/versions/*/bin"]
    if sys.platform == "darwin":
        places += ["/opt/homebrew/bin", "/opt/local/bin", "/Library/Frameworks/Python.framework/Versions/*/bin"]
    return [f"{place}/{name}" for name in _names() for place in places]


def _is_store_alias(path: str) -> bool:
    """Windows puts a `python` into WindowsApps that opens the shop instead."""
    return "WindowsApps" in path
