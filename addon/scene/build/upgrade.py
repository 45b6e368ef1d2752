"""Upgrade of shots that an older version of the add-on stored in a .blend."""

from __future__ import annotations


def upgrade_file() -> list[str]:
    """Upgrade every shot of the open file; return the names of shots that a newer version of the add-on saved."""
    return []
