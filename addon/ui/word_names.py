"""Names of the words over their strips in the sequencer, because Blender cuts a name off at its strip's edge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import blf
import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..scene import compat
from ..scene.anim.word_strips import word_strips
from ..scene.build.shot import shots_in

FONT = 0
PADDING_PX, LEAST_PX, ROW_PX = 5.0, 14.0, 20.0
"""Beside a name, least room in which one is drawn, and height of its background; at an interface scale of 1."""
SHOWN_PX = 50.0
"""Width from which Blender draws a strip's name; narrower strips have none even where it would fit."""
INSET = 0.1
"""Part of a channel's height between a strip and the channel's edge."""
INSET_PX = 3.0
"""What stays visible of a strip's edges."""
BESIDE, TEXT, MUTED = (0.09, 0.12, 0.15, 1.0), (0.9, 0.9, 0.9, 1.0), 0.45
"""Background beside a strip, the name's colour, and how bright the colour of a strip is behind its name."""

_handlers: list[Any] = []


class Name(NamedTuple):
    """A name to draw: its text, left edge, width and width of the strip in pixels of the region, channel and strip."""

    text: str
    left: float
    width: float
    strip_width: float
    strip: Any


def names_to_draw(strips: Iterable[Any], left_px: Callable[[int], float], width_px: Callable[[str], float],
                  scale: float) -> Iterator[Name]:
    """Yield the names that Blender does not show in full, as wide as the next strip of the channel allows.

    left_px: returns the pixel at which a frame begins.
    width_px: returns the width of a text.
    """
    following: dict[int, float] = {}  # channel -> left edge of the strip to the right
    for strip in sorted(strips, key=lambda each: -compat.strip_span(each)[0]):
        first, end = compat.strip_span(strip)
        left, wanted = left_px(first), width_px(strip.name) + 2 * PADDING_PX * scale
        room = following.get(strip.channel, float("inf")) - left - 1
        following[strip.channel] = left
        strip_width = left_px(end) - left
        if strip_width < max(wanted, SHOWN_PX * scale) and room >= LEAST_PX * scale:
            yield Name(strip.name, left, min(wanted, room), strip_width, strip)


def draw() -> None:
    """Draw the names; Blender calls this for each sequencer."""
    context = bpy.context
    space: Any = context.space_data
    if not (space.show_overlays and space.timeline_overlay.show_strip_name):
        return
    region, style = context.region, context.preferences.ui_styles[0].widget
    scale = context.preferences.system.ui_scale
    (start, bottom), (end, top) = region.view2d.region_to_view(0, 0), region.view2d.region_to_view(
        region.width, region.height)
    across, up = region.width / (end - start), region.height / (top - bottom)
    size = style.points * scale
    blf.size(FONT, size)
    for shot in shots_in(compat.sequencer_scene(context)):
        seen = [strip for strip in word_strips(shot).values()
                if bottom - 1 < strip.channel < top and compat.strip_span(strip)[0] < end]
        for name in names_to_draw(seen, lambda frame: (frame - start) * across,
                                  lambda text: _text_width(text, size), scale):
            if name.left + name.width > 0:
                _draw_name(name, (name.strip.channel + INSET - bottom) * up, (1 - 2 * INSET) * up, scale)


@lru_cache(maxsize=4096)
def _text_width(text: str, size: float) -> float:
    """Return the width of a text in pixels at the font's size, which is set."""
    return float(blf.dimensions(FONT, text)[0])


def _draw_name(name: Name, bottom: float, height: float, scale: float) -> None:
    """Draw a name at the top of its strip, which begins at the pixel `bottom`."""
    inset = INSET_PX * scale
    left, right, middle = name.left, name.left + name.width, name.left + name.strip_width
    low, high = bottom + max(inset, height - ROW_PX * scale), bottom + height - inset
    _fill(middle, right, low, high, BESIDE)
    _fill(left + inset, max(left + inset, middle - inset), low, high, _colour_of(name.strip))
    blf.enable(FONT, blf.CLIPPING)
    blf.clipping(FONT, round(left), round(bottom), round(right), round(high))
    blf.color(FONT, *TEXT)
    blf.position(FONT, left + PADDING_PX * scale, (low + high) / 2 - blf.dimensions(FONT, "x")[1] / 2, 0)
    blf.draw(FONT, name.text)
    blf.disable(FONT, blf.CLIPPING)


def _colour_of(strip: Any) -> tuple[float, float, float, float]:
    """Return the colour behind a name: the strip's own, as dark as Blender draws muted strips."""
    if strip.color_tag == "NONE":
        return BESIDE
    number = int(strip.color_tag.rpartition("_")[2]) - 1  # COLOR_01 is the first one
    colour = bpy.context.preferences.themes[0].strip_color[number].color
    return colour.r * MUTED, colour.g * MUTED, colour.b * MUTED, 1.0


def _fill(left: float, right: float, low: float, high: float, colour: tuple[float, float, float, float]) -> None:
    """Fill a rectangle, in pixels of the region."""
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    shader.uniform_float("color", colour)
    corners = [(left, low), (right, low), (left, high), (right, high)]
    batch_for_shader(shader, "TRI_STRIP", {"pos": corners}).draw(shader)


def register() -> None:
    """Draw in every sequencer; without a window there is none."""
    if not bpy.app.background:
        _handlers.append(bpy.types.SpaceSequenceEditor.draw_handler_add(draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    """Stop drawing."""
    while _handlers:
        bpy.types.SpaceSequenceEditor.draw_handler_remove(_handlers.pop(), "WINDOW")
