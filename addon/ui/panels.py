"""The sidebar tab of the 3D view: the steps from a clip to a shot, from top to bottom, and what is going on."""

from __future__ import annotations

import bpy

from ..scene import compat
from . import command_line, jobs, new_shot, preferences, setup
from .layout import SidebarPanel, draw_advanced, split_layout, wrapped
from .operators import (
    HEADROOM_OT_cancel_job,
    HEADROOM_OT_check_backend,
    HEADROOM_OT_clear_jobs,
    HEADROOM_OT_learn,
    HEADROOM_OT_open_subject,
    HEADROOM_OT_perform,
    HEADROOM_OT_render_shot,
)
from .paths import is_picture
from .properties import settings, shown_shot
from .refine import HEADROOM_OT_refine_frame

ICONS = {"running": "TIME", "stopping": "CANCEL", "done": "CHECKMARK", "failed": "ERROR", "cancelled": "X"}


class HEADROOM_PT_main(SidebarPanel):
    bl_label = "Headroom"

    def draw(self, context: bpy.types.Context) -> None:
        problem = preferences.missing(context)
        if problem:
            setup.draw_missing(self.layout, context, problem)
            return
        where, row = preferences.address(context), self.layout.row(align=True)
        if where.url:
            wrapped(row.column(align=True), context, f"Server {where.url}", "URL")
        else:
            running = preferences.connection.running
            row.label(text="Backend runs" if running else "Backend starts when needed",
                      icon="CHECKMARK" if running else "INFO")
        row.operator(HEADROOM_OT_check_backend.bl_idname, text="", icon="FILE_REFRESH")


class HEADROOM_PT_learn(SidebarPanel):
    bl_label, bl_parent_id, bl_options = "Learn", "HEADROOM_PT_main", {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, chosen = split_layout(self), settings(context)
        column = layout.column()
        column.prop(chosen, "clip", text="Clip or Photo")
        column.prop(chosen, "name")
        column.prop(chosen, "preset")
        if not is_picture(chosen.clip):
            times = column.column(align=True)
            times.prop(chosen, "from_seconds")
            times.prop(chosen, "to_seconds")
        column.prop(chosen, "learn_output")
        draw_advanced(layout, chosen, "albedo", "resolution")
        box = layout.box().column(align=True)
        wrapped(box, context, "Only learn people who know what their face will be used for and have agreed.", "USER")
        box.use_property_split = False
        box.prop(chosen, "consent")
        with_copy(layout, HEADROOM_OT_learn.bl_idname, command_line.HEADROOM_MT_learn)


class HEADROOM_PT_subject(SidebarPanel):
    bl_label, bl_parent_id = "Subject", "HEADROOM_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        layout = split_layout(self)
        layout.prop(settings(context), "subject", text="Folder")
        layout.operator(HEADROOM_OT_open_subject.bl_idname)
        shot = shown_shot(context)
        if shot is not None:
            wrapped(layout.column(align=True), context, f"In the scene: {shot.root.name}", "OUTLINER_OB_EMPTY")
        else:
            layout.operator(new_shot.HEADROOM_OT_new_shot.bl_idname, text="New Shot File")


class HEADROOM_PT_perform(SidebarPanel):
    bl_label, bl_parent_id = "Perform", "HEADROOM_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        layout = split_layout(self)
        chosen = settings(context)
        layout.row().prop(chosen, "speech_source", expand=True)
        if chosen.speech_source == "FILE":
            layout.prop(chosen, "speech", text="File")
        else:
            strip = compat.selected_sound(context)
            wrapped(layout.column(align=True), context, strip.name if strip is not None else
                    "Select a sound strip in the sequencer.", "SOUND")
        column = layout.column(align=True)
        column.prop(chosen, "seed")
        column.prop(chosen, "take_count")
        draw_advanced(layout, chosen, "pose")
        with_copy(layout, HEADROOM_OT_perform.bl_idname, command_line.HEADROOM_MT_perform)


class HEADROOM_PT_render(SidebarPanel):
    bl_label, bl_parent_id, bl_order, bl_options = "Render Shot", "HEADROOM_PT_main", 8, {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = split_layout(self)
        for view in jobs.views():
            if view.is_running and view.kind in ("render", "refine_frame"):  # the list is out of sight from down here
                draw_job(layout, context, view)
        layout.prop(settings(context), "output")
        layout.prop(settings(context), "plate_fit")
        layout.operator(HEADROOM_OT_refine_frame.bl_idname)
        with_copy(layout, HEADROOM_OT_render_shot.bl_idname, command_line.HEADROOM_MT_render)


class HEADROOM_PT_jobs(SidebarPanel):
    bl_label, bl_parent_id = "Jobs", "HEADROOM_PT_main"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(jobs.views())

    def draw(self, context: bpy.types.Context) -> None:
        for view in shown_jobs():
            draw_job(self.layout, context, view)


class HEADROOM_PT_earlier(SidebarPanel):
    bl_label, bl_parent_id, bl_options = "Earlier", "HEADROOM_PT_jobs", {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return len(jobs.views()) > len(shown_jobs())

    def draw(self, context: bpy.types.Context) -> None:
        for view in jobs.views():
            if view not in shown_jobs():
                draw_job(self.layout, context, view)
        self.layout.operator(HEADROOM_OT_clear_jobs.bl_idname)


CLASSES = (HEADROOM_PT_main, HEADROOM_PT_jobs, HEADROOM_PT_earlier, HEADROOM_PT_learn, HEADROOM_PT_subject,
           HEADROOM_PT_perform, HEADROOM_PT_render)


def with_copy(layout: bpy.types.UILayout, button: str, menu: type[bpy.types.Menu]) -> None:
    """A button with the menu beside it that says the same as a command line."""
    row = layout.row(align=True)
    row.operator(button)
    row.menu(menu.__name__, text="", icon="CONSOLE")


def shown_jobs() -> list[jobs.JobView]:
    """Those under way, or the last one that ended: what must be in sight in a low window."""
    views = jobs.views()
    return [view for view in views if view.is_running] or views[:1]


def draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, view: jobs.JobView) -> None:
    """Title, progress with a button to stop it, and the last thing said."""
    box = layout.box().column(align=True)
    row = box.row()
    row.alert = view.state == "failed"
    row.label(text=view.title, icon=ICONS[view.state])
    if view.is_running:
        row.operator(HEADROOM_OT_cancel_job.bl_idname, text="", icon="X", emboss=False).number = view.number
        box.progress(factor=view.fraction, text=f"{view.fraction:.0%}")
    if view.about and view.state != "done":
        wrapped(box, context, view.about)
    wrapped(box, context, view.message)
