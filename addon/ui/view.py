"""How an opened head is shown: through its camera, beside the sidebar, with framed curves and Headroom's tab."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import bpy

from ..scene.build.scene_setup import keeps_scene
from ..scene.build.shot import Shot
from .layout import SidebarPanel

MARGIN = 0.96
"""Part of the free width or height that a picture takes."""


def show_through_camera(area: bpy.types.Area | None, shot: Shot) -> None:
    """Show the shot through its camera if `area` is a 3D view, as large as fits beside the sidebar.

    In a scene that keeps its own camera, only the view looks through the shot's.
    """
    space: Any = area.spaces.active if area is not None else None
    if isinstance(space, bpy.types.SpaceView3D) and (shot.scene.camera == shot.camera or keeps_scene(shot.scene)):
        if shot.scene.camera != shot.camera:
            space.use_local_camera, space.camera = True, shot.camera
        space.region_3d.view_perspective = "CAMERA"
        space.shading.type = "MATERIAL"
        fit_picture(area, space.region_3d, shot.scene.render)


def fit_picture(area: bpy.types.Area, view: bpy.types.RegionView3D, render: bpy.types.RenderSettings) -> None:
    """Zoom and shift a camera view so that the picture fills what sidebar and header leave of the area."""
    sidebar, header, whole = (next(region for region in area.regions if region.type == kind)
                              for kind in ("UI", "HEADER", "WINDOW"))
    right = sidebar.width / whole.width if sidebar.width < whole.width == area.width and sidebar.width > 1 else 0.0
    top = header.height / whole.height if header.height < whole.height == area.height and header.height > 1 else 0.0
    shape = render.resolution_x * whole.height / (render.resolution_y * whole.width)
    width = MARGIN * min(1 - right, shape * (1 - top))  # of the picture, as a part of the region's
    view.view_camera_zoom = min(max(50 * (2 * math.sqrt(width) - math.sqrt(2)), -30), 600)  # BKE_screen_view3d_zoom_*
    view.view_camera_offset = right / (4 * width), top / (4 * width)


def view_of(scene: bpy.types.Scene) -> bpy.types.Area | None:
    """Return the first 3D view that shows `scene`; a job that ends late cannot use the area of its button."""
    windows = (window for window in bpy.context.window_manager.windows if window.scene == scene)
    return next((area for window in windows for area in window.screen.areas if area.type == "VIEW_3D"), None)


def frame_curves(manager: bpy.types.WindowManager) -> None:
    """Frame the shown curves in every open graph editor; without a window Blender would crash."""
    for window in () if bpy.app.background else manager.windows:
        for area in window.screen.areas:
            region = next((each for each in area.regions if each.type == "WINDOW"), None)
            if area.type != "GRAPH_EDITOR" or area.ui_type != "FCURVES" or region is None:
                continue
            with bpy.context.temp_override(window=window, area=area, region=region):
                bpy.ops.graph.view_all()


def show_tab() -> None:
    """Show Headroom's tab in every open sidebar of a 3D view, because a file does not store the active tab."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions if area.type == "VIEW_3D" else ():
                if region.type == "UI":
                    with suppress(AttributeError):  # the sidebar has not been drawn yet
                        region.active_panel_category = SidebarPanel.bl_category


def redraw_sidebars(all_regions: bool = False) -> None:
    """Redraw sidebars and preferences; with `all_regions` also the 3D views beside them, which may be slow to draw."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
            for region in area.regions if area.type == "VIEW_3D" else ():
                if all_regions or region.type == "UI":
                    region.tag_redraw()
