"""What panels share: the tab, names beside values, sentences that wrap."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

LETTER_PX = 6.5
"""Width of an average letter of Blender's interface font at a scale of one."""


class SidebarPanel(bpy.types.Panel):
    """Not registered itself; what its children share."""

    bl_space_type, bl_region_type, bl_category = "VIEW_3D", "UI", "Headroom"


def split_layout(panel: bpy.types.Panel) -> bpy.types.UILayout:
    """A panel's layout with names on the left and values on the right."""
    layout: Any = panel.layout
    layout.use_property_split, layout.use_property_decorate = True, False
    return layout


def draw_advanced(layout: bpy.types.UILayout, owner: bpy.types.bpy_struct, *names: str) -> None:
    """Settings of `owner` that few need, folded."""
    header, body = layout.panel(f"HEADROOM_{names[0]}", default_closed=True)
    header.label(text="Advanced")
    for name in names if body is not None else ():
        body.prop(owner, name)


def wrapped(column: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """A sentence over as many lines as the sidebar is narrow; Blender's labels cut off instead."""
    scale = context.preferences.system.ui_scale
    letters = max(16, int((context.region.width / scale - 45) / LETTER_PX))
    for number, line in enumerate(textwrap.wrap(text, letters)):
        column.label(text=line, icon=icon if number == 0 else "NONE" if icon == "NONE" else "BLANK1")
