"""The sidebar tab of the 3D view: the steps from a clip to a shot, from top to bottom, and what is going on."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

from ..scene import compat
from ..scene.shot import active_shot
from . import jobs, preferences
from .operators import (
    HEADROOM_OT_cancel_job,
    HEADROOM_OT_check_backend,
    HEADROOM_OT_clear_jobs,
    HEADROOM_OT_learn,
    HEADROOM_OT_new_shot,
    HEADROOM_OT_open_subject,
    HEADROOM_OT_perform,
    HEADROOM_OT_render_shot,
)
from .properties import settings
from .refining import HEADROOM_OT_refine_frame

ICONS = {"running": "TIME", "stopping": "CANCEL", "done": "CHECKMARK", "failed": "ERROR", "cancelled": "X"}
LETTER_PX = 6.5
"""Width of an average letter of Blender's interface font at a scale of one."""


class SidebarPanel(bpy.types.Panel):
    """Not registered itself; what its children share."""

    bl_space_type, bl_region_type, bl_category = "VIEW_3D", "UI", "Headroom"


class HEADROOM_PT_main(SidebarPanel):
    bl_label = "Headroom"

    def draw(self, context: bpy.types.Context) -> None:
        problem = preferences.missing(context)
        column = self.layout.column(align=True)
        if problem:
            wrapped(column, context, problem, "ERROR")
            column.operator("preferences.addon_show", text="Open Preferences").module = preferences.PACKAGE
            return
        where = preferences.address(context)
        if where.url:
            wrapped(column, context, f"Server {where.url}", "URL")
        else:
            running = preferences.connection.running
            wrapped(column, context, "Backend runs" if running else "Backend starts when needed",
                    "CHECKMARK" if running else "INFO")
        column.operator(HEADROOM_OT_check_backend.bl_idname)


class HEADROOM_PT_learn(SidebarPanel):
    bl_label, bl_parent_id, bl_options = "Learn", "HEADROOM_PT_main", {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, chosen = split_layout(self), settings(context)
        column = layout.column()
        column.prop(chosen, "clip")
        column.prop(chosen, "name")
        column.prop(chosen, "preset")
        times = column.column(align=True)
        times.prop(chosen, "from_seconds")
        times.prop(chosen, "to_seconds")
        column.prop(chosen, "learn_output")
        box = layout.box().column(align=True)
        wrapped(box, context, "Only learn people who know what their face will be used for and have agreed.", "USER")
        box.use_property_split = False
        box.prop(chosen, "consent")
        layout.operator(HEADROOM_OT_learn.bl_idname)


class HEADROOM_PT_subject(SidebarPanel):
    bl_label, bl_parent_id = "Subject", "HEADROOM_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        layout = split_layout(self)
        layout.prop(settings(context), "subject", text="Folder")
        layout.operator(HEADROOM_OT_open_subject.bl_idname)
        shot = active_shot(context.scene, context.active_object)
        if shot is not None:
            wrapped(layout.column(align=True), context, f"In the scene: {shot.root.name}", "OUTLINER_OB_EMPTY")
        else:
            layout.operator(HEADROOM_OT_new_shot.bl_idname)


class HEADROOM_PT_perform(SidebarPanel):
    bl_label, bl_parent_id = "Perform", "HEADROOM_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        layout = split_layout(self)
        chosen = settings(context)
        layout.row().prop(chosen, "speech_source", expand=True)
        if chosen.speech_source == "FILE":
            layout.prop(chosen, "speech", text="File")
        else:
            strip = compat.selected_sound(context, context.scene)
            wrapped(layout.column(align=True), context, strip.name if strip is not None else
                    "Select a sound strip in the sequencer.", "SOUND")
        column = layout.column(align=True)
        column.prop(chosen, "seed")
        column.prop(chosen, "take_count")
        layout.operator(HEADROOM_OT_perform.bl_idname)


class HEADROOM_PT_render(SidebarPanel):
    bl_label, bl_parent_id, bl_order = "Render Shot", "HEADROOM_PT_main", 8

    def draw(self, context: bpy.types.Context) -> None:
        layout = split_layout(self)
        layout.prop(settings(context), "output")
        layout.prop(settings(context), "plate_fit")
        layout.operator(HEADROOM_OT_refine_frame.bl_idname)
        layout.operator(HEADROOM_OT_render_shot.bl_idname)


class HEADROOM_PT_jobs(SidebarPanel):
    bl_label, bl_parent_id, bl_order = "Jobs", "HEADROOM_PT_main", 9

    def draw(self, context: bpy.types.Context) -> None:
        layout, shown = self.layout, jobs.views()
        if not shown:
            layout.label(text="No jobs yet", icon="INFO")
            return
        for view in shown:
            box = layout.box().column(align=True)
            row = box.row()
            row.label(text=view.title, icon=ICONS[view.state])
            if view.is_running:
                row.operator(HEADROOM_OT_cancel_job.bl_idname, text="", icon="X", emboss=False).number = view.number
                box.progress(factor=view.fraction, text=f"{view.fraction:.0%}")
            if view.about and view.state != "done":
                wrapped(box, context, view.about)
            wrapped(box, context, view.message)
        layout.operator(HEADROOM_OT_clear_jobs.bl_idname)


CLASSES = (HEADROOM_PT_main, HEADROOM_PT_learn, HEADROOM_PT_subject, HEADROOM_PT_perform, HEADROOM_PT_render,
           HEADROOM_PT_jobs)


def split_layout(panel: bpy.types.Panel) -> bpy.types.UILayout:
    """A panel's layout with names on the left and values on the right."""
    layout: Any = panel.layout
    layout.use_property_split, layout.use_property_decorate = True, False
    return layout


def wrapped(column: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """A sentence over as many lines as the sidebar is narrow; Blender's labels cut off instead."""
    scale = context.preferences.system.ui_scale
    letters = max(16, int((context.region.width / scale - 45) / LETTER_PX))
    for number, line in enumerate(textwrap.wrap(text, letters)):
        column.label(text=line, icon=icon if number == 0 else "NONE" if icon == "NONE" else "BLANK1")
