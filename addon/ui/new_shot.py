"""File > New > Headroom Shot: a new file from the shot template.

An extension cannot write into the folder of app templates, so the menu entry opens the template in the extension. A
user's own version, installed as an app template named headroom_shot, is used instead where there is one.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..core.messages import message
from ..scene.build import templates
from . import first_view
from .button import Button
from .found_files import Found


def _exists(template: str) -> bool:
    return templates.find(template) is not None


_shown_exists = Found(_exists, unknown=True)


class HEADROOM_OT_new_shot_file(Button):
    """Create a new file with the camera view, the head's F-curves and the sequencer"""

    bl_idname, bl_label = "headroom.new_shot_file", "New Shot File"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    @classmethod
    def disabled_reason(cls, context):
        """Require the template."""
        return "" if _shown_exists.shown(templates.SHOT) else message("This build does not include the shot template")

    def run(self, context):
        """Open the template; Blender asks first when the open file is not saved."""
        source: dict[str, Any] = {"app_template": templates.SHOT} if templates.is_installed(templates.SHOT) else {
            "filepath": str(templates.find(templates.SHOT))}
        bpy.ops.wm.read_homefile("INVOKE_DEFAULT", load_ui=True, **source)
        first_view.show_after_drawing()
        return message("New shot file")


CLASSES = (HEADROOM_OT_new_shot_file,)


def draw_entry(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """Draw the entry in File > New."""
    menu.layout.operator(HEADROOM_OT_new_shot_file.bl_idname, text="Headroom Shot", icon="FILE_NEW")


def register() -> None:
    """Add the menu entry."""
    bpy.types.TOPBAR_MT_file_new.append(draw_entry)


def unregister() -> None:
    """Remove the menu entry."""
    bpy.types.TOPBAR_MT_file_new.remove(draw_entry)
