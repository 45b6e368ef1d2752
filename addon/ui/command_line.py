"""The panel's settings as a command line, or as a job in a file that `blender --command headroom batch` runs."""

from __future__ import annotations

import shlex
import subprocess
import sys

import bpy
from bpy.props import StringProperty

from ..core.errors import HeadroomError, InputError
from ..core.job_file import JobRequest, append_jobs
from .button import Button
from .operators import HEADROOM_OT_learn, HEADROOM_OT_perform, HEADROOM_OT_render_shot, JobButton
from .paths import absolute

BUTTONS: dict[str, type[JobButton]] = {
    "learn": HEADROOM_OT_learn, "perform": HEADROOM_OT_perform, "render": HEADROOM_OT_render_shot}


class AboutOneKind(Button):
    """A button about the settings for one kind of job."""

    bl_options = {"INTERNAL"}  # noqa: RUF012

    kind: StringProperty()  # type: ignore[valid-type]


class HEADROOM_OT_copy_command(AboutOneKind):
    """Put a command line on the clipboard that does the same without a window"""

    bl_idname, bl_label = "headroom.copy_command", "Copy as Command Line"

    def run(self, context):
        program = [bpy.app.binary_path or "blender", "--command", "headroom"]
        lines = [quoted([*program, *request.arguments()]) for request in requests_of(context, self.kind)]
        context.window_manager.clipboard = "\n".join(lines)
        return "The command line is on the clipboard"


class HEADROOM_OT_add_to_batch(AboutOneKind):
    """Add this job to a job file, which `blender --command headroom batch FILE` runs from top to bottom"""

    bl_idname, bl_label = "headroom.add_to_batch", "Add to Job File…"

    filepath: StringProperty(subtype="FILE_PATH", default="headroom-jobs.json")  # type: ignore[valid-type]
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})  # type: ignore[valid-type]

    def invoke(self, context, event):
        try:
            requests_of(context, self.kind)
        except HeadroomError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context):
        path = absolute(self.filepath)
        path = path if path.suffix.lower() == ".json" else path.with_name(path.name + ".json")
        count = append_jobs(path, requests_of(context, self.kind))
        return f"{path.name} holds {count} job{'s' if count > 1 else ''} now"


class CopyMenu(bpy.types.Menu):
    """Both ways to take a button's settings elsewhere. Not registered itself."""

    bl_label, kind = "Without a Window", ""

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.operator(HEADROOM_OT_copy_command.bl_idname, icon="COPYDOWN").kind = self.kind
        self.layout.operator_context = "INVOKE_DEFAULT"
        self.layout.operator(HEADROOM_OT_add_to_batch.bl_idname, icon="PRESET_NEW").kind = self.kind


class HEADROOM_MT_learn(CopyMenu):
    kind = "learn"


class HEADROOM_MT_perform(CopyMenu):
    kind = "perform"


class HEADROOM_MT_render(CopyMenu):
    kind = "render"


CLASSES = (HEADROOM_OT_copy_command, HEADROOM_OT_add_to_batch, HEADROOM_MT_learn, HEADROOM_MT_perform,
           HEADROOM_MT_render)


def requests_of(context: bpy.types.Context, kind: str) -> list[JobRequest]:
    """What the panel's button would do, as jobs. Raises InputError with what is still missing."""
    if problem := BUTTONS[kind].lacking(context):
        raise InputError(f"{problem}.")
    return BUTTONS[kind].asked(context)


def quoted(words: list[str]) -> str:
    """One line for this system's shell."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
