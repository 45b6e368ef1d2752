"""The task that finds the words of a transcript in a head's speech."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from ...core import backend_jobs
from ...core.backend_jobs import Connect
from ...core.errors import InputError
from ...core.outputs import require_file
from ...core.phones import text_of_phones
from ...core.tasks import InBackground, Task
from ..anim.controls import active_take, head_of
from ..anim.takes import set_words
from ..anim.word_strips import add_word_strips
from ..build.shot import Shot, find_shot
from .work_folder import work_folder


@dataclass(frozen=True)
class AlignedWords:
    """How many words were found, and what the user should know."""

    count: int
    notes: tuple[str, ...]


def align_words(shot: Shot, transcript: str, connect: Connect) -> Task:
    """Find the words of the active take's speech, and show them as strips. Returns AlignedWords.

    All takes of the speech get the words, and the phones of their pronunciations.
    """
    ref, take = shot.ref, active_take(shot.root)
    if take is None or not take.speech:
        raise InputError("This take has no speech in which words could be found. Perform a speech.")
    speech, stored = Path(bpy.path.abspath(take.speech)), take.speech
    require_file(speech, "speech")
    with work_folder() as folder:
        words, phones, notes = yield InBackground(
            lambda token: backend_jobs.align_words(connect(), speech, transcript, folder, token))
    found = find_shot(ref)
    for each in head_of(found.root).takes:
        if each.speech == stored:
            set_words(each, words)
            each.phones = text_of_phones(phones)
    head_of(found.root).active_word = 0
    add_word_strips(found)
    return AlignedWords(len(words), tuple(notes))
