"""The button that tells where the subject or the speech of a shot is now."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ..core.messages import message
from ..core.subject import INFO
from ..scene.anim.relink import relink_speech, relink_subject
from .button import Button
from .paths import absolute
from .properties import shown_shot


class HEADROOM_OT_relink_subject_or_speech(Button):
    """Choose the subject's folder, or the sound file, after it was moved; all keys stay"""

    bl_idname, bl_label = "headroom.relink_subject_or_speech", "Relink Subject or Speech"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]

    @classmethod
    def disabled_reason(cls, context):
        """Require a shot."""
        return message("No subject in the scene") if shown_shot(context) is None else ""

    def invoke(self, context, event):
        """Ask for the folder or the file."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context):
        """Relink the subject for a folder or its subject.toml, otherwise the speech."""
        shot, path = shown_shot(context), absolute(self.filepath)
        folder = path.parent if path.name == INFO else path
        if folder.is_dir():
            relink_subject(shot, folder)
            return message("The subject is {name}", name=folder.name)
        relink_speech(shot, path)
        return message("The speech is {name}", name=path.name)


CLASSES: tuple[type[bpy.types.Operator], ...] = (HEADROOM_OT_relink_subject_or_speech,)
