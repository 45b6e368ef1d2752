"""The panel's settings as a command line, or as a job in a file that `blender --command headroom batch` runs."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from ..core.errors import HeadroomError, InputError
from ..core.jobfile import JobRequest, append_job, make_request
from .button import Button
from .paths import absolute, clip_part, new_subject_folder
from .properties import settings, shown_shot
from .speech import chosen_speech, lacking


class AboutOneKind(Button):
    """A button about the settings for one kind of job."""

    bl_options = {"INTERNAL"}  # noqa: RUF012

    kind: StringProperty()  # type: ignore[valid-type]

    def request(self, context: bpy.types.Context) -> JobRequest:
        return request_of(context, self.kind)


class HEADROOM_OT_copy_command(AboutOneKind):
    """Put a command line on the clipboard that does the same without a window"""

    bl_idname, bl_label = "headroom.copy_command", "Copy as Command Line"

    def run(self, context):
        words = [bpy.app.binary_path or "blender", "--command", "headroom", *self.request(context).arguments()]
        context.window_manager.clipboard = quoted(words)
        return "The command line is on the clipboard"


class HEADROOM_OT_add_to_batch(AboutOneKind):
    """Add this job to a job file, which `blender --command headroom batch FILE` runs from top to bottom"""

    bl_idname, bl_label = "headroom.add_to_batch", "Add to Job File…"

    filepath: StringProperty(subtype="FILE_PATH", default="headroom-jobs.json")  # type: ignore[valid-type]
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})  # type: ignore[valid-type]

    def invoke(self, context, event):
        try:
            self.request(context)
        except HeadroomError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context):
        path = absolute(self.filepath)
        path = path if path.suffix.lower() == ".json" else path.with_name(path.name + ".json")
        count = append_job(path, self.request(context))
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


def request_of(context: bpy.types.Context, kind: str) -> JobRequest:
    """What the panel's button would do, as a job. Raises InputError with what is still missing."""
    return make_request(kind, _GIVEN[kind](context), Path.cwd())


def quoted(words: list[str]) -> str:
    """One line for this system's shell."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def _learn(context: bpy.types.Context) -> dict[str, Any]:
    chosen = settings(context)
    if not chosen.clip:
        raise InputError("Choose a clip or a photo first.")
    start, end = clip_part(chosen)
    return {"clip": absolute(chosen.clip), "output": new_subject_folder(context), "name": chosen.name.strip(),
            "consent": chosen.consent, "preset": chosen.preset, "albedo": chosen.albedo,
            "resolution": int(chosen.resolution), "from_seconds": plain(start), "to_seconds": plain(end)}


def _perform(context: bpy.types.Context) -> dict[str, Any]:
    shot, problem = shown_shot(context), lacking(context)
    if shot is None:
        raise InputError("Open a subject first.")
    if problem:
        raise InputError(f"{problem}.")
    speech, chosen = chosen_speech(context).path, settings(context)
    return {"subject": shot.subject.folder, "speech": speech, "seed": chosen.seed, "pose": chosen.pose,
            "output": speech.with_name(f"{speech.stem} performance.npz")}


def _render(context: bpy.types.Context) -> dict[str, Any]:
    chosen = settings(context)
    dirty = bpy.data.is_dirty and not bpy.app.background  # without a window Blender always says so
    if not bpy.data.filepath or dirty:
        raise InputError("Save the file first: the command renders it as it is saved.")
    if not chosen.output:
        raise InputError("Choose a movie file to write first.")
    return {"file": bpy.data.filepath, "scene": context.scene.name, "output": absolute(chosen.output),
            "plate_fit": plain(chosen.plate_fit)}


def plain(value: float) -> float:
    """A field's number as it was typed; Blender keeps it in single precision, 0.35 as 0.3499999940395355."""
    return round(value, 4)


_GIVEN: dict[str, Callable[[bpy.types.Context], dict[str, Any]]] = {
    "learn": _learn, "perform": _perform, "render": _render}
