"""File > New > Headroom Shot: a file from the shot template.

An extension may not write into the folder of app templates, so the menu entry opens the template from the extension
itself. A studio's own version, installed as an app template called headroom_shot, is used where there is one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import bpy

from ..scene.build import templates
from .button import Button
from .layout import SidebarPanel

TEMPLATE = "headroom_shot"
TAB_SECONDS = 0.3
"""After which the new file's sidebar has been drawn."""


class HEADROOM_OT_new_shot(Button):
    """Start a new file with the camera's view beside the head's curves over the sequencer"""

    bl_idname, bl_label = "headroom.new_shot", "Headroom Shot"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    @classmethod
    def problem(cls, context):
        return "" if templates.find(TEMPLATE) else "This build of the extension has no shot template"

    def run(self, context):
        how: dict[str, Any] = {"app_template": TEMPLATE} if templates.is_installed(TEMPLATE) else {
            "filepath": str(templates.find(TEMPLATE))}
        bpy.ops.wm.read_homefile("INVOKE_DEFAULT", load_ui=True, **how)  # asks first when the file is not saved
        if not bpy.app.background:
            bpy.app.timers.register(show_tab, first_interval=TAB_SECONDS, persistent=True)
        return "New shot"


def show_tab() -> None:
    """Bring Headroom's tab to the front in every open sidebar; which tab is in front is not kept in a file."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions if area.type == "VIEW_3D" else ():
                if region.type == "UI":
                    with suppress(AttributeError):  # nothing has been drawn there yet
                        region.active_panel_category = SidebarPanel.bl_category


CLASSES = (HEADROOM_OT_new_shot,)


def draw_entry(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """The entry in File > New."""
    menu.layout.operator(HEADROOM_OT_new_shot.bl_idname, icon="FILE_NEW")


def register() -> None:
    bpy.types.TOPBAR_MT_file_new.append(draw_entry)


def unregister() -> None:
    if bpy.app.timers.is_registered(show_tab):
        bpy.app.timers.unregister(show_tab)
    bpy.types.TOPBAR_MT_file_new.remove(draw_entry)
