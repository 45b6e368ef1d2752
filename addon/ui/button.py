"""Base classes of the add-on's operators: a disabled button shows why, and an error is one line in the status bar."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.errors import HeadroomError
from ..core.job_file import JobRequest
from .text import error_text, report_text, tooltip_text


class Button(bpy.types.Operator):
    """Base class: `disabled_reason` returns why the button is disabled, `run` does the work. Not registered."""

    bl_options = {"REGISTER"}  # noqa: RUF012  jobs.py pushes the only undo step when a job has finished

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Enable the button unless there is a reason against it."""
        reason = cls.disabled_reason(context)
        if reason:
            cls.poll_message_set(tooltip_text(reason))
        return not reason

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        """Return why the button is disabled; empty when it is enabled."""
        return ""

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """Run the button and report its result or error."""
        try:
            self.report({"INFO"}, report_text(self.run(context)))
        except HeadroomError as error:
            self.report({"ERROR"}, error_text(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def run(self, context: bpy.types.Context) -> str:
        """Do the work and return one line for the status bar."""
        return ""


class JobButton(Button):
    """Base class of buttons whose work the command line can do as well. Not registered."""

    @classmethod
    def missing_setting(cls, context: bpy.types.Context) -> str:
        """Return which of the panel's settings is still missing or wrong; empty when the job can be described."""
        raise NotImplementedError

    @classmethod
    def requests(cls, context: bpy.types.Context) -> list[JobRequest]:
        """Return the button's work as jobs of the command line; call it when no setting is missing."""
        raise NotImplementedError
