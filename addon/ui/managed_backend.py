"""The backend that the extension sets up for itself: where it is, what it is made from, and how it stands."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import bpy
import tomllib

from ..core.environment import Environment, State

PACKAGE = __package__.rpartition(".")[0]
EXTENSION = Path(__file__).resolve().parents[1]

SENTENCES = {
    State.NOT_INSTALLED: "The backend is not set up yet",
    State.INCOMPLETE: "Setting up the backend was interrupted",
    State.OUTDATED: "The backend is of another version than the extension",
    State.INSTALLING: "The backend is being set up",
    State.VERIFYING: "The backend is being verified",
    State.REMOVING: "The backend is being removed",
    State.READY: "The backend is set up",
}
VERBS = {State.NOT_INSTALLED: "Set Up Backend", State.INCOMPLETE: "Go On Setting Up", State.OUTDATED: "Update Backend"}
BUSY = (State.INSTALLING, State.VERIFYING, State.REMOVING)


@cache
def environment() -> Environment:
    """The one environment of this Blender; everything of it lies in the extension's user folder."""
    manifest = tomllib.loads((EXTENSION / "blender_manifest.toml").read_text(encoding="utf-8"))
    return Environment(user_folder("backend"), manifest["version"])


def user_folder(name: str) -> Path:
    """A folder in the one place where an extension may write."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path=name))


def carried_package() -> str:
    """The backend's wheel inside this extension; empty when it was built without."""
    return next((str(path) for path in sorted((EXTENSION / "backend").glob("*.whl"))), "")


def sentence() -> str:
    """How the backend stands."""
    found = environment()
    return found.problem if found.state is State.FAILED else SENTENCES[found.state]


def verb() -> str:
    """What the button that sets up is called now."""
    return VERBS.get(environment().state, "Repair Backend")
