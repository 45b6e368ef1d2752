"""The button that performs a speech, and what Add Take shares with it."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..core.job_file import make_request
from ..core.messages import message
from ..core.take_settings import TakeSettings
from ..scene import compat
from ..scene.anim.controls import active_take
from ..scene.build.shot import Shot
from ..scene.output import shot_tasks
from ..scene.output.shot_frames import used_subject
from . import jobs, preferences
from .button import JobButton
from .chosen_speech import chosen_speech, missing_speech
from .properties import settings, shown_shot
from .text import report_text
from .view import frame_curves


class HEADROOM_OT_perform_speech(JobButton):
    """Predict the head's motion for a speech, and place the sound and the keys on the timeline"""

    bl_idname, bl_label = "headroom.perform_speech", "Perform Speech"

    @classmethod
    def missing_setting(cls, context):
        """Require a subject and a speech."""
        return message("No subject in the scene") if shown_shot(context) is None else missing_speech(context)

    @classmethod
    def requests(cls, context):
        """Return one perform job for each take."""
        subject, takes = used_subject(shown_shot(context)), requested_takes(context)
        return [make_request("perform", {
            "subject": subject.folder, "speech": take.speech, "seed": take.seed, "pose": take.pose,
            "use": subject.use, "audio_track": take.audio_track,
            "output": performance_file(take, only_one=len(takes) == 1)}, Path.cwd()) for take in takes]

    @classmethod
    def disabled_reason(cls, context):
        """Require complete settings and a backend that performs nothing else."""
        return cls.missing_setting(context) or perform_disabled_reason(context)

    def run(self, context):
        """Start the job."""
        return perform(context, shown_shot(context), requested_takes(context), chosen_speech(context).strip)


CLASSES = (HEADROOM_OT_perform_speech,)


def requested_takes(context: bpy.types.Context) -> list[TakeSettings]:
    """Return the takes that the panel's settings describe."""
    chosen, speech = settings(context), chosen_speech(context)
    return [TakeSettings(speech.path, seed, chosen.pose, audio_track=speech.audio_track)
            for seed in range(chosen.seed, chosen.seed + chosen.take_count)]


def performance_file(take: TakeSettings, only_one: bool) -> Path:
    """Return the path to which a command writes a take, beside its speech; of several, each has its own name."""
    suffix = "" if only_one else f", {take}"
    return take.speech.with_name(f"{take.speech.stem} performance{suffix}.npz")


def perform_disabled_reason(context: bpy.types.Context) -> str:
    """Return why no speech can be performed now; empty when one can."""
    return preferences.backend_disabled_reason(context) or (
        message("Already performing a speech") if jobs.is_running("perform") else "")


def perform(context: bpy.types.Context, shot: Shot, takes: list[TakeSettings], strip: str = "") -> str:
    """Start the job that performs takes; `strip` is the name of the sound strip that plays their speech."""
    compat.show_in_sequencer(context, context.scene)
    name, is_first = takes[0].speech.name, active_take(shot.root) is None
    task = shot_tasks.perform_takes(shot, takes, shot.start_frame, preferences.connector(context), strip)

    def summary(notes: tuple[str, ...]) -> str:
        if is_first:
            frame_curves(bpy.context.window_manager)
        return " ".join(map(report_text, (message("Performed {speech}.", speech=name), *notes)))

    return jobs.start(jobs.JobSpec("perform", message("Perform {speech}", speech=name), task, summary))
