"""Helpers of the panels' layouts: the tab, names beside values, text that wraps."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

from .text import interface_text

LETTER_PX = 6.5
"""Average width of a letter in Blender's interface font at an interface scale of 1."""
MARGIN_PX = 45
MIN_LETTERS = 16


class SidebarPanel(bpy.types.Panel):
    """Base class of the panels in the 3D view's sidebar. Not registered."""

    bl_space_type, bl_region_type, bl_category = "VIEW_3D", "UI", "Headroom"


def split_layout(panel: bpy.types.Panel) -> bpy.types.UILayout:
    """Return a panel's layout with names on the left and values on the right."""
    layout: Any = panel.layout
    layout.use_property_split, layout.use_property_decorate = True, False
    return layout


def draw_advanced(layout: bpy.types.UILayout, owner: bpy.types.bpy_struct, *names: str) -> None:
    """Draw rarely used properties of `owner` in a closed subpanel."""
    header, body = layout.panel(f"HEADROOM_{names[0]}", default_closed=True)
    header.label(text="Advanced")
    for name in names if body is not None else ():
        body.prop(owner, name)


def draw_wrapped(column: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """Draw a text over as many lines as the width of the region needs, because Blender's labels are cut off."""
    scale = context.preferences.system.ui_scale
    letters = max(MIN_LETTERS, int((context.region.width / scale - MARGIN_PX) / LETTER_PX))
    for number, line in enumerate(textwrap.wrap(interface_text(text), letters)):
        column.label(text=line, translate=False, icon=icon if number == 0 else "NONE" if icon == "NONE" else "BLANK1")
