"""Shot templates by name: those shipped inside the extension, and app templates that the user has installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

FOLDER = Path(__file__).resolve().parents[2] / "templates"


def find(name: str) -> Path | None:
    """The file of the template `name`, the user's own before ours; None when there is none of that name."""
    folders: Any = bpy.utils.app_template_paths(path=name)  # type: ignore[func-returns-value]
    places = [Path(path) / "startup.blend" for path in folders]
    return next((path for path in (*places, FOLDER / f"{name}.blend") if path.is_file()), None)


def is_installed(name: str) -> bool:
    """Whether `name` is an app template of this Blender."""
    found = find(name)
    return found is not None and found.name == "startup.blend"
