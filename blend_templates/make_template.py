"""Makes blend_templates/headroom_shot.blend: `python blend_templates/make_template.py`, with the bpy package.

An empty scene at 25 frames a second whose playback follows the sound, coloured the way the pictures are: Standard,
no look. One workspace, "Shot": the camera's view in full height, so that the sidebar beside it shows many steps at
once, and the head's curves over the sequencer, one time above the other. Run it with the oldest Blender that the
extension supports, since newer ones open older files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

TARGET = Path(__file__).resolve().with_name("headroom_shot.blend")
VIEW_SHARE, SEQUENCER_SHARE = 0.53, 0.34  # of the width and of the height of the 3D view in Blender's own Layout


def make(target: Path = TARGET) -> Path:
    """Write the template and return its path."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    make_scene(bpy.context.scene)
    arrange(bpy.context.window_manager.windows[0])
    bpy.ops.wm.save_as_mainfile(filepath=str(target), compress=True, check_existing=False)
    target.with_suffix(".blend1").unlink(missing_ok=True)
    return target


def make_scene(scene: bpy.types.Scene) -> None:
    """The scene's rate, playback and colours."""
    scene.name = "Shot"
    scene.render.fps = 25
    scene.sync_mode = "AUDIO_SYNC"
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    scene.sequence_editor_create()


def arrange(window: bpy.types.Window) -> None:
    """Turn Blender's Layout into the workspace of a shot, and drop the other workspaces."""
    workspace = window.workspace
    bpy.data.batch_remove([each for each in bpy.data.workspaces if each != workspace])
    workspace.name = "Shot"
    view = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    curves = split(window, view, "VERTICAL", VIEW_SHARE)
    curves.ui_type = "FCURVES"
    strips = split(window, curves, "HORIZONTAL", SEQUENCER_SHARE)
    strips.ui_type = "SEQUENCE_EDITOR"
    strips.spaces.active.show_region_toolbar = strips.spaces.active.show_region_channels = False
    curves.spaces.active.show_region_ui = False  # the same controls are in the view's sidebar
    space: Any = view.spaces.active
    space.show_region_ui, space.show_region_toolbar, space.show_region_tool_header = True, False, False
    space.overlay.show_floor = space.overlay.show_axis_x = space.overlay.show_axis_y = False
    space.shading.type = "MATERIAL"
    space.region_3d.view_perspective = "CAMERA"


def split(window: bpy.types.Window, area: bpy.types.Area, direction: str, share: float) -> bpy.types.Area:
    """Cut an area at `share` and return the new, smaller part.

    Without a window a new area has no size, and cannot be cut, before its type is set; and no areas can be joined.
    """
    before = set(window.screen.areas)
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.screen.area_split(direction=direction, factor=share)
    (new,) = set(window.screen.areas) - before
    return new


if __name__ == "__main__":
    print(make())
