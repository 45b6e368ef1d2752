"""Names of the words over their strips in the sequencer, because Blender cuts a name off at its strip's edge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import blf
import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..scene import compat
from ..scene.anim.word_strips import is_word_strip

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


class Rectangle(NamedTuple):
    """A rectangle to fill, in pixels of the region."""

    left: float
    right: float
    low: float
    high: float
    colour: tuple[float, float, float, float]


def strips_in_view(strips: Iterable[Any], start: float, end: float, bottom: float, top: float) -> list[Any]:
    """Return the strips that begin between two frames, and in each channel the last one before.

    Names of the words before that one end at its strip; most strips of a long speech are left out here.
    """
    found: list[Any] = []
    before: dict[int, tuple[int, Any]] = {}
    for strip in strips:
        channel = strip.channel
        if not bottom - 1 < channel < top:
            continue
        first = compat.strip_span(strip)[0]
        if first >= end:
            continue
        if first >= start:
            found.append(strip)
        elif channel not in before or first > before[channel][0]:
            before[channel] = first, strip
    return [*found, *(strip for _, strip in before.values())]


def names_to_draw(strips: Iterable[Any], left_px: Callable[[int], float], width_px: Callable[[str], float],
                  scale: float) -> Iterator[Name]:
    """Yield the names that Blender does not show in full, as wide as the next strip of the channel allows.

    left_px: returns the pixel at which a frame begins.
    width_px: returns the width of a text.
    """
    following: dict[int, float] = {}  # channel -> left edge of the strip to the right
    spans = [(*compat.strip_span(strip), strip) for strip in strips]
    for first, end, strip in sorted(spans, key=lambda span: -span[0]):
        left = left_px(first)
        room = following.get(strip.channel, float("inf")) - left - 1
        following[strip.channel] = left
        if room < LEAST_PX * scale:
            continue
        wanted, strip_width = width_px(strip.name) + 2 * PADDING_PX * scale, left_px(end) - left
        if strip_width < max(wanted, SHOWN_PX * scale):
            yield Name(strip.name, left, min(wanted, room), strip_width, strip)


def draw() -> None:
    """Draw the names; Blender calls this for each sequencer."""
    context = bpy.context
    space: Any = context.space_data
    scene = compat.sequencer_scene(context)
    if scene.sequence_editor is None or not (space.show_overlays and space.timeline_overlay.show_strip_name):
        return
    region, style = context.region, context.preferences.ui_styles[0].widget
    scale = context.preferences.system.ui_scale
    (start, bottom), (end, top) = region.view2d.region_to_view(0, 0), region.view2d.region_to_view(
        region.width, region.height)
    across, up = region.width / (end - start), region.height / (top - bottom)
    size = style.points * scale
    blf.size(FONT, size)
    strips = strips_in_view(compat.strips_of(scene), start, end, bottom, top)
    names = [name for name in names_to_draw(strips, lambda frame: (frame - start) * across,
                                            lambda text: _text_width(text, size), scale)
             if name.left + name.width > 0 and is_word_strip(name.strip)]
    places = [((name.strip.channel + INSET - bottom) * up, (1 - 2 * INSET) * up) for name in names]
    _fill([each for name, place in zip(names, places) for each in _backgrounds(name, *place, scale)])
    middle = blf.dimensions(FONT, "x")[1] / 2
    for name, place in zip(names, places):
        _write(name, *place, middle, scale)


@lru_cache(maxsize=4096)
def _text_width(text: str, size: float) -> float:
    """Return the width of a text in pixels at the font's size, which is set."""
    return float(blf.dimensions(FONT, text)[0])


def _rows(bottom: float, height: float, scale: float) -> tuple[float, float]:
    """Return the lower and upper edge of a name's background, at the top of a strip that begins at `bottom`."""
    inset = INSET_PX * scale
    return bottom + max(inset, height - ROW_PX * scale), bottom + height - inset


def _backgrounds(name: Name, bottom: float, height: float, scale: float) -> Iterator[Rectangle]:
    """Yield what is filled behind a name: beside its strip, and on it."""
    inset, (low, high) = INSET_PX * scale, _rows(bottom, height, scale)
    left, right, middle = name.left, name.left + name.width, name.left + name.strip_width
    yield Rectangle(middle, right, low, high, BESIDE)
    yield Rectangle(left + inset, max(left + inset, middle - inset), low, high, _colour_of(name.strip))


def _write(name: Name, bottom: float, height: float, middle: float, scale: float) -> None:
    """Write a name at the top of its strip, which begins at the pixel `bottom`.

    middle: half the height of a letter.
    """
    low, high = _rows(bottom, height, scale)
    blf.enable(FONT, blf.CLIPPING)
    blf.clipping(FONT, round(name.left), round(bottom), round(name.left + name.width), round(high))
    blf.color(FONT, *TEXT)
    blf.position(FONT, name.left + PADDING_PX * scale, (low + high) / 2 - middle, 0)
    blf.draw(FONT, name.text)
    blf.disable(FONT, blf.CLIPPING)


def _colour_of(strip: Any) -> tuple[float, float, float, float]:
    """Return the colour behind a name: the strip's own, as dark as Blender draws muted strips."""
    if strip.color_tag == "NONE":
        return BESIDE
    number = int(strip.color_tag.rpartition("_")[2]) - 1  # COLOR_01 is the first one
    colour = bpy.context.preferences.themes[0].strip_color[number].color
    return colour.r * MUTED, colour.g * MUTED, colour.b * MUTED, 1.0


def _fill(rectangles: Sequence[Rectangle]) -> None:
    """Fill rectangles at once, because each call of the GPU takes longer than they do."""
    corners, colours = [], []
    for left, right, low, high, colour in rectangles:
        corners += [(left, low), (right, low), (left, high), (right, low), (left, high), (right, high)]
        colours += [colour] * 6
    if corners:
        shader = gpu.shader.from_builtin("FLAT_COLOR")
        batch_for_shader(shader, "TRIS", {"pos": corners, "color": colours}).draw(shader)


def register() -> None:
    """Draw in every sequencer; without a window there is none."""
    if not bpy.app.background:
        _handlers.append(bpy.types.SpaceSequenceEditor.draw_handler_add(draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    """Stop drawing."""
    while _handlers:
        bpy.types.SpaceSequenceEditor.draw_handler_remove(_handlers.pop(), "WINDOW")
