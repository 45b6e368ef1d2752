"""The stored state of the backend's environment: `state.json` in its folder.

Formats: 1 had the key `problem` and no format number; 2 calls it `error`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .files import atomic_write

FORMAT = 2


@dataclass(frozen=True)
class SetupState:
    """Whether the installation of `version` is complete, and how the last attempt failed; empty when it did not."""

    complete: bool
    version: str
    error: str = ""


def read_setup_state(path: Path) -> SetupState:
    """Read a state file; one that cannot be read counts as an incomplete installation."""
    try:
        content = upgrade(json.loads(path.read_text(encoding="utf-8")))
        return SetupState(content["complete"], content["version"], content["error"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return SetupState(False, "")


def write_setup_state(path: Path, state: SetupState) -> None:
    """Write a state file. Raises InputError when the disk is full."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps({"format": FORMAT, **asdict(state)}), encoding="utf-8")


def upgrade(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a state file in the present format."""
    if "format" not in content:
        content = {"format": 2, "complete": content["complete"], "version": content["version"],
                   "error": content.get("problem", "")}
    return content
