"""The checks of `headroom doctor`: what is installed, what is missing, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from headroom import __version__
from headroom.cli.system_libraries import SOFTWARE_OPENGL, missing_packages
from headroom.common.errors import HeadroomError
from headroom.common.files import file_digest
from headroom.common.paths import CHECKSUMS, WEIGHTS, cache_folder

PACKAGES = ("numpy", "scipy", "librosa", "torch", "mediapipe", "av", "moderngl", "h5py", "trimesh", "safetensors",
            "fastapi", "uvicorn", "pydantic", "typer", "rich", "platformdirs", "tomli-w")
CODECS: tuple[tuple[str, Literal["r", "w"]], ...] = (
    ("h264", "r"), ("hevc", "r"), ("mpeg4", "r"), ("mpeg1video", "r"), ("aac", "r"), ("mp3", "r"),
    ("libx264", "w"), ("aac", "w"),
)
BPY_SECONDS = 120  # a cold start of Blender from a slow disk


@dataclass(frozen=True)
class Finding:
    """The result of one check. `doctor --json` prints these fields."""

    what: str
    ok: bool
    found: str
    remedy: str = ""  # what to do if it is not ok


def examine() -> list[Finding]:
    """Run all checks."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        _python, _packages, _libraries, _device, _opengl, _blender, _codecs, _weights, _folders]
    return [finding for check in checks for finding in check()]


def _python() -> Iterator[Finding]:
    ok = (3, 10) <= sys.version_info[:2] <= (3, 12)
    yield Finding("Headroom", True, __version__)
    yield Finding("Python", ok, f"{platform.python_version()} on {platform.system()} {platform.machine()}",
                  "Use Python 3.11; mediapipe and bpy have no packages for this one.")


def _packages() -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding(name, True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, False, "missing", f"Install Headroom into {sys.executable} again, as its README says.")


def _libraries() -> Iterator[Finding]:
    missing = missing_packages()
    yield Finding("system libraries", not missing, "complete" if not missing else f"missing: {' '.join(missing)}",
                  f"Run `sudo apt install {' '.join(missing)}`.")


def _device() -> Iterator[Finding]:
    def device() -> str:
        from headroom.common.device import device_name

        return device_name()

    yield _finding_of("device", device, "Install torch 2.13 again.")


def _opengl() -> Iterator[Finding]:
    def renderer() -> str:
        import moderngl

        settings: dict[str, Any] = {"backend": "egl"} if sys.platform.startswith("linux") else {}
        context = moderngl.create_context(standalone=True, **settings)
        try:
            return f"{context.info['GL_RENDERER']}, OpenGL {context.version_code / 100:.1f}"
        finally:
            context.release()

    yield _finding_of("OpenGL", renderer, f"Run `sudo apt install libegl1 libgl1 {SOFTWARE_OPENGL}`.")


def _blender() -> Iterator[Finding]:
    from headroom.cli.blender import find_blender

    try:
        blender = find_blender()
    except HeadroomError as error:
        yield Finding("Blender", False, "not found", str(error))
        return
    command = [blender.program, "--version"] if blender.program else [
        sys.executable, "-c", "import bpy; print('Blender', bpy.app.version_string)"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=BPY_SECONDS, check=False)
        output = result.stdout if result.returncode == 0 else result.stderr
        lines = output.strip().splitlines() or ["it left no message"]
        version = next((line for line in lines if line.startswith("Blender")), lines[-1])
        yield Finding("Blender", result.returncode == 0, f"{version}, {blender.description}",
                      "Install the system libraries above, or another Blender.")
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding("Blender", False, str(error), "Set HEADROOM_BLENDER to a Blender program that starts.")


def _codecs() -> Iterator[Finding]:
    def version() -> str:
        import av

        missing = []
        for name, mode in CODECS:
            try:
                av.Codec(name, mode)
            except ValueError:  # PyAV's error for an unknown codec is a subclass
                missing.append(f"{name} ({'writing' if mode == 'w' else 'reading'})")
        if missing:
            raise HeadroomError(f"without {', '.join(missing)}")
        return f"FFmpeg {av.ffmpeg_version_info} reads and writes what is needed"

    yield _finding_of("video codecs", version, "Install PyAV from PyPI: `pip install --force-reinstall av`.")


def _weights() -> Iterator[Finding]:
    released = _released_digests()
    files = {path.name for path in WEIGHTS.glob("*") if path.suffix in (".npz", ".safetensors")}
    for name in sorted(files | released.keys()):
        path = WEIGHTS / name
        digest = file_digest(path) if path.is_file() else "missing"
        ok = path.is_file() and released.get(name, digest) == digest
        yield Finding(f"weights/{name}", ok, f"sha256 {digest[:16]}" if path.is_file() else digest,
                      "The file is not the one that was released; install Headroom again.")


def _released_digests() -> dict[str, str]:
    """Return the SHA-256 of each bundled weights file by its name, as released."""
    if not CHECKSUMS.is_file():
        return {}
    pairs = (line.split() for line in CHECKSUMS.read_text(encoding="utf-8").splitlines())
    return {name: digest for digest, name in pairs}


def _folders() -> Iterator[Finding]:
    for what, folder in (("data folder", cache_folder()), ("temporary folder", Path(tempfile.gettempdir()))):
        existing = folder
        while not existing.exists():
            existing = existing.parent
        yield Finding(what, os.access(existing, os.W_OK | os.X_OK), str(folder),
                      "Make it writable, or set HEADROOM_DATA (data) or TMPDIR (temporary) to a folder that is.")


def _finding_of(what: str, check: Callable[[], str], remedy: str) -> Finding:
    """Return the finding of a check that returns a text, or raises when something is wrong."""
    try:
        return Finding(what, True, check())
    except Exception as error:  # a broken installation can raise anything
        return Finding(what, False, str(error).splitlines()[0] if str(error) else type(error).__name__, remedy)
