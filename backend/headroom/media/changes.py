"""What reading a file changed, told in one note."""

from __future__ import annotations

from collections.abc import Sequence


def changes_note(name: str, changes: Sequence[str]) -> list[str]:
    """Return the note on a file's changes, each a part of a sentence; no note where there are none."""
    return [f"{name} was converted while it was read: {'; '.join(changes)}."] if changes else []
