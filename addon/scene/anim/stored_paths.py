"""The paths that shots store in custom properties: relative to the .blend in the file, absolute while it is open.

Blender keeps its own paths valid when a project is moved or saved elsewhere; it does not know these.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import bpy

from .. import compat
from ..build.shot import ROLE
from .controls import head_of
from .strips import TAG

RELATIVE = "//"
"""Begin of a path that is relative to the .blend."""


def make_relative(folder: Path) -> None:
    """Make the stored paths of the open file relative to `folder`; those on another drive stay absolute."""
    _change(_roots(), lambda path: _relative(path, folder))
    _change_tags(lambda path: _relative(path, folder))


def make_absolute(folder: Path, roots: Iterable[bpy.types.Object] | None = None) -> None:
    """Make stored paths that are relative to `folder` absolute.

    roots: those of the shots to change; all shots and strips of the open file unless given.
    """
    _change(_roots() if roots is None else roots, lambda path: _absolute(path, folder))
    if roots is None:
        _change_tags(lambda path: _absolute(path, folder))


def _roots() -> list[bpy.types.Object]:
    """Return the roots of all shots of the file, of any format; linked ones belong to their own file."""
    return [each for each in bpy.data.objects if each.get(ROLE) == "root" and each.library is None]


def _change(roots: Iterable[bpy.types.Object], changed: Callable[[str], str]) -> None:
    for root in roots:
        for name in ("headroom_subject", "headroom_speech"):
            path = root.get(name, "")
            if path and changed(path) != path:
                root[name] = changed(path)
        for take in head_of(root).takes:
            for name in ("speech", "imported"):
                path = getattr(take, name)
                if path and changed(path) != path:
                    setattr(take, name, changed(path))


def _change_tags(changed: Callable[[str], str]) -> None:
    """Change the files in the tags of movie strips."""
    for scene in bpy.data.scenes:
        for strip in compat.all_strips(scene.sequence_editor) if scene.sequence_editor is not None else ():
            owner, kind, path = (*str(strip.get(TAG, "")).rsplit("|", 2), "", "")[:3]
            if kind == "MOVIE" and changed(path) != path:
                strip[TAG] = "|".join((owner, kind, changed(path)))


def _relative(path: str, folder: Path) -> str:
    if os.path.isabs(path):
        with suppress(ValueError):  # another drive
            return RELATIVE + os.path.relpath(path, folder).replace(os.sep, "/")
    return path


def _absolute(path: str, folder: Path) -> str:
    return os.path.normpath(folder / path[len(RELATIVE):]) if path.startswith(RELATIVE) else path
