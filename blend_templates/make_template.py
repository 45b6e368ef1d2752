"""Write blend_templates/headroom_shot.blend: `python blend_templates/make_template.py`, with the bpy package.

The scene is empty, at 25 frames per second, with playback synchronised to audio and the view transform Standard
without a look, as the pictures are. It has one workspace, "Shot": the camera's view over the full width, below it the
graph editor with the sequencer beside it, and the timeline. It has the pose library as assets, whose pictures
make_pose_pictures.py has made. Outliner and properties are folded into the lowest line.
make_areas.py has made these areas. Run it with the oldest Blender that the extension supports, because newer ones open
older files.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy

sys.path.append(str(Path(__file__).resolve().parents[1]))

from addon.core.poses import POSES
from addon.scene.anim.poses import add_pose

PICTURES = Path(__file__).resolve().with_name("poses")
AREAS, TARGET = (Path(__file__).resolve().with_name(name) for name in ("areas.blend", "headroom_shot.blend"))
PLACEHOLDERS = {"VIEW_3D": "TEXT_EDITOR", "FCURVES": "CONSOLE", "SEQUENCE_EDITOR": "INFO", "TIMELINE": "NLA_EDITOR",
                "OUTLINER": "OUTLINER", "PROPERTIES": "PROPERTIES"}
"""Editor of the template -> the editor in its area in areas.blend."""
SNAP_PX = 5
"""Distance from which a dragged strip snaps to the playhead or a phone's marker; Blender's is 15."""
HIDDEN_OVERLAYS = ("show_floor", "show_axis_x", "show_axis_y", "show_text", "show_outline_selected",
                   "show_object_origins")
"""Overlays that hide parts of the picture."""


def make() -> Path:
    """Write the template and return its path."""
    bpy.ops.wm.open_mainfile(filepath=str(AREAS), load_ui=True)
    set_up_scene(bpy.context.scene)
    add_poses()
    set_up_workspace(bpy.context.window_manager.windows[0])
    bpy.ops.wm.save_as_mainfile(filepath=str(TARGET), compress=True, check_existing=False)
    TARGET.with_suffix(".blend1").unlink(missing_ok=True)
    return TARGET


def set_up_scene(scene: bpy.types.Scene) -> None:
    """Set the scene's rate, playback and colour management."""
    scene.name = "Shot"
    scene.render.fps = 25
    scene.sync_mode = "AUDIO_SYNC"
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    scene.sequence_editor_create()
    snapping = scene.tool_settings.sequencer_tool_settings  # words' strips lie close together, and would stick
    snapping.snap_distance, snapping.snap_ignore_muted = SNAP_PX, True


def add_poses() -> None:
    """Add the pose library, with its pictures."""
    for name, (kind, values) in POSES.items():
        action = add_pose(name, kind, values)
        picture = bpy.data.images.load(str(PICTURES / f"{name}.png"))
        preview = action.preview_ensure()
        preview.image_size = picture.size[:]
        preview.image_pixels_float.foreach_set(picture.pixels[:])
        bpy.data.images.remove(picture)


def set_up_workspace(window: bpy.types.Window) -> None:
    """Put the editors in place of their placeholders and hide what a shot does not need."""
    window.workspace.name, window.workspace.object_mode = "Shot", "OBJECT"
    areas: dict[str, Any] = {area.ui_type: area for area in window.screen.areas}
    for kind, placeholder in PLACEHOLDERS.items():
        areas[placeholder].ui_type = kind
    view, graph_editor, sequencer = (areas[PLACEHOLDERS[kind]].spaces.active
                                     for kind in ("VIEW_3D", "FCURVES", "SEQUENCE_EDITOR"))
    sequencer.show_region_toolbar = sequencer.show_region_channels = False
    graph_editor.show_region_ui = False  # the 3D view's sidebar has the same controls
    view.show_region_ui, view.show_region_toolbar, view.show_region_tool_header = True, False, False
    for name in HIDDEN_OVERLAYS:
        setattr(view.overlay, name, False)
    view.shading.type = "MATERIAL"
    view.region_3d.view_perspective = "CAMERA"


if __name__ == "__main__":
    print(make())
