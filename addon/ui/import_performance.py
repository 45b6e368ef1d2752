"""The button that reads a performance from a file, as a take of the shown head."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty

from ..core.messages import message
from ..core.performance_files import SUFFIXES
from ..core.recordings import own_sound
from ..scene.anim.controls import active_take
from ..scene.output import shot_tasks
from . import jobs
from .audio_tracks import has_sound
from .chosen_speech import chosen_speech, missing_speech
from .paths import absolute
from .performance_file_button import PerformanceFileButton
from .properties import shown_shot
from .view import frame_curves


class HEADROOM_OT_import_performance(PerformanceFileButton):
    """Add a performance from a file as a take: of Headroom (.npz, .json) or of the iPhone app Live Link Face (.csv)"""

    bl_idname, bl_label = "headroom.import_performance", "Import Performance"

    with_sound: BoolProperty(  # type: ignore[valid-type]
        name="Recorded Sound", default=True,
        description="Play the take with the sound in the .wav, .m4a, .mov or .mp4 of the same name beside the file, "
                    "where there is one. Without it the take plays with the head's speech")

    @classmethod
    def disabled_reason(cls, context):
        """Require a head that is not performing."""
        if shown_shot(context) is None:
            return message("No subject in the scene")
        return message("Already performing a speech") if jobs.is_running("perform") else ""

    def invoke(self, context, event):
        """Ask for the file, or only for its options where one was dropped."""
        if self.filepath:
            return context.window_manager.invoke_props_dialog(self)
        return super().invoke(context, event)

    def draw(self, context):
        """Draw the options beside the files."""
        self.layout.prop(self, "mirror")
        self.layout.prop(self, "with_sound")

    def run(self, context):
        """Start the job."""
        shot, path = shown_shot(context), absolute(self.filepath)
        is_first, recorded = active_take(shot.root) is None, recorded_sound(path) if self.with_sound else None

        def summary(performance) -> str:
            if is_first:
                frame_curves(bpy.context.window_manager)
            seconds = round(len(performance) / performance.fps, 2)
            if recorded is not None:
                return message("Imported {name} with the sound of {sound}: {seconds} s", name=path.name,
                               sound=recorded.name, seconds=seconds)
            return message("Imported {name}: {seconds} s", name=path.name, seconds=seconds)

        task = shot_tasks.import_performance(shot, path, recorded or speech_of(context), self.mirror)
        return jobs.start(jobs.JobSpec("perform", message("Import {name}", name=path.name), task, summary))


class HEADROOM_FH_performance(bpy.types.FileHandler):
    """Lets a file be dropped on a 3D view with a head."""

    bl_idname, bl_label = "HEADROOM_FH_performance", "Performance"
    bl_import_operator, bl_file_extensions = HEADROOM_OT_import_performance.bl_idname, ";".join(SUFFIXES)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        """Accept files on a 3D view of a scene with a head."""
        return context.area is not None and context.area.type == "VIEW_3D" and shown_shot(context) is not None


CLASSES = (HEADROOM_OT_import_performance, HEADROOM_FH_performance)


def recorded_sound(path: Path) -> Path | None:
    """Return the file beside a performance that was recorded with it, if it has sound."""
    sound = own_sound(path)
    return sound if sound is not None and has_sound(sound) else None


def speech_of(context: bpy.types.Context) -> Path | None:
    """Return the sound of an imported performance: the head's speech, otherwise the panel's, if there is one."""
    shot = shown_shot(context)
    if shot.speech is not None:
        return shot.speech
    speech = None if missing_speech(context) else chosen_speech(context).path
    return speech if speech is not None and speech.is_file() else None
