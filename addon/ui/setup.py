"""First steps: setting up, verifying and removing the backend, or naming a server."""

from __future__ import annotations

import sys
from collections.abc import Callable

import bpy

from ..core.environment import State
from ..core.tasks import InBackground, ProgressToken, Task
from . import jobs, preferences
from .button import Button
from .layout import wrapped
from .managed_backend import BUSY, PACKAGE, carried_package, environment, sentence, verb

OFFLINE = ("Blender's Online Access is off, and the backend has to be downloaded. Switch on Allow Online Access in the "
           "preferences, under System")
OVERRIDDEN = "Blender was started in offline mode. Start it without --offline-mode to set up the backend"


class HEADROOM_OT_setup_backend(Button):
    """Download the backend into the extension's own folder: 2 GB, or up to 8 GB with an NVIDIA GPU"""

    bl_idname, bl_label = "headroom.setup_backend", "Set Up Backend"

    @classmethod
    def problem(cls, context):
        if not bpy.app.online_access:
            return OVERRIDDEN if bpy.app.online_access_override else OFFLINE
        if not _package(context):
            return "This build of the extension carries no backend. Name a wheel in the preferences"
        return _busy()

    def run(self, context):
        package = _package(context)
        return _start("Set Up Backend", lambda watch: environment().install(package, sys.executable, watch),
                      lambda device: f"The backend is set up. It runs on {device}.")


class HEADROOM_OT_verify_backend(Button):
    """Start the backend that was set up and check everything it needs"""

    bl_idname, bl_label = "headroom.verify_backend", "Verify"

    @classmethod
    def problem(cls, context):
        return "Set up the backend first" if environment().state is State.NOT_INSTALLED else _busy()

    def run(self, context):
        return _start("Verify Backend", environment().verify, lambda device: f"All is well. It runs on {device}.")


class HEADROOM_OT_remove_backend(Button):
    """Delete the backend that was set up. Subjects and shots stay"""

    bl_idname, bl_label = "headroom.remove_backend", "Remove"

    @classmethod
    def problem(cls, context):
        return "There is no backend to remove" if environment().state is State.NOT_INSTALLED else _busy()

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(self, event)

    def run(self, context):
        return _start("Remove Backend", environment().remove, lambda _: "The backend is removed.")


class HEADROOM_OT_use_server(Button):
    """Use a Headroom server that is already running: opens the preferences for its URL and token"""

    bl_idname, bl_label = "headroom.use_server", "Use a Server"

    def run(self, context):
        preferences.preferences(context).where = "SERVER"
        if not bpy.app.background:
            bpy.ops.preferences.addon_show(module=PACKAGE)
        return "Enter the server's URL and token"


CLASSES = (HEADROOM_OT_setup_backend, HEADROOM_OT_verify_backend, HEADROOM_OT_remove_backend, HEADROOM_OT_use_server)


def draw_missing(layout: bpy.types.UILayout, context: bpy.types.Context, problem: str) -> None:
    """What is missing, and the buttons that fix it."""
    wrapped(layout.column(align=True), context, problem, "ERROR")
    if preferences.preferences(context).where == "SERVER":
        layout.operator("preferences.addon_show", text="Open Preferences").module = PACKAGE
        return
    if environment().state in BUSY:
        return
    if not bpy.app.online_access and not bpy.app.online_access_override:
        wrapped(layout.column(align=True), context, "Downloading it needs:")
        layout.prop(context.preferences.system, "use_online_access", text="Allow Online Access")
    column = layout.column()
    column.scale_y = 1.3
    column.operator(HEADROOM_OT_setup_backend.bl_idname, text=verb(), icon="IMPORT")
    layout.operator(HEADROOM_OT_use_server.bl_idname, text="Use a Server Instead", icon="URL")


def draw_preferences(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """The state of the backend that was set up, with what can be done to it."""
    state = environment().state
    wrapped(layout.column(align=True), context, sentence(), "CHECKMARK" if state is State.READY else "INFO")
    row = layout.row()
    row.operator(HEADROOM_OT_setup_backend.bl_idname, text=verb())
    row.operator(HEADROOM_OT_verify_backend.bl_idname)
    row.operator(HEADROOM_OT_remove_backend.bl_idname)


def _start(title: str, work: Callable[[ProgressToken], object], done: Callable[[object], str]) -> str:
    """Run it as a job; a backend that runs from there is ended first."""

    def act(watch: ProgressToken) -> object:
        preferences.connection.stop()
        return work(watch)

    def task() -> Task:
        result = yield InBackground(act)
        return result

    return jobs.start("setup", title, task(), done)


def _busy() -> str:
    if environment().state in BUSY:
        return sentence()
    return "Wait until the running jobs have ended" if any(view.is_running for view in jobs.views()) else ""


def _package(context: bpy.types.Context) -> str:
    return bpy.path.abspath(preferences.preferences(context).package) or carried_package()
