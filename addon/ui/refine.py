"""Refined frames: one frame before and after, and the movie of a strip rendered again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..core.errors import InputError
from ..core.messages import message
from ..core.movie_output import MovieOutput
from ..scene import compat
from ..scene.build.shot import ShotRef, find_shot
from ..scene.output import movie_strip, movie_tasks
from . import jobs, preferences
from .button import Button
from .layout import draw_wrapped
from .properties import settings, shown_shot
from .render import render_disabled_reason, settings_lines, start_render

IMAGE = "Headroom Before | After"


class HEADROOM_OT_refine_frame(Button):
    """Render and refine the current frame, and show it before and after in an image editor"""

    bl_idname, bl_label = "headroom.refine_frame", "Refine Frame"

    @classmethod
    def disabled_reason(cls, context):
        """Require a frame of a shot, and a backend."""
        scene = context.scene
        if shown_shot(context) is None:
            return message("No subject in the scene")
        if not scene.frame_start <= scene.frame_current <= scene.frame_end:
            return message("The current frame is outside the scene's frame range")
        return preferences.backend_disabled_reason(context) or (
            message("Already refining a frame") if jobs.is_running("refine_frame") else "")

    def run(self, context):
        """Start the job."""
        frame = context.scene.frame_current
        chosen = settings(context)
        task = movie_tasks.refine_frame(shown_shot(context), frame, chosen.plate_fit, preferences.connector(context),
                                       chosen.engine)
        return jobs.start(jobs.JobSpec(
            "refine_frame", message("Refine Frame {frame}", frame=frame), task, apply=show_picture,
            summary=lambda _: message("Frame {frame}: before on the left, after on the right.", frame=frame)))


class HEADROOM_OT_redo_render(Button):
    """Render the movie of the active strip again with the same settings"""

    bl_idname, bl_label = "headroom.redo_render", "Redo Render"

    @classmethod
    def disabled_reason(cls, context):
        """Require a movie strip of Render Shot, and a backend."""
        strip = active_strip(context)
        if strip is None or not strip.get(movie_strip.SETTINGS):
            return message("The active strip is not a movie from Render Shot")
        return render_disabled_reason(context)

    def run(self, context):
        """Start the job."""
        strip = active_strip(context)
        rendered = movie_strip.render_settings(strip)
        movie = Path(bpy.path.abspath(strip.filepath)).absolute()
        scene = compat.sequencer_scene(context).name
        shots = [find_shot(ShotRef(scene, root)) for root in (rendered.shot, *rendered.others)]
        task = movie_tasks.render_shot(shots, MovieOutput(movie), rendered, preferences.connector(context))
        return start_render(movie, task, rendered)


class HEADROOM_PT_strip(bpy.types.Panel):
    """The settings of a rendered movie, in the sequencer's sidebar."""

    bl_label, bl_category = "Headroom", "Strip"
    bl_space_type, bl_region_type = "SEQUENCE_EDITOR", "UI"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the panel for a movie strip of Render Shot."""
        strip = active_strip(context)
        return strip is not None and bool(strip.get(movie_strip.SETTINGS))

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the settings and the button."""
        lines = self.layout.column(align=True)
        try:
            rendered = movie_strip.render_settings(active_strip(context))
        except InputError as error:
            draw_wrapped(lines, context, error.args[0], "ERROR")
            return
        lines.label(text=", ".join((rendered.shot, *rendered.others)), translate=False)
        for line in settings_lines(rendered):
            draw_wrapped(lines, context, line)
        self.layout.operator(HEADROOM_OT_redo_render.bl_idname, icon="FILE_REFRESH")


CLASSES = (HEADROOM_OT_refine_frame, HEADROOM_OT_redo_render, HEADROOM_PT_strip)


def active_strip(context: bpy.types.Context) -> Any:
    """Return the active strip of the sequencer, or None."""
    editor = compat.sequencer_scene(context).sequence_editor
    return editor.active_strip if editor is not None else None


def show_picture(path: Path) -> None:
    """Show a picture in an image editor; without a window only load it."""
    image: Any = bpy.data.images.get(IMAGE)
    if image is None:
        image = bpy.data.images.load(str(path))
        image.name = IMAGE
    image.filepath = str(path)
    image.reload()
    area = image_area()
    if area is not None:
        area.spaces.active.image = image
        area.tag_redraw()


def image_area() -> Any:
    """Return an image editor, in a new window when there is none; None without a window."""
    manager = bpy.context.window_manager
    for window in manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR":
                return area
    if bpy.app.background or not manager.windows:
        return None
    with bpy.context.temp_override(window=manager.windows[0]):
        bpy.ops.wm.window_new()
    area = manager.windows[-1].screen.areas[0]
    area.type = "IMAGE_EDITOR"
    return area
