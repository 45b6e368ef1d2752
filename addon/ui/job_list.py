"""The list of jobs in the panel, with buttons that cancel and clear them."""

from __future__ import annotations

import time

import bpy
from bpy.props import IntProperty

from ..core.messages import message
from ..core.timing import seconds_left
from . import jobs
from .button import Button
from .job_pictures import icons_of
from .layout import SidebarPanel, draw_wrapped
from .text import interface_text

ICONS: dict[jobs.JobState, str] = {
    "running": "TIME", "finishing": "TIME", "stopping": "CANCEL", "done": "CHECKMARK", "failed": "ERROR",
    "cancelled": "X"}

PICTURE_SCALE = 5.5
"""Side of a job's pictures, in rows of the panel: as large as two of them fit into the sidebar."""


class HEADROOM_OT_finish_now(Button):
    """End this job now, with what it has learned so far. The result is complete, but less like the footage"""

    bl_idname, bl_label = "headroom.finish_now", "Finish Now"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    number: IntProperty()  # type: ignore[valid-type]

    @classmethod
    def disabled_reason(cls, context):
        """Require a job that has learned something."""
        return "" if jobs.can_finish() else message("No running job has learned anything yet")

    def run(self, context):
        """Ask the job to finish."""
        jobs.finish(self.number)
        return message("Finishing")


class HEADROOM_OT_cancel_job(Button):
    """Stop this job"""

    bl_idname, bl_label = "headroom.cancel_job", "Cancel Job"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    number: IntProperty()  # type: ignore[valid-type]

    def run(self, context):
        """Ask the job to stop."""
        jobs.cancel(self.number)
        return message("Stopping")


class HEADROOM_OT_clear_finished_jobs(Button):
    """Remove the finished jobs from the list"""

    bl_idname, bl_label = "headroom.clear_finished_jobs", "Clear Finished Jobs"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    def run(self, context):
        """Clear the list."""
        jobs.clear()
        return message("Cleared the finished jobs")


class HEADROOM_PT_jobs(SidebarPanel):
    """The jobs that run, or the last one that ended."""

    bl_label, bl_parent_id = "Jobs", "HEADROOM_PT_main"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the panel when there are jobs."""
        return bool(jobs.views())

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the jobs."""
        for view in current_jobs():
            if view.state == "done":  # no title and no box, because what comes below is wanted more
                draw_wrapped(self.layout.column(align=True), context, view.message, ICONS[view.state])
            else:
                draw_job(self.layout, context, view)


class HEADROOM_PT_finished_jobs(SidebarPanel):
    """The other jobs."""

    bl_label, bl_parent_id, bl_options = "Finished Jobs", "HEADROOM_PT_jobs", {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the panel when there are more jobs than the panel above lists."""
        return len(jobs.views()) > len(current_jobs())

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the jobs and the button that clears them."""
        for view in jobs.views():
            if view not in current_jobs():
                draw_job(self.layout, context, view)
        self.layout.operator(HEADROOM_OT_clear_finished_jobs.bl_idname)


CLASSES = (HEADROOM_OT_finish_now, HEADROOM_OT_cancel_job, HEADROOM_OT_clear_finished_jobs, HEADROOM_PT_jobs,
           HEADROOM_PT_finished_jobs)


def current_jobs() -> list[jobs.JobView]:
    """Return the running jobs, or the last one that ended; a low window has no room for more."""
    views = jobs.views()
    return [view for view in views if view.is_running] or views[:1]


def progress_text(view: jobs.JobView) -> str:
    """Return how far a job is, and how long the rest takes where that is known."""
    seconds = seconds_left(time.monotonic() - view.started, view.fraction)
    if seconds is None:
        return f"{view.fraction:.0%}"
    if seconds < 90:
        text = message("{percent:.0f} %, about {seconds:.0f} s left", percent=100 * view.fraction, seconds=seconds)
    else:
        text = message("{percent:.0f} %, about {minutes:.0f} min left", percent=100 * view.fraction,
                       minutes=seconds / 60)
    return interface_text(text)


def draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, view: jobs.JobView) -> None:
    """Draw a job: title, progress, last message, result so far, and the buttons that cancel and finish it."""
    box = layout.box().column(align=True)
    row = box.row()
    row.alert = view.state == "failed"
    row.label(text=view.title, translate=False, icon=ICONS[view.state])
    if view.is_running:
        row.operator(HEADROOM_OT_cancel_job.bl_idname, text="", icon="X", emboss=False).number = view.number
        box.progress(factor=view.fraction, text=progress_text(view))
    if view.settings and view.state != "done":
        draw_wrapped(box, context, view.settings)
    draw_wrapped(box, context, view.message)
    if view.picture is not None:
        row = box.row(align=True)
        for heading, icon in zip((message("Footage"), message("Result So Far")), icons_of(view.picture)):
            column = row.column(align=True)
            column.template_icon(icon_value=icon, scale=PICTURE_SCALE)
            column.label(text=heading)
        box.operator(HEADROOM_OT_finish_now.bl_idname).number = view.number
