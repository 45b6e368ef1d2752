"""Shot templates that are shipped inside the extension."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "templates"


def find(name: str) -> Path | None:
    """The template .blend called `name`, or None when this build has none of that name."""
    path = FOLDER / f"{name}.blend"
    return path if path.is_file() else None
