"""Makes blend_templates/headroom_shot.blend: `python blend_templates/make_template.py`, with the bpy package.

An empty scene at 25 frames a second whose playback follows the sound, coloured the way the pictures are: Standard,
no look. Its workspace is Blender's own Layout, renamed.
"""

from __future__ import annotations

from pathlib import Path

import bpy

TARGET = Path(__file__).resolve().with_name("headroom_shot.blend")


def make(target: Path = TARGET) -> Path:
    """Write the template and return its path."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.name = "Shot"
    scene.render.fps = 25
    scene.sync_mode = "AUDIO_SYNC"
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    scene.sequence_editor_create()
    if "Layout" in bpy.data.workspaces:
        bpy.data.workspaces["Layout"].name = "Shot"
    bpy.ops.wm.save_as_mainfile(filepath=str(target), compress=True, check_existing=False)
    target.with_suffix(".blend1").unlink(missing_ok=True)
    return target


if __name__ == "__main__":
    print(make())
