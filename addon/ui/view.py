"""How an opened head is shown: through its camera, in front of its plate, and selected."""

from __future__ import annotations

from typing import Any

import bpy

from ..scene.build.shot import Shot


def show_through_camera(area: bpy.types.Area | None, shot: Shot) -> None:
    """Show the shot through its camera if `area` is a 3D view."""
    space: Any = area.spaces.active if area is not None else None
    if isinstance(space, bpy.types.SpaceView3D) and shot.scene.camera == shot.camera:
        space.region_3d.view_perspective = "CAMERA"
        space.shading.type = "MATERIAL"
        offset_for_sidebar(area, space.region_3d)


def view_of(scene: bpy.types.Scene) -> bpy.types.Area | None:
    """Return the first 3D view that shows `scene`; a job that ends late cannot use the area of its button."""
    windows = (window for window in bpy.context.window_manager.windows if window.scene == scene)
    return next((area for window in windows for area in window.screen.areas if area.type == "VIEW_3D"), None)


def select_face(context: bpy.types.Context, shot: Shot) -> None:
    """Select the face alone, because the graph editor shows the F-curves of selected objects."""
    if context.mode != "OBJECT" or shot.face.name not in context.view_layer.objects:
        return
    for each in context.selected_objects:
        each.select_set(False)
    shot.face.select_set(True)
    context.view_layer.objects.active = shot.face


def frame_curves(manager: bpy.types.WindowManager) -> None:
    """Frame the shown curves in every open graph editor."""
    for window in manager.windows:
        for area in window.screen.areas:
            region = next((each for each in area.regions if each.type == "WINDOW"), None)
            if area.type != "GRAPH_EDITOR" or area.ui_type != "FCURVES" or region is None:
                continue
            with bpy.context.temp_override(window=window, area=area, region=region):
                bpy.ops.graph.view_all()


def offset_for_sidebar(area: bpy.types.Area, view: bpy.types.RegionView3D) -> None:
    """Shift a camera view by half the width of the sidebar that covers it, so that the face is not behind it."""
    sidebar, whole = (next(region for region in area.regions if region.type == kind) for kind in ("UI", "WINDOW"))
    covered = sidebar.width / whole.width if sidebar.width < whole.width == area.width and sidebar.width > 1 else 0.0
    zoom = ((view.view_camera_zoom / 50 + 2**0.5) / 2) ** 2  # Blender's BKE_screen_view3d_zoom_to_fac
    view.view_camera_offset = covered / (4 * zoom), 0.0
