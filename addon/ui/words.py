"""The words of the speech: found from a transcript, listed, snapped to, retimed, emphasised and held."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty

from ..core.messages import message
from ..scene import compat
from ..scene.anim import controls
from ..scene.anim.controls import active_take, head_of
from ..scene.anim.takes import set_transcript, words_of
from ..scene.anim.user_keys import selected_keys
from ..scene.anim.word_strips import add_word_strips, follow_word_strips, has_word_strips, remove_word_strips
from ..scene.anim.words import active_word, reset_retiming, retime_word, snap_keys, word_edges
from ..scene.build.shot import Shot, all_shots
from ..scene.output.word_tasks import align_words
from . import follow, jobs, preferences
from .head_button import HeadButton
from .layout import SidebarPanel, draw_wrapped, split_layout
from .properties import shown_shot
from .span_edits import HEADROOM_OT_emphasise, HEADROOM_OT_hold
from .text import interface_text, report_text


class TranscriptButton(HeadButton):
    """Base class of buttons that find words in the speech. Not registered."""

    bl_options = {"REGISTER"}  # noqa: RUF012  jobs.py pushes the only undo step

    @classmethod
    def disabled_reason(cls, context):
        """Require a performed speech and a backend."""
        return (super().disabled_reason(context) or preferences.backend_disabled_reason(context)
                or (message("Already finding words") if jobs.is_running("align_words") else ""))


class HEADROOM_OT_paste_transcript(TranscriptButton):
    """Paste what is said from the clipboard, and find its words in the speech"""

    bl_idname, bl_label = "headroom.paste_transcript", "Paste Transcript"

    def run(self, context):
        """Store the text, and start the job."""
        shot, text = shown_shot(context), context.window_manager.clipboard
        if not text.strip():
            return message("The clipboard has no text. Copy what is said")
        set_transcript(shot, text)
        return align(context, shot)


class HEADROOM_OT_find_words(TranscriptButton):
    """Find the words of the transcript in the speech"""

    bl_idname, bl_label = "headroom.find_words", "Find Words"

    @classmethod
    def disabled_reason(cls, context):
        """Require a transcript."""
        return super().disabled_reason(context) or (
            "" if head_of(shown_shot(context).root).transcript is not None else message("No transcript"))

    def run(self, context):
        """Start the job."""
        return align(context, shown_shot(context))


class WordButton(HeadButton):
    """Base class of buttons that need words. Not registered."""

    @classmethod
    def disabled_reason(cls, context):
        """Require words."""
        if reason := super().disabled_reason(context):
            return reason
        take = active_take(shown_shot(context).root)
        return "" if take is not None and take.words else message("No words. Paste a transcript")


class HEADROOM_OT_snap_frame_to_word(WordButton):
    """Move the current frame to the nearest, the previous or the next edge of a word"""

    bl_idname, bl_label = "headroom.snap_frame_to_word", "Snap Frame to Word"

    direction: EnumProperty(  # type: ignore[valid-type]
        name="Edge", default="NEAREST", options={"SKIP_SAVE"},
        items=[("NEAREST", "Nearest", "The nearest edge"), ("PREVIOUS", "Previous", "The edge before the frame"),
               ("NEXT", "Next", "The edge after the frame")])

    def run(self, context):
        """Move the frame."""
        scene, edges = context.scene, word_edges(shown_shot(context))
        candidates = {"NEAREST": edges, "PREVIOUS": [each for each in edges if each < scene.frame_current],
                      "NEXT": [each for each in edges if each > scene.frame_current]}[self.direction]
        if not candidates:
            return message("No edge of a word on this side")
        scene.frame_set(min(candidates, key=lambda edge: abs(edge - scene.frame_current)))
        return message("Frame {frame}", frame=scene.frame_current)


class HEADROOM_OT_snap_keys_to_word(WordButton):
    """Move the selected keys together until the one nearest to a word's edge lies on it. They become user keys"""

    bl_idname, bl_label = "headroom.snap_keys_to_word", "Snap Keys to Word"

    @classmethod
    def disabled_reason(cls, context):
        """Require selected keys."""
        return super().disabled_reason(context) or (
            "" if selected_keys(shown_shot(context)) else message("No keys selected"))

    def run(self, context):
        """Move the keys."""
        count = snap_keys(shown_shot(context))
        follow.request_scan()
        return message("Snapped keys: {count}", count=count)


class HEADROOM_OT_retime_word(WordButton):
    """Play the active word at other frames. Its motion and user keys stretch; the falloff blends what is around"""

    bl_idname, bl_label = "headroom.retime_word", "Retime Word"

    first_shift: IntProperty(  # type: ignore[valid-type]
        name="Start", options={"SKIP_SAVE"}, description="Frames by which the word's first frame moves")
    end_shift: IntProperty(  # type: ignore[valid-type]
        name="End", options={"SKIP_SAVE"}, description="Frames by which the word's end moves")

    def run(self, context):
        """Retime the word."""
        shot = shown_shot(context)
        word = active_word(shot)
        word = retime_word(shot, word.number, word.first + self.first_shift, word.end + self.end_shift)
        words_changed(shot)
        return message("{word}: {first} to {last}", word=word.text, first=word.first, last=word.end)


class HEADROOM_OT_reset_retiming(WordButton):
    """Play the word when it is spoken. Your keys in it move back along"""

    bl_idname, bl_label = "headroom.reset_retiming", "Reset Retiming"

    every_word: BoolProperty(  # type: ignore[valid-type]
        name="All Words", options={"SKIP_SAVE"}, description="Reset all words in place of the active one")

    def run(self, context):
        """Reset one word, or all."""
        shot = shown_shot(context)
        word = words_of(active_take(shot.root))[active_word(shot).number]
        count = reset_retiming(shot, None if self.every_word else word)
        words_changed(shot)
        return message("Reset words: {count}", count=count)


class HEADROOM_OT_preview_word(WordButton):
    """Set the preview range to the active word, to loop it"""

    bl_idname, bl_label = "headroom.preview_word", "Preview Word"

    def run(self, context):
        """Set the range."""
        scene, word = context.scene, active_word(shown_shot(context))
        scene.use_preview_range = True
        scene.frame_preview_start, scene.frame_preview_end = word.first, word.end
        return message("Preview range {first} to {last}", first=word.first, last=word.end)


class HEADROOM_OT_add_word_strips(WordButton):
    """Show each word as a muted strip in the sequencer. Drag a strip, or an edge of it, to retime the word"""

    bl_idname, bl_label = "headroom.add_word_strips", "Add Word Strips"

    def run(self, context):
        """Add the strips."""
        compat.show_in_sequencer(context, context.scene)
        return message("Added word strips: {count}", count=add_word_strips(shown_shot(context)))


class HEADROOM_OT_remove_word_strips(WordButton):
    """Remove the words' strips; words that are retimed stay so"""

    bl_idname, bl_label = "headroom.remove_word_strips", "Remove Word Strips"

    @classmethod
    def disabled_reason(cls, context):
        """Require strips."""
        return super().disabled_reason(context) or (
            "" if has_word_strips(shown_shot(context)) else message("No word strips"))

    def run(self, context):
        """Remove the strips."""
        return message("Removed word strips: {count}", count=remove_word_strips(shown_shot(context)))


class HEADROOM_UL_words(bpy.types.UIList):
    """One line for each word; the icon shows whether it is retimed."""

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index, *_):  # noqa: PLR0913
        """Draw one word; Blender calls this with all of these."""
        retime = controls.find_retime(active_data, item.first_seconds)
        layout.label(text=item.name, translate=False, icon="BLANK1" if retime is None else "MOD_TIME")


class HEADROOM_PT_words(SidebarPanel):
    """The words of the active take's speech."""

    bl_label, bl_parent_id, bl_order, bl_options = "Words", "HEADROOM_PT_main", 1, {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Show the panel for a performed head."""
        shot = shown_shot(context)
        return shot is not None and active_take(shot.root) is not None

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the transcript, the list, and the buttons for the active word."""
        layout, shot = split_layout(self), shown_shot(context)
        head, take = head_of(shot.root), active_take(shot.root)
        layout.operator(HEADROOM_OT_paste_transcript.bl_idname, icon="PASTEDOWN")
        row = layout.row(align=True)
        row.prop(head, "transcript", text="")
        row.operator(HEADROOM_OT_find_words.bl_idname, text="", icon="FILE_REFRESH")
        if not take.words:
            draw_wrapped(layout.column(align=True), context, message("Copy what is said, and paste it"), "INFO")
            return
        layout.template_list("HEADROOM_UL_words", "", take, "words", head, "active_word", rows=4)
        draw_word(layout, shot)
        row = layout.row(align=True)
        row.operator(HEADROOM_OT_snap_keys_to_word.bl_idname, text="Snap Keys", icon="SNAP_ON")
        row.operator(HEADROOM_OT_snap_frame_to_word.bl_idname, text="Snap Frame")
        for direction, icon in (("PREVIOUS", "TRIA_LEFT"), ("NEXT", "TRIA_RIGHT")):
            row.operator(HEADROOM_OT_snap_frame_to_word.bl_idname, text="", icon=icon).direction = direction
        row = layout.row(align=True)
        row.operator(HEADROOM_OT_add_word_strips.bl_idname, icon="SEQ_STRIP_META")
        row.operator(HEADROOM_OT_remove_word_strips.bl_idname, text="", icon="X")


CLASSES = (HEADROOM_OT_paste_transcript, HEADROOM_OT_find_words, HEADROOM_OT_snap_frame_to_word,
           HEADROOM_OT_snap_keys_to_word, HEADROOM_OT_retime_word, HEADROOM_OT_reset_retiming,
           HEADROOM_OT_preview_word, HEADROOM_OT_add_word_strips, HEADROOM_OT_remove_word_strips, HEADROOM_UL_words,
           HEADROOM_PT_words)


def draw_word(layout: bpy.types.UILayout, shot: Shot) -> None:
    """Draw where the active word is, with buttons that move its edges, and what can be done to it."""
    word = active_word(shot)
    column = layout.column(align=True)
    for name, frame, shift in (("Start", word.first, "first_shift"), ("End", word.end, "end_shift")):
        row = column.row(align=True)
        row.label(text=interface_text(message("{edge} {frame}", edge=interface_text(name), frame=frame)),
                  translate=False)
        for frames, icon in ((-1, "TRIA_LEFT"), (1, "TRIA_RIGHT")):
            button = row.operator(HEADROOM_OT_retime_word.bl_idname, text="", icon=icon)
            setattr(button, shift, frames)
        if shift == "first_shift":
            row.operator(HEADROOM_OT_preview_word.bl_idname, text="", icon="PREVIEW_RANGE")
        else:
            row.operator(HEADROOM_OT_reset_retiming.bl_idname, text="", icon="LOOP_BACK")
    row = layout.row(align=True)
    for kind in (HEADROOM_OT_emphasise, HEADROOM_OT_hold):
        row.operator(kind.bl_idname).of_word = True


def align(context: bpy.types.Context, shot: Shot) -> str:
    """Start the job that finds the words of the head's transcript."""
    compat.show_in_sequencer(context, context.scene)
    text = head_of(shot.root).transcript.as_string()

    def summary(result) -> str:
        return " ".join(map(report_text, (message("Found words: {count}.", count=result.count), *result.notes)))

    return jobs.start(jobs.JobSpec("align_words", message("Find Words"),
                                   align_words(shot, text, preferences.connector(context)), summary))


def words_changed(shot: Shot) -> None:
    """Place the strips of retimed words, and leave the keys to the timer, because user keys were looked for already."""
    follow_word_strips(shot)
    follow.controls_changed(shot.root, budget_seconds=0.0)


def go_to_active_word(root: bpy.types.Object) -> None:
    """Move the scenes of a head to its active word."""
    for shot in all_shots():
        if shot.root == root and (word := active_word(shot)) is not None:
            shot.scene.frame_set(word.first)


def register() -> None:
    """Let a click on a word go there."""
    controls.on_word = go_to_active_word


def unregister() -> None:
    """Undo `register`."""
    controls.on_word = controls.ignore
