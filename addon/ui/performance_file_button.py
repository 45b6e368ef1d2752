"""The base class of buttons that read a performance from a file."""

from __future__ import annotations

from bpy.props import BoolProperty, StringProperty

from ..core.performance_files import SUFFIXES
from .button import Button


class PerformanceFileButton(Button):
    """Base class of buttons that read a performance from a file, and can mirror it. Not registered."""

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: StringProperty(  # type: ignore[valid-type]
        default=";".join(f"*{suffix}" for suffix in SUFFIXES), options={"HIDDEN"})
    mirror: BoolProperty(  # type: ignore[valid-type]
        name="Mirror", options={"SKIP_SAVE"},
        description="Swap the left and the right side of the face, and turn and tilt the head to the other side")

    def invoke(self, context, event):
        """Ask for the file; the options are beside the files."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}
