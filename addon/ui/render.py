"""The button that renders a shot, and what Redo Render shares with it."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..core.errors import InputError
from ..core.job_file import make_request
from ..core.messages import Message, message
from ..core.movie_output import MovieOutput, endings_of
from ..core.render_settings import AUTO, EEVEE, FAST, RenderSettings
from ..core.tasks import Task
from ..scene import compat
from ..scene.build.shot import Shot
from ..scene.output import movie_tasks
from ..scene.output.people import heads_together
from . import jobs, preferences
from .button import JobButton
from .paths import movie_file
from .properties import settings, shown_shot, typed_number
from .text import report_text


class HEADROOM_OT_render_shot(JobButton):
    """Render the scene's frame range, refine it, and place the movie in the sequencer"""

    bl_idname, bl_label = "headroom.render_shot", "Render Shot"

    @classmethod
    def missing_setting(cls, context):
        """Require a subject and a movie file."""
        output = settings(context).output
        if shown_shot(context) is None:
            return message("No subject in the scene")
        if not output or output.endswith(("/", "\\")):
            return message("No movie file")
        if output.startswith("//") and not bpy.data.filepath:
            return message("The movie path starts with //, and the .blend file is not saved")
        if movie_file(context).suffix.lower() not in endings_of(settings(context).layer):
            return message("The face alone has alpha, which .mov and .png files hold")
        return ""

    @classmethod
    def requests(cls, context):
        """Return one render job. Raises InputError when the file is not saved, because the command reads the file."""
        dirty = bpy.data.is_dirty and not bpy.app.background  # without a window it is always dirty
        if not bpy.data.filepath or dirty:
            raise InputError("Save the .blend file first. The command line renders the saved file.")
        return [make_request("render", {
            "file": bpy.data.filepath, "scene": context.scene.name, "shot": shown_shot(context).root.name,
            "output": movie_file(context), "plate_fit": typed_number(settings(context).plate_fit),
            "engine": settings(context).engine, "layer": settings(context).layer,
            "all_heads": len(rendered_heads(context)) > 1}, Path.cwd())]

    @classmethod
    def disabled_reason(cls, context):
        """Require complete settings and a backend that renders nothing else."""
        return cls.missing_setting(context) or render_disabled_reason(context)

    def run(self, context):
        """Start the job."""
        movie, chosen = movie_file(context), settings(context)
        compat.show_in_sequencer(context, context.scene)
        shots = rendered_heads(context)
        rendered = movie_tasks.new_render_settings(shots, chosen.plate_fit, chosen.engine)
        task = movie_tasks.render_shot(shots, MovieOutput(movie, chosen.layer), rendered,
                                      preferences.connector(context))
        return start_render(movie, task, rendered)


CLASSES = (HEADROOM_OT_render_shot,)


def rendered_heads(context: bpy.types.Context) -> list[Shot]:
    """Return the heads that Render Shot renders into one movie; none in a scene without heads."""
    shot = shown_shot(context)
    if shot is None:
        return []
    return heads_together(shot) if settings(context).all_heads else [shot]


def render_disabled_reason(context: bpy.types.Context) -> str:
    """Return why no shot can be rendered now; empty when one can."""
    return preferences.backend_disabled_reason(context) or (
        message("Already rendering a shot") if jobs.is_running("render") else "")


def start_render(movie: Path, task: Task, rendered: RenderSettings) -> str:
    """Start the job that renders `movie` by `task`."""

    def summary(result: movie_tasks.MovieResult) -> str:
        wrote = message("Wrote {movie}, {frames} frames.", movie=result.movie.name, frames=result.frames)
        return " ".join(map(report_text, (wrote, *result.notes)))

    return jobs.start(jobs.JobSpec("render", message("Render {movie}", movie=movie.name), task, summary,
                                   settings=settings_text(rendered)))


def settings_text(rendered: RenderSettings) -> Message:
    """Return render settings as one line."""
    frames, plate_fit, engine = settings_lines(rendered)
    return message("{frames}, {plate_fit}, {engine}", frames=frames, plate_fit=plate_fit, engine=engine)


def settings_lines(rendered: RenderSettings) -> tuple[Message, Message, Message]:
    """Return render settings as three lines."""
    return (message("Frames {start} to {end}", start=rendered.frame_start, end=rendered.frame_end),
            message("Plate Fit {value:g}", value=rendered.plate_fit),
            {AUTO: message("Automatic engine"), EEVEE: message("Eevee"), FAST: message("Fast engine")}[rendered.engine])
