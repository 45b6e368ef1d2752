"""How a head that was opened is shown: in front of its plate, and selected."""

from __future__ import annotations

from typing import Any

import bpy

from ..scene.shot import Shot


def look_through_camera(context: bpy.types.Context, shot: Shot) -> None:
    """Show the head in front of its plate in the 3D view that the button was pressed in."""
    space: Any = context.space_data
    if isinstance(space, bpy.types.SpaceView3D) and shot.scene.camera == shot.camera:
        space.region_3d.view_perspective = "CAMERA"
        space.shading.type = "MATERIAL"
        beside_sidebar(context.area, space.region_3d)


def select_face(context: bpy.types.Context, shot: Shot) -> None:
    """Select the face alone: the graph editor shows the curves of what is selected."""
    if context.mode != "OBJECT" or shot.face.name not in context.view_layer.objects:
        return
    for each in context.selected_objects:
        each.select_set(False)
    shot.face.select_set(True)
    context.view_layer.objects.active = shot.face


def beside_sidebar(area: bpy.types.Area, view: bpy.types.RegionView3D) -> None:
    """Shift a camera's view by half the sidebar that lies over it, so that the face is not behind it."""
    sidebar, whole = (next(region for region in area.regions if region.type == kind) for kind in ("UI", "WINDOW"))
    covered = sidebar.width / whole.width if sidebar.width < whole.width == area.width and sidebar.width > 1 else 0.0
    magnified = ((view.view_camera_zoom / 50 + 2**0.5) / 2) ** 2  # how Blender counts its zoom
    view.view_camera_offset = covered / (4 * magnified), 0.0
