"""Helpers of the panels' layouts: the tab, names beside values, text that wraps."""

from __future__ import annotations

import textwrap
from functools import lru_cache
from typing import Any

import blf
import bpy

from ..scene.anim.controls import LAYERS
from .text import interface_text

MARGIN_PX = 70
"""Width of a sidebar that a text in a box does not have, at an interface scale of 1: tabs, margins, indentation."""
ICON_PX = 20
MIN_LETTERS = 16
INTERFACE_FONT = 0
PART_ICONS = {"head": "USER", "mouth": "SOUND", "upper": "HIDE_OFF"}
"""Layer of the face -> the icon of its switch."""


class SidebarPanel(bpy.types.Panel):
    """Base class of the panels in the 3D view's sidebar. Not registered."""

    bl_space_type, bl_region_type, bl_category = "VIEW_3D", "UI", "Headroom"


def split_layout(panel: bpy.types.Panel) -> bpy.types.UILayout:
    """Return a panel's layout with names on the left and values on the right."""
    layout: Any = panel.layout
    layout.use_property_split, layout.use_property_decorate = True, False
    return layout


def draw_parts(row: bpy.types.UILayout, owner: bpy.types.bpy_struct) -> None:
    """Draw a switch for each part of the face that `owner`, a cut or an edit, changes."""
    for layer in LAYERS:
        row.prop(owner, layer, text="", icon=PART_ICONS[layer], toggle=True)


def draw_advanced(layout: bpy.types.UILayout, owner: bpy.types.bpy_struct, *names: str) -> None:
    """Draw rarely used properties of `owner` in a closed subpanel."""
    header, body = layout.panel(f"HEADROOM_{names[0]}", default_closed=True)
    header.label(text="Advanced")
    for name in names if body is not None else ():
        body.prop(owner, name)


def draw_wrapped(column: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """Draw a text over as many lines as the width of the region needs, because Blender's labels are cut off."""
    scale = context.preferences.system.ui_scale
    points = context.preferences.ui_styles[0].widget.points
    width = context.region.width / scale - MARGIN_PX - (ICON_PX if icon != "NONE" else 0)
    for number, line in enumerate(wrapped(interface_text(text), round(width), points)):
        column.label(text=line, translate=False, icon=icon if number == 0 else "NONE" if icon == "NONE" else "BLANK1")


@lru_cache(maxsize=256)
def wrapped(text: str, width: int, points: float) -> tuple[str, ...]:
    """Return a text in lines of at most `width` pixels, in the interface font of a size in points.

    Lines have at least MIN_LETTERS letters, however narrow the region is.
    """
    blf.size(INTERFACE_FONT, points)
    for letters in range(len(text), MIN_LETTERS, -1):
        lines = textwrap.wrap(text, letters)
        if all(blf.dimensions(INTERFACE_FONT, line)[0] <= width for line in lines):
            return tuple(lines)
    return tuple(textwrap.wrap(text, MIN_LETTERS))
