"""The task that performs a conversation: all heads of a scene speak and listen to each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ...core.backend_jobs import Connect
from ...core.errors import InputError
from ...core.outputs import file_name
from ...core.performance import Performance
from ...core.take_settings import OtherSpeaker, TakeSettings
from ...core.tasks import Step, Task, subtask
from ..anim.controls import head_of
from ..anim.strips import use_speech_without_strip
from ..anim.takes import transcript_of
from ..anim.turns import conversation_span, mix_turns, turn_strips, turns_channel
from ..build.shot import Shot, ShotRef, find_shot
from .people import heads_together, middles
from .shot_tasks import add_in_steps, predict_take
from .speech_track import open_blend, speech_folder


@dataclass(frozen=True)
class Conversation:
    """A conversation to perform.

    shot: one of its heads; all heads of the scene whose face is not hidden in renders take part.
    settings: of the takes of the first head, the others have the next seeds; the speech of each is made from its turns.
    blend: the .blend whose name those speeches have; None for the open one.
    folder: for those speeches; None for that of the .blend, otherwise the extension's.
    """

    shot: Shot
    settings: TakeSettings
    blend: Path | None = None
    folder: Path | None = None


def perform_conversation(wanted: Conversation, connect: Connect) -> Task:
    """Predict the motion of all heads from their turns, each listening to the others. Returns notes.

    The strips stay as they are. What each head says becomes a sound file of its own, with silence between the turns.
    """
    shots = heads_together(wanted.shot)
    if len(shots) < 2:
        raise InputError("A conversation needs two heads in the scene. Open another subject.")
    first, end = conversation_span(shots)
    tracks = [_track_file(shot, wanted) for shot in shots]
    places, refs, notes = middles(shots), [shot.ref for shot in shots], []
    for ref, track in zip(refs, tracks):
        for _ in mix_turns(ref, first, end, track):
            yield Step(0.0, "Mixing the turns")
        shot = find_shot(ref)
        head_of(shot.root).channel = turns_channel(shot)
    for number, (ref, track) in enumerate(zip(refs, tracks)):
        others = [OtherSpeaker(other, "right" if place > places[number] else "left")
                  for other, place in zip(tracks, places) if other != track]
        # the same seed would let all of them blink at the same moments
        settings = replace(wanted.settings, speech=track, seed=wanted.settings.seed + number)
        task = _perform_head(ref, settings, others, first, connect)
        notes += yield from subtask(task, number / len(refs), (number + 1) / len(refs))
    return tuple(dict.fromkeys(notes))


def _track_file(shot: Shot, wanted: Conversation) -> Path:
    """Return the file of what a head says."""
    blend = wanted.blend or open_blend()
    folder = wanted.folder or speech_folder(blend, "turns")
    return folder / file_name(f"{'' if blend is None else blend.stem} {shot.root.name} turns.wav")


def _perform_head(ref: ShotRef, settings: TakeSettings, others: list[OtherSpeaker], start_frame: int, connect: Connect
                  ) -> Task:
    """Perform one head of a conversation. Returns notes.

    Where its words are known from a transcript, the lips follow them, and the words move with the turns.
    """
    shot, track = find_shot(ref), settings.speech
    assert track is not None
    if turn_strips(shot):  # in silence no words can be found
        settings = replace(settings, transcript=transcript_of(shot, track))

    def add(performance: Performance) -> Iterator[float]:
        use_speech_without_strip(find_shot(ref), track, start_frame)
        yield from add_in_steps(ref, performance, settings)

    return (yield from predict_take(shot, settings, connect, add, others))
