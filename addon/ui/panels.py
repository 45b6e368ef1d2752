"""The panels of the sidebar tab in the order of work: backend, learn, subject, perform, render."""

from __future__ import annotations

import bpy

from ..core.messages import message
from ..scene import compat
from ..scene.anim.controls import head_of
from ..scene.build.scene_setup import keeps_scene
from ..scene.build.shot import shots_in
from . import command_line, follow, job_list, jobs, new_shot, preferences, setup
from .audio_tracks import shows_several_tracks
from .clip_check import draw_check
from .export_performance import HEADROOM_OT_export_performance
from .import_performance import HEADROOM_OT_import_performance
from .layout import SidebarPanel, draw_advanced, draw_wrapped, split_layout
from .learn import HEADROOM_OT_learn_subject, HEADROOM_OT_open_subject, HEADROOM_OT_set_up_scene
from .perform import HEADROOM_OT_perform_speech
from .properties import settings, shown_shot
from .refine import HEADROOM_OT_refine_frame
from .relink import HEADROOM_OT_relink_subject_or_speech
from .render import HEADROOM_OT_render_shot


class HEADROOM_PT_main(SidebarPanel):
    """The state of the backend; the parent of the other panels."""

    bl_label = "Headroom"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the backend's state, or what is needed to set it up."""
        reason = preferences.backend_disabled_reason(context)
        if reason:
            setup.draw_setup(self.layout, context, reason)
            return
        where, row = preferences.address(context), self.layout.row(align=True)
        if where.url:
            draw_wrapped(row.column(align=True), context, message("Server {url}", url=where.url), "URL")
        elif preferences.connection.running:
            row.label(text="Backend is running", icon="CHECKMARK")
        else:
            row.label(text="Backend starts when needed", icon="INFO")
        row.operator(setup.HEADROOM_OT_check_backend.bl_idname, text="", icon="FILE_REFRESH")


class HEADROOM_PT_learn(SidebarPanel):
    """Settings for learning a subject."""

    bl_label, bl_parent_id, bl_options = "Learn", "HEADROOM_PT_main", {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the settings and the button."""
        layout, chosen = split_layout(self), settings(context)
        column = layout.column()
        column.prop(chosen, "clip")
        draw_check(column, context)
        column.prop(chosen, "name")
        column.prop(chosen, "preset")
        times = column.column(align=True)
        times.prop(chosen, "from_seconds")
        times.prop(chosen, "to_seconds")
        column.prop(chosen, "face")
        if shows_several_tracks(chosen.clip):
            column.prop(chosen, "clip_audio_track")
        column.prop(chosen, "learn_output")
        draw_advanced(layout, chosen, "albedo", "resolution")
        box = layout.box().column(align=True)
        draw_wrapped(box, context, message("Only learn people who know how their face will be used and have agreed."),
                     "USER")
        box.use_property_split = False
        box.prop(chosen, "consent")
        box.use_property_split = True
        box.prop(chosen, "consent_uses")
        box.prop(chosen, "consent_until")
        draw_job_button(layout, HEADROOM_OT_learn_subject.bl_idname, command_line.HEADROOM_MT_learn)


class HEADROOM_PT_subject(SidebarPanel):
    """The subject in the scene."""

    bl_label, bl_parent_id = "Subject", "HEADROOM_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the folder and the button that opens it; those of a shot in the scene are in a subpanel of its name."""
        layout, shot = split_layout(self), shown_shot(context)
        if shot is not None:
            if keeps_scene(context.scene):
                draw_wrapped(layout.column(align=True), context,
                             message("The scene keeps its rate, size, camera and frame range"), "SCENE_DATA")
                layout.operator(HEADROOM_OT_set_up_scene.bl_idname)
            header, body = layout.panel("HEADROOM_subject_more", default_closed=True)
            header.label(text=shot.root.name, translate=False, icon="OUTLINER_OB_EMPTY")
            if body is not None:
                body.prop(head_of(shot.root), "use")
                body.operator(HEADROOM_OT_relink_subject_or_speech.bl_idname, text="Relink Subject or Speech...",
                              icon="FILE_REFRESH")
                draw_folder(body, context)
        else:
            draw_folder(layout, context)
            layout.operator(new_shot.HEADROOM_OT_new_shot_file.bl_idname)
        if newer := follow.newer_shots():
            draw_wrapped(layout.column(align=True), context, message(
                "Saved by a newer version of Headroom: {shots}. Update the extension", shots=", ".join(newer)), "ERROR")


class HEADROOM_PT_perform(SidebarPanel):
    """Settings for performing a speech."""

    bl_label, bl_parent_id = "Perform", "HEADROOM_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the settings and the button."""
        layout, chosen = split_layout(self), settings(context)
        layout.row().prop(chosen, "speech_source", expand=True)
        if chosen.speech_source == "FILE":
            layout.prop(chosen, "speech", text="File")
            if shows_several_tracks(chosen.speech):
                layout.prop(chosen, "audio_track")
        else:
            strip = compat.selected_sound(context)
            draw_wrapped(layout.column(align=True), context, strip.name if strip is not None else
                         message("Select a sound strip in the sequencer"), "SOUND")
        draw_job_button(layout, HEADROOM_OT_perform_speech.bl_idname, command_line.HEADROOM_MT_perform)
        draw_advanced(layout, chosen, "seed", "take_count", "pose")
        files = layout.column(align=True)
        files.operator(HEADROOM_OT_import_performance.bl_idname, text="Import Performance...", icon="IMPORT")
        files.operator(HEADROOM_OT_export_performance.bl_idname, text="Export Performance...", icon="EXPORT")


class HEADROOM_PT_render(SidebarPanel):
    """Settings for rendering a shot."""

    bl_label, bl_parent_id, bl_order, bl_options = "Render Shot", "HEADROOM_PT_main", 8, {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the settings and the buttons; running renders first, because the list of jobs is far above."""
        layout = split_layout(self)
        for view in jobs.views():
            if view.is_running and view.kind in ("render", "refine_frame"):
                job_list.draw_job(layout, context, view)
        layout.prop(settings(context), "output")
        if len(shots_in(context.scene)) > 1:
            layout.prop(settings(context), "all_heads")
        layout.prop(settings(context), "plate_fit")
        layout.prop(settings(context), "engine")
        layout.prop(settings(context), "layer")
        if (shot := shown_shot(context)) is not None:
            layout.prop(head_of(shot.root), "label")
        layout.operator(HEADROOM_OT_refine_frame.bl_idname)
        draw_job_button(layout, HEADROOM_OT_render_shot.bl_idname, command_line.HEADROOM_MT_render)


CLASSES = (HEADROOM_PT_main, *job_list.CLASSES, HEADROOM_PT_learn, HEADROOM_PT_subject, HEADROOM_PT_perform,
           HEADROOM_PT_render)
"""Registered in this order, in which Blender shows the panels, so the jobs are at the top."""


def draw_folder(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the folder of a subject and the button that opens it."""
    layout.prop(settings(context), "subject", text="Folder")
    layout.operator(HEADROOM_OT_open_subject.bl_idname)


def draw_job_button(layout: bpy.types.UILayout, button: str, menu: type[bpy.types.Menu]) -> None:
    """Draw a button with the menu of its command line beside it."""
    row = layout.row(align=True)
    row.operator(button)
    row.menu(menu.__name__, text="", icon="CONSOLE")
