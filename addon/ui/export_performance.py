"""The button that writes what the shown head plays to a file for other programs."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ..core.messages import message
from ..core.outputs import file_name, require_output_file
from ..core.performance_files import WRITTEN_SUFFIXES
from ..scene.output.exported_performance import export_performance
from .head_button import HeadButton, PoseButton
from .paths import absolute
from .properties import shown_shot


class HEADROOM_OT_export_performance(HeadButton, PoseButton):
    """Write what the head plays, edits and all, for other programs: as Live Link Face (.csv) or for scripts (.json)"""

    bl_idname, bl_label = "headroom.export_performance", "Export Performance"
    bl_options = {"REGISTER"}  # noqa: RUF012

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: StringProperty(  # type: ignore[valid-type]
        default=";".join(f"*{suffix}" for suffix in WRITTEN_SUFFIXES), options={"HIDDEN"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})  # type: ignore[valid-type]

    def invoke(self, context, event):
        """Ask for the file, beside the .blend unless the user chooses another folder."""
        name = file_name(shown_shot(context).root.name) + WRITTEN_SUFFIXES[0]
        self.filepath = str(Path(bpy.data.filepath).parent / name) if bpy.data.filepath else name
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context):
        """Write the file."""
        path = require_output_file(absolute(self.filepath), *WRITTEN_SUFFIXES)
        track = export_performance(shown_shot(context), path)
        return message("Exported {name}: {seconds} s", name=path.name,
                       seconds=round(len(track.controls) / track.fps, 2))


CLASSES = (HEADROOM_OT_export_performance,)
