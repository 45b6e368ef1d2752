"""The temporary folder of a task."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import bpy

from ...core.temporary import temporary_folder


def work_folder() -> AbstractContextManager[Path]:
    """Return a folder beside Blender's temporary folder; it is removed after the block.

    It lies beside it and not in it, so that the next Blender finds it when this one is killed.
    """
    return temporary_folder(Path(bpy.app.tempdir).parent if bpy.app.tempdir else None)
