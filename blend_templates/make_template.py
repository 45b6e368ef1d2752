"""Write blend_templates/headroom_shot.blend: `python blend_templates/make_template.py`, with the bpy package.

The scene is empty, at 25 frames per second, with playback synchronised to audio and the view transform Standard
without a look, as the pictures are. It has one workspace, "Shot": the camera's view in full height, so that its
sidebar shows many panels at once, and beside it the graph editor above the sequencer, with the same time axis. Run it
with the oldest Blender that the extension supports, because newer ones open older files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

TARGET = Path(__file__).resolve().with_name("headroom_shot.blend")
VIEW_WIDTH, SEQUENCER_HEIGHT = 0.53, 0.34  # fractions of the 3D view in Blender's own Layout workspace


def make(target: Path = TARGET) -> Path:
    """Write the template and return its path."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    set_up_scene(bpy.context.scene)
    set_up_workspace(bpy.context.window_manager.windows[0])
    bpy.ops.wm.save_as_mainfile(filepath=str(target), compress=True, check_existing=False)
    target.with_suffix(".blend1").unlink(missing_ok=True)
    return target


def set_up_scene(scene: bpy.types.Scene) -> None:
    """Set the scene's rate, playback and colour management."""
    scene.name = "Shot"
    scene.render.fps = 25
    scene.sync_mode = "AUDIO_SYNC"
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    scene.sequence_editor_create()


def set_up_workspace(window: bpy.types.Window) -> None:
    """Turn Blender's Layout into the workspace of a shot, and remove the other workspaces."""
    workspace = window.workspace
    bpy.data.batch_remove([each for each in bpy.data.workspaces if each != workspace])
    workspace.name = "Shot"
    view = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    graph_editor = split(window, view, "VERTICAL", VIEW_WIDTH)
    graph_editor.ui_type = "FCURVES"
    sequencer = split(window, graph_editor, "HORIZONTAL", SEQUENCER_HEIGHT)
    sequencer.ui_type = "SEQUENCE_EDITOR"
    sequencer.spaces.active.show_region_toolbar = sequencer.spaces.active.show_region_channels = False
    graph_editor.spaces.active.show_region_ui = False  # the 3D view's sidebar has the same controls
    space: Any = view.spaces.active
    space.show_region_ui, space.show_region_toolbar, space.show_region_tool_header = True, False, False
    space.overlay.show_floor = space.overlay.show_axis_x = space.overlay.show_axis_y = False
    space.shading.type = "MATERIAL"
    space.region_3d.view_perspective = "CAMERA"


def split(window: bpy.types.Window, area: bpy.types.Area, direction: str, factor: float) -> bpy.types.Area:
    """Split an area at `factor` and return the new, smaller area.

    Without a window, a new area has no size before its type is set, so it cannot be split; areas cannot be joined.
    """
    before = set(window.screen.areas)
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.screen.area_split(direction=direction, factor=factor)
    (new,) = set(window.screen.areas) - before
    return new


if __name__ == "__main__":
    print(make())
