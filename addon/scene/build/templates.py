"""Shot templates by name: those inside the extension, and app templates that the user has installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

SHOT = "headroom_shot"
"""The template of a shot: an empty scene and the workspace *Shot*."""
FOLDER = Path(__file__).resolve().parents[2] / "templates"


def find(name: str) -> Path | None:
    """Return the file of the template `name`, the user's app template before ours; None when there is none."""
    folders: Any = bpy.utils.app_template_paths(path=name)  # type: ignore[func-returns-value]
    installed = [Path(path) / "startup.blend" for path in folders]
    return next((path for path in (*installed, FOLDER / f"{name}.blend") if path.is_file()), None)


def is_installed(name: str) -> bool:
    """Return whether `name` is an app template of this Blender."""
    path = find(name)
    return path is not None and path.name == "startup.blend"
