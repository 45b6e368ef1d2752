"""First steps: setting up, verifying and removing the backend, checking it, or using a server."""

from __future__ import annotations

import sys
from collections.abc import Callable

import bpy

from ..core import backend_jobs
from ..core.environment import State
from ..core.messages import message
from ..core.tasks import InBackground, ProgressToken, Task
from . import jobs, preferences
from .button import Button
from .layout import draw_wrapped
from .managed_backend import BUSY, PACKAGE, bundled_package, environment, find_state, state, state_text
from .text import interface_text

SETUP_SCALE = 1.3
"""Height of the first panel's button, relative to the usual one."""
OFFLINE = message("Online access is off. Enable Allow Online Access in the preferences, under System")
OVERRIDDEN = message("Blender was started with --offline-mode. Restart it without this option to set up the backend")


class HEADROOM_OT_set_up_backend(Button):
    """Download the backend into the extension's folder: 2 GB, or up to 8 GB with an NVIDIA GPU"""

    bl_idname, bl_label = "headroom.set_up_backend", "Set Up Backend"

    @classmethod
    def disabled_reason(cls, context):
        """Require online access and a package to install."""
        if not bpy.app.online_access:
            return OVERRIDDEN if bpy.app.online_access_override else OFFLINE
        if not _package(context):
            return message("This build does not include the backend. Set Backend Package in the preferences")
        return _busy_reason()

    def run(self, context):
        """Start the installation."""
        package = _package(context)
        return _start(message("Set Up Backend"), lambda token: environment().install(package, sys.executable, token),
                      lambda device: message("The backend is set up. It runs on {device}.", device=device))


class HEADROOM_OT_verify_backend(Button):
    """Start the backend that was set up and check everything it needs"""

    bl_idname, bl_label = "headroom.verify_backend", "Verify Backend"

    @classmethod
    def disabled_reason(cls, context):
        """Require a backend that was set up."""
        return _not_set_up_reason() or _busy_reason()

    def run(self, context):
        """Start the verification."""
        return _start(message("Verify Backend"), environment().verify,
                      lambda device: message("The backend works. It runs on {device}.", device=device))


class HEADROOM_OT_remove_backend(Button):
    """Delete the backend that was set up. Subjects and shots are not deleted"""

    bl_idname, bl_label = "headroom.remove_backend", "Remove Backend"

    @classmethod
    def disabled_reason(cls, context):
        """Require a backend that was set up."""
        return _not_set_up_reason() or _busy_reason()

    def invoke(self, context, event):
        """Ask for confirmation first."""
        return context.window_manager.invoke_confirm(self, event)

    def run(self, context):
        """Start the removal."""
        return _start(message("Remove Backend"), environment().remove, lambda _: message("The backend was removed."))


class HEADROOM_OT_check_backend(Button):
    """Start the backend if it does not run and show the device it uses"""

    bl_idname, bl_label = "headroom.check_backend", "Check Backend"

    @classmethod
    def disabled_reason(cls, context):
        """Require a backend."""
        return preferences.backend_disabled_reason(context) or (
            message("Already checking the backend") if jobs.is_running("check") else "")

    def run(self, context):
        """Start the check."""
        connect = preferences.connector(context)

        def task() -> Task:
            device = yield InBackground(lambda token: backend_jobs.device(connect(), token))
            return device

        return jobs.start(jobs.JobSpec(
            "check", message("Check Backend"), task(),
            summary=lambda device: message("The backend is ready. It runs on {device}.", device=device)))


class HEADROOM_OT_use_server(Button):
    """Use a Headroom server that is already running. Opens the preferences for its URL and token"""

    bl_idname, bl_label = "headroom.use_server", "Use Server"

    def run(self, context):
        """Switch the preferences to a server and open them."""
        preferences.preferences(context).where = "SERVER"
        if not bpy.app.background:
            bpy.ops.preferences.addon_show(module=PACKAGE)
        return message("Enter the server's URL and token")


CLASSES = (HEADROOM_OT_set_up_backend, HEADROOM_OT_verify_backend, HEADROOM_OT_remove_backend,
           HEADROOM_OT_check_backend, HEADROOM_OT_use_server)


def setup_label() -> str:
    """Return what the setup button does in the backend's present state."""
    match state():
        case State.NOT_INSTALLED:
            return message("Set Up Backend")
        case State.INCOMPLETE:
            return message("Resume Setup")
        case State.OUTDATED:
            return message("Update Backend")
        case _:
            return message("Repair Backend")


def draw_setup(layout: bpy.types.UILayout, context: bpy.types.Context, reason: str) -> None:
    """Draw why the backend cannot be used, and the buttons that help."""
    draw_wrapped(layout.column(align=True), context, reason, "ERROR")
    if preferences.preferences(context).where == "SERVER":
        layout.operator("preferences.addon_show", text="Open Preferences").module = PACKAGE
        return
    if state() in BUSY:
        return
    if not bpy.app.online_access and not bpy.app.online_access_override:
        draw_wrapped(layout.column(align=True), context, message("The download needs online access:"))
        layout.prop(context.preferences.system, "use_online_access", text="Allow Online Access")
    column = layout.column()
    column.scale_y = SETUP_SCALE
    column.operator(HEADROOM_OT_set_up_backend.bl_idname, text=interface_text(setup_label()), icon="IMPORT")
    layout.operator(HEADROOM_OT_use_server.bl_idname, icon="URL")


def draw_preferences(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the state of the backend and the buttons that change it."""
    draw_wrapped(layout.column(align=True), context, state_text(), "CHECKMARK" if state() is State.READY else "INFO")
    row = layout.row()
    row.operator(HEADROOM_OT_set_up_backend.bl_idname, text=interface_text(setup_label()))
    row.operator(HEADROOM_OT_verify_backend.bl_idname, text="Verify")
    row.operator(HEADROOM_OT_remove_backend.bl_idname, text="Remove")


def _start(title: str, work: Callable[[ProgressToken], object], summary: Callable[[object], str]) -> str:
    """Start `work` as a job; a backend that runs from the environment is stopped first."""

    def stop_and_work(token: ProgressToken) -> object:
        preferences.connection.stop()
        return work(token)

    def task() -> Task:
        try:
            result = yield InBackground(stop_and_work)
            return result
        finally:
            find_state()

    return jobs.start(jobs.JobSpec("setup", title, task(), summary))


def _not_set_up_reason() -> str:
    return message("The backend is not set up") if state() is State.NOT_INSTALLED else ""


def _busy_reason() -> str:
    """Return why the environment must not be changed now; empty when it may."""
    if state() in BUSY:
        return state_text()
    return message("Jobs are running") if any(view.is_running for view in jobs.views()) else ""


def _package(context: bpy.types.Context) -> str:
    return bpy.path.abspath(preferences.preferences(context).package) or bundled_package()
