"""The backend jobs of a shot in chunks, from files to files. They touch no bpy, so any thread may call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .backend_jobs import Backend, run_job
from .messages import message
from .movie_jobs import (
    MovieFile,
    PersonInMovie,
    movie_settings,
    run_movie_job,
    shots_inputs,
    sound_inputs,
    with_others,
)
from .tasks import ProgressToken


def refine_chunk(backend: Backend, people: Sequence[PersonInMovie], settings: Mapping[str, Any], path: Path,
                 token: ProgressToken) -> list[str]:
    """Store the finished frames of a part of a shot in a file, for `join_chunks`; return notes.

    people: who is in its frames; the first gives their size.
    settings: `first` and `context` as in `refine_frames`, and the `layer`.
    """
    inputs = with_others(shots_inputs(backend, people, token.subtoken(0.0, 0.1)), people)
    sent = {**settings, **people[0].shot.subject.settings}
    result = run_job(backend, "refine_chunk", inputs, sent, token.subtoken(0.1, 0.98))
    token.report(0.98, "Fetching the chunk")
    backend.get_file(result["chunk"], path)
    return list(result.get("notes", ()))


@dataclass(frozen=True)
class ShotChunks:
    """The files of all chunks of a shot in their order, and the number of their frames."""

    files: Sequence[Path]
    frames: int


def join_chunks(backend: Backend, shot: ShotChunks, people: Sequence[PersonInMovie], movie: MovieFile,
                token: ProgressToken) -> tuple[int, list[str]]:
    """Make the finished movie from the chunks of a shot; return the number of frames and notes.

    people: who is in its frames; their renders are not sent.
    """
    sent, total = [], len(shot.files)
    for number, chunk in enumerate(shot.files):
        token.report(0.1 * number / total, message("Sending chunk {number} of {total}", number=number + 1, total=total))
        sent.append(backend.put_file(chunk))
    speakers = [{"subject": backend.put_tree(each.shot.subject.folder), **sound_inputs(backend, each.sound)}
                for each in people]
    inputs = {**with_others(speakers, people), "chunks": sent}
    settings = {"frames": shot.frames, **movie_settings(people[0].shot.subject, people[0].sound, movie)}
    return run_movie_job(backend, "join_chunks", inputs, settings, movie, token.subtoken(0.1, 1.0))
