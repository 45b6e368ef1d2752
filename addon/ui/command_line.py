"""The panel's settings as a command line, or as jobs in a file for `blender --command headroom batch`."""

from __future__ import annotations

import shlex
import subprocess
import sys

import bpy
from bpy.props import StringProperty

from ..core.errors import HeadroomError, InputError
from ..core.job_file import JobRequest, append_jobs
from ..core.messages import message
from .button import Button, JobButton
from .learn import HEADROOM_OT_learn_subject
from .paths import absolute
from .perform import HEADROOM_OT_perform_speech
from .render import HEADROOM_OT_render_shot
from .text import error_text

BUTTONS: dict[str, type[JobButton]] = {
    "learn": HEADROOM_OT_learn_subject, "perform": HEADROOM_OT_perform_speech, "render": HEADROOM_OT_render_shot}


class KindButton(Button):
    """Base class of buttons that take the settings of one kind of job. Not registered."""

    bl_options = {"INTERNAL"}  # noqa: RUF012

    kind: StringProperty()  # type: ignore[valid-type]


class HEADROOM_OT_copy_as_command_line(KindButton):
    """Copy a command line that does the same without a window"""

    bl_idname, bl_label = "headroom.copy_as_command_line", "Copy as Command Line"

    def run(self, context):
        """Put one line for each job on the clipboard."""
        program = [bpy.app.binary_path or "blender", "--command", "headroom"]
        lines = [shell_line([*program, *request.arguments()]) for request in requests_of(context, self.kind)]
        context.window_manager.clipboard = "\n".join(lines)
        return message("Copied the command line")


class HEADROOM_OT_add_to_job_file(KindButton):
    """Add this job to a job file, which `blender --command headroom batch FILE` runs"""

    bl_idname, bl_label = "headroom.add_to_job_file", "Add to Job File"

    filepath: StringProperty(subtype="FILE_PATH", default="headroom-jobs.json")  # type: ignore[valid-type]
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})  # type: ignore[valid-type]

    def invoke(self, context, event):
        """Open the file browser, unless a setting is missing."""
        try:
            requests_of(context, self.kind)
        except HeadroomError as error:
            self.report({"ERROR"}, error_text(error))
            return {"CANCELLED"}
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context):
        """Append the jobs; .json is appended to the file's name where it is missing."""
        path = absolute(self.filepath)
        path = path if path.suffix.lower() == ".json" else path.with_name(path.name + ".json")
        count = append_jobs(path, requests_of(context, self.kind))
        return message("Jobs in {file}: {count}", file=path.name, count=count)


class CommandLineMenu(bpy.types.Menu):
    """Base class of the menus beside the buttons. Not registered."""

    bl_label, kind = "Command Line", ""

    def draw(self, context: bpy.types.Context) -> None:
        """Draw both buttons for `kind`."""
        self.layout.operator(HEADROOM_OT_copy_as_command_line.bl_idname, icon="COPYDOWN").kind = self.kind
        self.layout.operator_context = "INVOKE_DEFAULT"
        self.layout.operator(HEADROOM_OT_add_to_job_file.bl_idname, text="Add to Job File...",
                             icon="PRESET_NEW").kind = self.kind


class HEADROOM_MT_learn(CommandLineMenu):
    """Menu beside Learn Subject."""

    kind = "learn"


class HEADROOM_MT_perform(CommandLineMenu):
    """Menu beside Perform Speech."""

    kind = "perform"


class HEADROOM_MT_render(CommandLineMenu):
    """Menu beside Render Shot."""

    kind = "render"


CLASSES = (HEADROOM_OT_copy_as_command_line, HEADROOM_OT_add_to_job_file, HEADROOM_MT_learn, HEADROOM_MT_perform,
           HEADROOM_MT_render)


def requests_of(context: bpy.types.Context, kind: str) -> list[JobRequest]:
    """Return the work of the panel's button as jobs. Raises InputError for a missing setting."""
    if reason := BUTTONS[kind].missing_setting(context):
        raise InputError(message("{reason}.", reason=reason))
    return BUTTONS[kind].requests(context)


def shell_line(words: list[str]) -> str:
    """Return `words` quoted as one line for this system's shell."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
