"""File > New > Headroom Shot: a new file from the shot template.

An extension cannot write into the folder of app templates, so the menu entry opens the template in the extension. A
user's own version, installed as an app template named headroom_shot, is used instead where there is one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import bpy

from ..core.messages import message
from ..scene.build import templates
from .button import Button
from .layout import SidebarPanel

TEMPLATE = "headroom_shot"
DRAW_SECONDS = 0.3
"""Time after which Blender has drawn the new file's sidebar."""


class HEADROOM_OT_new_shot_file(Button):
    """Create a new file with the camera view, the head's F-curves and the sequencer"""

    bl_idname, bl_label = "headroom.new_shot_file", "New Shot File"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    @classmethod
    def disabled_reason(cls, context):
        """Require the template."""
        return "" if templates.find(TEMPLATE) else message("This build does not include the shot template")

    def run(self, context):
        """Open the template; Blender asks first when the open file is not saved."""
        source: dict[str, Any] = {"app_template": TEMPLATE} if templates.is_installed(TEMPLATE) else {
            "filepath": str(templates.find(TEMPLATE))}
        bpy.ops.wm.read_homefile("INVOKE_DEFAULT", load_ui=True, **source)
        if not bpy.app.background:
            bpy.app.timers.register(show_tab, first_interval=DRAW_SECONDS, persistent=True)
        return message("New shot file")


CLASSES = (HEADROOM_OT_new_shot_file,)


def show_tab() -> None:
    """Show Headroom's tab in every open sidebar, because a file does not store the active tab."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions if area.type == "VIEW_3D" else ():
                if region.type == "UI":
                    with suppress(AttributeError):  # the sidebar has not been drawn yet
                        region.active_panel_category = SidebarPanel.bl_category


def draw_entry(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Draw the entry in File > New."""
    menu.layout.operator(HEADROOM_OT_new_shot_file.bl_idname, text="Headroom Shot", icon="FILE_NEW")


def register() -> None:
    """Add the menu entry."""
    bpy.types.TOPBAR_MT_file_new.append(draw_entry)


def unregister() -> None:
    """Remove the menu entry and the timer."""
    if bpy.app.timers.is_registered(show_tab):
        bpy.app.timers.unregister(show_tab)
    bpy.types.TOPBAR_MT_file_new.remove(draw_entry)
