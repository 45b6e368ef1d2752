"""Buttons that learn a subject from a clip and open one in the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..core.job_file import make_request
from ..core.messages import message
from ..scene.anim.timeline import set_frame_range
from ..scene.build.scene_setup import changes, is_in_use, keeps_scene, set_up_scene
from ..scene.build.selection import select_face
from ..scene.build.shot import open_subject
from ..scene.output import shot_tasks
from . import jobs, preferences
from .audio_tracks import clip_audio_track
from .button import Button, JobButton
from .paths import absolute, new_subject_folder
from .properties import settings, shown_shot, typed_number
from .text import report_text
from .view import show_through_camera, view_of


class HEADROOM_OT_learn_subject(JobButton):
    """Learn a person from a clip or a photo, and open the subject in the scene"""

    bl_idname, bl_label = "headroom.learn_subject", "Learn Subject"

    @classmethod
    def missing_setting(cls, context):
        """Require clip, name, consent and settings that fit together."""
        chosen = settings(context)
        start, end = chosen.from_seconds, chosen.to_seconds
        if not chosen.clip:
            return message("No clip or photo")
        if not chosen.name.strip():
            return message("No name for the person shown")
        if not chosen.consent:
            return message("The consent of the person shown is not confirmed")
        if end and end <= start:
            return message("End is before Start")
        return ""

    @classmethod
    def requests(cls, context):
        """Return one learn job."""
        chosen = settings(context)
        return [make_request("learn", {
            "clip": absolute(chosen.clip), "output": new_subject_folder(context), "name": chosen.name.strip(),
            "consent": chosen.consent, "consent_uses": chosen.consent_uses,
            "consent_until": chosen.consent_until, "preset": chosen.preset, "albedo": chosen.albedo,
            "resolution": chosen.resolution, "from_seconds": typed_number(chosen.from_seconds),
            "to_seconds": typed_number(chosen.to_seconds), "face": chosen.face,
            "audio_track": clip_audio_track(chosen)}, Path.cwd())]

    @classmethod
    def disabled_reason(cls, context):
        """Require complete settings and a backend; one clip is learned at a time."""
        return cls.missing_setting(context) or preferences.backend_disabled_reason(context) or (
            message("Already learning a clip") if jobs.is_running("learn") else "")

    def run(self, context):
        """Start the job. The subject opens in the scene in which the button was pressed, if that still exists."""
        (request,), scene_uid = self.requests(context), context.scene.session_uid
        folder, name = request.settings["output"], request.settings["name"]

        def open_learned(notes: tuple[str, ...]) -> None:
            scene: Any = next((each for each in bpy.data.scenes if each.session_uid == scene_uid), None)
            if scene is not None:  # None when another file is open
                scene.headroom.subject = str(folder)
                show_through_camera(view_of(scene), open_subject(scene, folder, not is_in_use(scene)))

        def summary(notes: tuple[str, ...]) -> str:
            learned = message("Learned {name} into {folder}.", name=folder.name, folder=folder)
            return " ".join(map(report_text, (learned, *notes)))

        return jobs.start(jobs.JobSpec(
            "learn", message("Learn {name}", name=name),
            shot_tasks.learn_subject(request.settings, preferences.connector(context)), summary, open_learned))


class HEADROOM_OT_open_subject(Button):
    """Build the head of a learned subject in the scene"""

    bl_idname, bl_label = "headroom.open_subject", "Open Subject"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def disabled_reason(cls, context):
        """Require a folder."""
        return "" if settings(context).subject else message("No subject folder")

    def run(self, context):
        """Build the head, show it through its camera and select it; a scene in use keeps its settings."""
        shot = open_subject(context.scene, absolute(settings(context).subject), not is_in_use(context.scene))
        show_through_camera(context.area, shot)
        select_face(context, shot)
        return message("Opened {name}", name=shot.subject.name)


class HEADROOM_OT_set_up_scene(Button):
    """Set frame rate, size, camera and view transform of the scene to the clip's, and its range to the performance's"""

    bl_idname, bl_label = "headroom.set_up_scene", "Set Up Scene"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    _changes = ()  # until the dialog is opened; found once, because the subject's files are read

    @classmethod
    def disabled_reason(cls, context):
        """Require a head that was opened in a scene in use."""
        return "" if keeps_scene(context.scene) else message("The scene is set up already")

    def invoke(self, context, event):
        """Show first what will change."""
        shot = shown_shot(context)
        self._changes = changes(context.scene, shot.subject.rig(), shot.camera)
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context):
        """Draw what will change."""
        for line in self._changes:
            self.layout.label(text=line, translate=False)

    def run(self, context):
        """Set the scene up and look through the shot's camera."""
        shot = shown_shot(context)
        set_up_scene(context.scene, shot.subject.rig(), shot.camera)
        if shot.backdrop is not None:
            shot.backdrop.hide_render = False
        set_frame_range(context.scene)
        show_through_camera(context.area, shot)
        return message("The scene is as the clip was filmed")


CLASSES = (HEADROOM_OT_learn_subject, HEADROOM_OT_open_subject, HEADROOM_OT_set_up_scene)
