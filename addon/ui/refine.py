"""Looking at refined frames: one frame before and after, and a movie's strip rendered again."""

from pathlib import Path
from typing import Any

import bpy

from ..core.errors import InputError
from ..scene import compat
from ..scene.anim import strips
from ..scene.build.shot import find_shot
from ..scene.output import shot_tasks as produce
from . import jobs, preferences
from .button import Button
from .layout import wrapped
from .operators import rendered
from .properties import settings, shown_shot

IMAGE = "Headroom Before | After"


class HEADROOM_OT_refine_frame(Button):
    """Render and refine the current frame, and show it before and after in an image editor"""

    bl_idname, bl_label = "headroom.refine_frame", "Refine This Frame"

    @classmethod
    def problem(cls, context):
        scene = context.scene
        if shown_shot(context) is None:
            return "Open a subject first"
        if not scene.frame_start <= scene.frame_current <= scene.frame_end:
            return "Move to a frame between the scene's first and last one"
        return preferences.missing(context) or ("A frame is being refined" if jobs.is_running("refine_frame") else "")

    def run(self, context):
        frame = context.scene.frame_current
        task = produce.refine_frame(shown_shot(context), frame, settings(context).plate_fit,
                                    preferences.connector(context))

        def done(picture: Path) -> str:
            show_picture(picture)
            return f"Frame {frame}: before on the left, after on the right."

        return jobs.start("refine_frame", f"Refine Frame {frame}", task, done)


class HEADROOM_OT_redo_render(Button):
    """Render the movie of the active strip again, with the settings it was rendered with"""

    bl_idname, bl_label = "headroom.redo_render", "Redo"

    @classmethod
    def problem(cls, context):
        strip = active_strip(context)
        if strip is None or not strip.get(strips.SETTINGS):
            return "Select a movie strip that Render Shot made"
        return preferences.missing(context) or ("A shot is being rendered" if jobs.is_running("render") else "")

    def run(self, context):
        strip = active_strip(context)
        asked = strips.render_settings(strip)
        movie = Path(bpy.path.abspath(strip.filepath)).absolute()
        task = produce.render_shot(find_shot(compat.sequencer_scene(context).name, asked.shot), movie, asked.plate_fit,
                                   preferences.connector(context), (asked.frame_start, asked.frame_end))
        return jobs.start("render", f"Render {movie.name}", task, rendered, about=str(asked))


class HEADROOM_PT_strip(bpy.types.Panel):
    """In the sequencer's sidebar, for a movie that Render Shot made"""

    bl_label, bl_category = "Headroom", "Strip"
    bl_space_type, bl_region_type = "SEQUENCE_EDITOR", "UI"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        strip = active_strip(context)
        return strip is not None and bool(strip.get(strips.SETTINGS))

    def draw(self, context: bpy.types.Context) -> None:
        lines = self.layout.column(align=True)
        try:
            asked = strips.render_settings(active_strip(context))
        except InputError as error:
            wrapped(lines, context, str(error), "ERROR")
            return
        for line in (asked.shot, *str(asked).split(", ")):
            wrapped(lines, context, line)
        self.layout.operator(HEADROOM_OT_redo_render.bl_idname, icon="FILE_REFRESH")


CLASSES = (HEADROOM_OT_refine_frame, HEADROOM_OT_redo_render, HEADROOM_PT_strip)


def active_strip(context: bpy.types.Context) -> Any:
    editor = compat.sequencer_scene(context).sequence_editor
    return editor.active_strip if editor is not None else None


def show_picture(path: Path) -> None:
    """Show a picture in the image editor that is there, otherwise in a new window; without a window only load it."""
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
    """An image editor of some window; one is opened in a window of its own when there is none."""
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
