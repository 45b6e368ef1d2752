"""The base classes of buttons that change the keys of a head."""

from __future__ import annotations

from bpy.props import BoolProperty

from ..core.messages import message
from ..scene.anim.controls import active_take
from .button import Button
from .properties import shown_shot


class SubjectButton(Button):
    """Base class of buttons that change the keys of a head. Not registered."""

    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def disabled_reason(cls, context):
        """Require a head."""
        return message("No subject in the scene") if shown_shot(context) is None else ""


class HeadButton(SubjectButton):
    """Base class of buttons that change the keys of a performed head. Not registered."""

    @classmethod
    def disabled_reason(cls, context):
        """Require a head with a performance."""
        return super().disabled_reason(context) or (
            "" if active_take(shown_shot(context).root) is not None else message("No speech performed yet"))


class PartsButton(HeadButton):
    """Base class of buttons that change parts of a performed face. Blender remembers the parts. Not registered."""

    head: BoolProperty(name="Head", default=True)  # type: ignore[valid-type]
    mouth: BoolProperty(name="Mouth", default=True)  # type: ignore[valid-type]
    upper: BoolProperty(name="Brows and Eyes", default=True)  # type: ignore[valid-type]


class PoseButton(SubjectButton):
    """Base class of buttons that pose a head's face. Not registered."""

    @classmethod
    def disabled_reason(cls, context):
        """Require a head with controls."""
        return super().disabled_reason(context) or (
            "" if len(shown_shot(context).root["headroom_control_keys"])
            else message("This head has no controls. Learn the subject again"))
