"""What all buttons have in common: a disabled one says why, and what goes wrong is one sentence."""

from typing import Any

import bpy

from ..core.errors import HeadroomError


class Button(bpy.types.Operator):
    """`problem` says why it cannot be pressed, `run` does it. Not registered itself."""

    bl_options = {"REGISTER"}  # noqa: RUF012  jobs.py pushes the one undo step when the work is done

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = cls.problem(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    @classmethod
    def problem(cls, context: bpy.types.Context) -> str:
        """Why the button cannot be pressed now; empty when it can."""
        return ""

    def execute(self, context: bpy.types.Context) -> set[Any]:
        try:
            self.report({"INFO"}, self.run(context))
        except HeadroomError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def run(self, context: bpy.types.Context) -> str:
        """Do it and return one line for the status bar."""
        return ""
