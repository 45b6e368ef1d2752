"""The panel of a conversation: the channel of each head, and the button that performs all of them."""

from __future__ import annotations

import bpy

from ..core.messages import message
from ..core.take_settings import TakeSettings
from ..scene import compat
from ..scene.anim.controls import head_of
from ..scene.anim.turns import turns_channel
from ..scene.build.shot import shots_in
from ..scene.output.conversation import Conversation, perform_conversation
from ..scene.output.people import heads_together
from . import jobs, preferences
from .button import Button
from .layout import SidebarPanel, split_layout
from .perform import perform_disabled_reason
from .properties import settings, shown_shot
from .text import report_text


class HEADROOM_OT_perform_conversation(Button):
    """Predict the motion of all heads from the sound strips in their channels. A head that is silent listens"""

    bl_idname, bl_label = "headroom.perform_conversation", "Perform Conversation"

    @classmethod
    def disabled_reason(cls, context):
        """Require two heads that are not hidden, turns and a backend."""
        shot = shown_shot(context)
        heads = heads_together(shot) if shot is not None else []
        if len(heads) < 2:
            return message("A conversation needs two heads that are shown in renders")
        if not any(map(turns_channel, heads)):
            return message("No head has a channel with sound strips")
        return perform_disabled_reason(context)

    def run(self, context):
        """Start the job."""
        compat.show_in_sequencer(context, context.scene)
        chosen, shot = settings(context), shown_shot(context)
        names = ", ".join(each.root.name for each in heads_together(shot))
        wanted = Conversation(shot, TakeSettings(None, chosen.seed, chosen.pose))
        task = perform_conversation(wanted, preferences.connector(context))

        def summary(notes: tuple[str, ...]) -> str:
            return " ".join(map(report_text, (message("Performed the conversation of {heads}.", heads=names), *notes)))

        return jobs.start(jobs.JobSpec("perform", message("Perform the conversation of {heads}", heads=names), task,
                                       summary))


class HEADROOM_PT_conversation(SidebarPanel):
    """Which channel of the sequencer each head speaks."""

    bl_label, bl_parent_id = "Conversation", "HEADROOM_PT_main"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the panel in a scene with several heads."""
        return len(shots_in(context.scene)) > 1

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the channels and the button."""
        layout = split_layout(self)
        column = layout.column(align=True)
        column.label(text="Sequencer Channels")
        for shot in shots_in(context.scene):
            head = head_of(shot.root)
            own = 0 if head.channel else turns_channel(shot)
            text = message("{shot}, channel {channel}", shot=shot.root.name, channel=own) if own else shot.root.name
            column.prop(head, "channel", text=text, translate=False)
        layout.operator(HEADROOM_OT_perform_conversation.bl_idname)


CLASSES = (HEADROOM_OT_perform_conversation, HEADROOM_PT_conversation)
