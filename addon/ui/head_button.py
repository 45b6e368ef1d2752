"""The base class of buttons that change the keys of a performed head."""

from __future__ import annotations

import bpy

from ..core.messages import message
from ..scene.anim.compose import Plan, make_plan
from .button import Button
from .properties import shown_shot


class HeadButton(Button):
    """Base class of buttons that change the keys of a performed head. Not registered."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def disabled_reason(cls, context):
        """Require a head with a performance."""
        shot = shown_shot(context)
        if shot is None:
            return message("No subject in the scene")
        return "" if make_plan(shot) is not None else message("No speech performed yet")


def preview_seconds(scene: bpy.types.Scene, plan: Plan) -> tuple[float, float]:
    """Return first and last second of the speech in the preview range."""
    first, last = ((frame - plan.placement.start) / plan.fps for frame in
                   (scene.frame_preview_start, scene.frame_preview_end))
    return first, last
