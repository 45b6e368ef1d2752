"""Whether the chosen clip is good to learn from, and which of the people in it to learn.

This module owns the last check: `_last` has its findings, `_collection` its picture. Both are of one part of one clip,
and are shown while that part is chosen, because the people in it are numbered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import bpy
import bpy.utils.previews
import numpy as np
from bpy.props import IntProperty

from ..core import backend_jobs
from ..core.backend_jobs import ClipCheck, Connect
from ..core.messages import message
from ..core.outputs import require_file
from ..core.tasks import InBackground, Task
from ..scene.output.work_folder import work_folder
from . import jobs, preferences
from .audio_tracks import clip_audio_track
from .button import Button
from .found_files import Found
from .layout import draw_wrapped
from .paths import absolute
from .previews import add_picture, pixels_of
from .properties import settings, typed_number

PICTURE_SCALE = 10.0
"""Side of the picture, in rows of the panel: as large as fits into the sidebar."""


class ClipPart(NamedTuple):
    """A part of a clip: its seconds, None for the clip's ends, and the file's time in ns, which tells versions apart.

    The time is 0 where there is no file.
    """

    clip: Path
    from_seconds: float | None
    to_seconds: float | None
    modified: int


@dataclass(frozen=True)
class LastCheck:
    """What was found in a part of a clip, and the name of its picture in the collection."""

    part: ClipPart
    found: ClipCheck
    picture: str


_last: LastCheck | None = None
_collection: bpy.utils.previews.ImagePreviewCollection | None = None


class HEADROOM_OT_check_clip(Button):
    """Tell in seconds whether the clip is good to learn from, and number the people in it"""

    bl_idname, bl_label = "headroom.check_clip", "Check Clip"

    @classmethod
    def disabled_reason(cls, context):
        """Require a clip and a backend; one clip is checked at a time."""
        if not settings(context).clip:
            return message("No clip or photo")
        return preferences.backend_disabled_reason(context) or (
            message("Already checking a clip") if jobs.is_running("check_clip") else "")

    def run(self, context):
        """Start the job."""
        chosen, part = settings(context), chosen_part(context, _modified)
        numbered = _last.found.people if _last is not None and _last.part == part else 0
        sent = {"from_seconds": part.from_seconds, "to_seconds": part.to_seconds,
                "face": chosen.face if chosen.face <= numbered else 0,  # another clip's would be refused
                "audio_track": clip_audio_track(chosen) or None}

        def summary(found: ClipCheck) -> str:
            return message("{seconds:.1f} s of {clip} are usable.", seconds=found.usable_seconds, clip=part.clip.name)

        return jobs.start(jobs.JobSpec("check_clip", message("Check {clip}", clip=part.clip.name),
                                       check(part, sent, preferences.connector(context)), summary))


class HEADROOM_OT_choose_face(Button):
    """Learn the person with this number in the picture"""

    bl_idname, bl_label = "headroom.choose_face", "Choose Face"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}  # noqa: RUF012

    number: IntProperty()  # type: ignore[valid-type]

    def run(self, context):
        """Set the number."""
        settings(context).face = self.number
        return message("Face {number} is learned", number=self.number)


CLASSES = (HEADROOM_OT_check_clip, HEADROOM_OT_choose_face)


def chosen_part(context: bpy.types.Context, modified: Callable[[Path], int]) -> ClipPart:
    """Return the part that is chosen; its file need not exist.

    modified: returns the file's time in ns.
    """
    chosen = settings(context)
    clip = absolute(chosen.clip)
    return ClipPart(clip, typed_number(chosen.from_seconds) or None, typed_number(chosen.to_seconds) or None,
                    modified(clip))


def _modified(clip: Path) -> int:
    """Return the time of a file in ns; 0 where there is none."""
    try:
        return clip.stat().st_mtime_ns
    except OSError:
        return 0


_shown_modified = Found(_modified, unknown=0)


def check(part: ClipPart, sent: Mapping[str, Any], connect: Connect) -> Task:
    """Check a part of a clip and keep what was found for the panel. Returns it."""
    global _last
    require_file(part.clip, "clip")
    with work_folder() as folder:
        found = yield InBackground(lambda token: backend_jobs.check(connect(), part.clip, folder, sent, token))
        _last = LastCheck(part, found, _keep_picture(found.picture))
    return found


def draw_check(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the button, and what was found in the chosen clip: warnings, its picture, and a button for each person."""
    layout.operator(HEADROOM_OT_check_clip.bl_idname, icon="VIEWZOOM")
    last = _shown_check(context)
    if last is None:
        return
    box = layout.box().column(align=True)
    draw_wrapped(box, context, message("{seconds:.1f} s are usable", seconds=last.found.usable_seconds),
                 "INFO" if last.found.notes else "CHECKMARK")
    for note in last.found.notes:
        draw_wrapped(box, context, note, "ERROR")
    if _collection is not None:
        box.template_icon(icon_value=_collection[last.picture].icon_id, scale=PICTURE_SCALE)
    if last.found.people > 1:
        draw_wrapped(box, context, message("Who is learned?"), "COMMUNITY")
        row = box.row(align=True)
        for number in range(1, last.found.people + 1):
            row.operator(HEADROOM_OT_choose_face.bl_idname, text=str(number), translate=False,
                         depress=settings(context).face == number).number = number


def _shown_check(context: bpy.types.Context) -> LastCheck | None:
    """Return the last check for the panel, if it is of the chosen part."""
    if _last is None or not settings(context).clip:
        return None
    return _last if _last.part == chosen_part(context, _shown_modified.shown) else None


def _keep_picture(file: Path) -> str:
    """Put a picture on a square, because icons are squares, into the collection in place of the last; return its name.

    The file may be removed afterwards.
    """
    if _collection is None:
        return ""
    _collection.clear()
    pixels = pixels_of(_collection.load("file", str(file), "IMAGE"))
    height, width = pixels.shape[:2]
    side = max(width, height)
    square = np.zeros((side, side, 4), np.float32)
    left, low = (side - width) // 2, (side - height) // 2
    square[low:low + height, left:left + width] = pixels
    add_picture(_collection, "square", square)
    return "square"


def register() -> None:
    """Make the collection."""
    global _collection
    _collection = bpy.utils.previews.new()


def unregister() -> None:
    """Forget the last check."""
    global _collection, _last
    if _collection is not None:
        bpy.utils.previews.remove(_collection)
    _collection = _last = None
