"""The panel's buttons. `poll` says what is missing, `execute` reads the settings and calls one function."""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import IntProperty

from ..core import backend_jobs as remote
from ..core.errors import InputError
from ..core.job_file import JobRequest, make_request
from ..core.render_settings import RenderSettings
from ..core.take_settings import TakeSettings
from ..core.tasks import InBackground, Task
from ..scene import compat
from ..scene.build.shot import Shot, open_subject
from ..scene.output import shot_tasks as produce
from . import chosen_speech as speech
from . import jobs, preferences
from .button import Button
from .paths import absolute, clip_part, movie_file, new_subject_folder
from .properties import settings, shown_shot
from .view import look_through_camera, select_face, view_of


class HEADROOM_OT_check_backend(Button):
    """Start the backend if need be and ask what it runs on"""

    bl_idname, bl_label = "headroom.check_backend", "Check Backend"

    @classmethod
    def problem(cls, context):
        return preferences.missing(context) or ("The check is under way" if jobs.is_running("check") else "")

    def run(self, context):
        connect = preferences.connector(context)

        def task() -> Task:
            device = yield InBackground(lambda watch: remote.device(connect(), watch))
            return device

        return jobs.start("check", "Check Backend", task(), lambda device: f"Backend ready, on {device}")


class JobButton(Button):
    """A button whose work can be done without a window as well. Not registered itself."""

    @classmethod
    def lacking(cls, context: bpy.types.Context) -> str:
        """What the panel's fields do not say yet; empty when nothing is lacking."""
        raise NotImplementedError

    @classmethod
    def asked(cls, context: bpy.types.Context) -> list[JobRequest]:
        """The same work as jobs, where nothing is lacking."""
        raise NotImplementedError


class HEADROOM_OT_learn(JobButton):
    """Learn a person from a clip, or from a single photo"""

    bl_idname, bl_label = "headroom.learn", "Learn"

    @classmethod
    def lacking(cls, context):
        chosen = settings(context)
        if not chosen.clip:
            return "Choose a clip or a photo"
        if not chosen.name.strip():
            return "Enter the name of the person shown"
        if not chosen.consent:
            return "Confirm that the person shown has agreed"
        start, end = clip_part(chosen)
        if end and end <= start:
            return "The part of the clip ends before it begins"
        if chosen.resolution == "512" and chosen.preset == "draft":
            return "A face crop of 512 pixels needs the preset Standard or Paper"
        return ""

    @classmethod
    def asked(cls, context):
        chosen = settings(context)
        start, end = clip_part(chosen)
        return [make_request("learn", {
            "clip": absolute(chosen.clip), "output": new_subject_folder(context), "name": chosen.name.strip(),
            "consent": chosen.consent, "preset": chosen.preset, "albedo": chosen.albedo,
            "resolution": int(chosen.resolution), "from_seconds": plain(start), "to_seconds": plain(end)}, Path.cwd())]

    @classmethod
    def problem(cls, context):
        return cls.lacking(context) or preferences.missing(context) or (
            "A clip is being learnt" if jobs.is_running("learn") else "")

    def run(self, context):
        (asked,), uid = self.asked(context), context.scene.session_uid
        folder = asked.settings["output"]

        def done(notes: tuple[str, ...]) -> str:
            scene: Any = next((each for each in bpy.data.scenes if each.session_uid == uid), None)
            if scene is None:  # perhaps another file is open by now
                return " ".join((f"Learnt {folder.name} into {folder}.", *notes))
            scene.headroom.subject = str(folder)
            look_through_camera(view_of(scene), open_subject(scene, folder))
            return " ".join((f"Learnt {folder.name}.", *notes))

        task = produce.learn_subject(asked.settings, preferences.connector(context))
        return jobs.start("learn", f"Learn {asked.settings['name']}", task, done)


class HEADROOM_OT_open_subject(Button):
    """Build the head of a learnt person in this scene"""

    bl_idname, bl_label = "headroom.open_subject", "Open Subject"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def problem(cls, context):
        return "" if settings(context).subject else "Choose a subject's folder"

    def run(self, context):
        shot = open_subject(context.scene, absolute(settings(context).subject))
        look_through_camera(context.area, shot)
        select_face(context, shot)
        return f"Opened {shot.subject.name}"


class HEADROOM_OT_perform(JobButton):
    """Predict the motion of the head for a speech and put both on the timeline"""

    bl_idname, bl_label = "headroom.perform", "Perform"

    @classmethod
    def lacking(cls, context):
        return "Open a subject first" if shown_shot(context) is None else speech.lacking(context)

    @classmethod
    def asked(cls, context):
        subject, takes = shown_shot(context).subject.folder, takes_asked(context)
        return [make_request("perform", {
            "subject": subject, "speech": take.speech, "seed": take.seed, "pose": take.pose,
            "output": performance_file(take, alone=len(takes) == 1)}, Path.cwd()) for take in takes]

    @classmethod
    def problem(cls, context):
        return cls.lacking(context) or not_now(context)

    def run(self, context):
        return perform(context, shown_shot(context), takes_asked(context), speech.chosen_speech(context).strip)


class HEADROOM_OT_render_shot(JobButton):
    """Render the scene's frame range, refine it and lay the movie in the sequencer"""

    bl_idname, bl_label = "headroom.render_shot", "Render Shot"

    @classmethod
    def lacking(cls, context):
        chosen = settings(context)
        if shown_shot(context) is None:
            return "Open a subject first"
        if not chosen.output or chosen.output.endswith(("/", "\\")):
            return "Choose a movie file to write"
        if chosen.output.startswith("//") and not bpy.data.filepath:
            return "Save the file first, or choose a movie path that does not begin with //"
        return ""

    @classmethod
    def asked(cls, context):
        dirty = bpy.data.is_dirty and not bpy.app.background  # without a window Blender always says so
        if not bpy.data.filepath or dirty:
            raise InputError("Save the file first: the command renders it as it is saved.")
        return [make_request("render", {
            "file": bpy.data.filepath, "scene": context.scene.name, "shot": shown_shot(context).root.name,
            "output": movie_file(context), "plate_fit": plain(settings(context).plate_fit)}, Path.cwd())]

    @classmethod
    def problem(cls, context):
        return cls.lacking(context) or preferences.missing(context) or (
            "A shot is being rendered" if jobs.is_running("render") else "")

    def run(self, context):
        chosen, movie = settings(context), movie_file(context)
        compat.show_in_sequencer(context, context.scene)
        shot = shown_shot(context)
        asked = RenderSettings(shot.root.name, shot.scene.frame_start, shot.scene.frame_end, chosen.plate_fit)
        task = produce.render_shot(shot, movie, chosen.plate_fit, preferences.connector(context))
        return jobs.start("render", f"Render {movie.name}", task, rendered, about=str(asked))


class HEADROOM_OT_cancel_job(Button):
    """Stop this job"""

    bl_idname, bl_label = "headroom.cancel_job", "Cancel"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    number: IntProperty()  # type: ignore[valid-type]

    def run(self, context):
        jobs.cancel(self.number)
        return "Stopping"


class HEADROOM_OT_clear_jobs(Button):
    """Remove finished jobs from the list"""

    bl_idname, bl_label = "headroom.clear_jobs", "Clear Finished"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    def run(self, context):
        jobs.clear()
        return "Cleared"


CLASSES = (
    HEADROOM_OT_check_backend, HEADROOM_OT_learn, HEADROOM_OT_open_subject, HEADROOM_OT_perform,
    HEADROOM_OT_render_shot, HEADROOM_OT_cancel_job, HEADROOM_OT_clear_jobs,
)


def takes_asked(context: bpy.types.Context) -> list[TakeSettings]:
    """The takes that Perform makes."""
    chosen, path = settings(context), speech.chosen_speech(context).path
    return [TakeSettings(path, seed, chosen.pose) for seed in range(chosen.seed, chosen.seed + chosen.take_count)]


def performance_file(take: TakeSettings, alone: bool) -> Path:
    """Where a command writes a take: beside its speech, apart from the other takes."""
    which = "" if alone else f", {take}"
    return take.speech.with_name(f"{take.speech.stem} performance{which}.npz")


def not_now(context: bpy.types.Context) -> str:
    """Why no speech can be performed at present; empty when one can."""
    return preferences.missing(context) or ("A speech is being performed" if jobs.is_running("perform") else "")


def perform(context: bpy.types.Context, shot: Shot, takes: list[TakeSettings], strip: str = "") -> str:
    """Start the job that performs them."""
    compat.show_in_sequencer(context, context.scene)
    name = takes[0].speech.name
    task = produce.perform_takes(shot, takes, shot.start_frame, preferences.connector(context), strip)
    return jobs.start("perform", f"Perform {name}", task, lambda notes: " ".join((f"Keyed {name}.", *notes)))


def plain(value: float) -> float:
    """A field's number as it was typed; Blender keeps it in single precision, 0.35 as 0.3499999940395355."""
    return round(value, 4)


def rendered(result: produce.MovieResult) -> str:
    """The line that ends a rendered shot's job."""
    return " ".join((f"Wrote {result.movie.name}, {result.frames} frames.", *result.notes))
