"""The backend that the extension installs: its folder, its package, and its state in words, as panels show it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import bpy
import tomllib

from ..core.environment import Environment, State
from ..core.messages import message
from .found_files import Found

PACKAGE = __package__.rpartition(".")[0]
EXTENSION = Path(__file__).resolve().parents[1]

STATE_TEXTS = {
    State.NOT_INSTALLED: message("The backend is not set up"),
    State.INCOMPLETE: message("Backend setup was interrupted"),
    State.OUTDATED: message("The backend has another version than the extension"),
    State.INSTALLING: message("Setting up the backend"),
    State.VERIFYING: message("Verifying the backend"),
    State.REMOVING: message("Removing the backend"),
    State.READY: message("The backend is set up"),
}
BUSY = (State.INSTALLING, State.VERIFYING, State.REMOVING)


@cache
def environment() -> Environment:
    """Return the one environment of this Blender; it is in the extension's user folder."""
    manifest = tomllib.loads((EXTENSION / "blender_manifest.toml").read_text(encoding="utf-8"))
    return Environment(user_folder("backend"), manifest["version"])


def user_folder(name: str) -> Path:
    """Return a folder inside the only one that an extension may write to."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path=name))


@cache
def bundled_package() -> str:
    """Return the path of the backend's wheel inside the extension; empty in a build without one."""
    return next((str(path) for path in sorted((EXTENSION / "backend").glob("*.whl"))), "")


class Stored(NamedTuple):
    """What the folder of the backend holds, and how the last attempt to set it up failed."""

    state: State
    error: str


def _stored_by(backend: Environment) -> Stored:
    return Stored(backend.state, backend.error)


_stored = Found(_stored_by, unknown=Stored(State.NOT_INSTALLED, ""))


def state() -> State:
    """Return what the backend does, otherwise what a timer found in its folder last."""
    return environment().activity or _stored.shown(environment()).state


def state_text() -> str:
    """Return the state of the backend in words."""
    now = state()
    return _stored.shown(environment()).error if now is State.FAILED else STATE_TEXTS[now]


def find_state() -> None:
    """Find the state now, because it has changed."""
    _stored.find_now(environment())


def register() -> None:
    """Find the state before the first panel is drawn; without a window it is found when it is needed."""
    if not bpy.app.background:
        find_state()
