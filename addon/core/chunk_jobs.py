"""The backend jobs of a shot in chunks, from files to files. They touch no bpy, so any thread may call them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .backend_jobs import Backend, SubjectUse, run_job
from .messages import message
from .movie_jobs import MatchedRenders, MovieFile, Sound, movie_settings, run_movie_job, shot_inputs, sound_inputs
from .tasks import ProgressToken


def refine_chunk(backend: Backend, shot: MatchedRenders, settings: Mapping[str, Any], path: Path, token: ProgressToken
                 ) -> None:
    """Store the finished frames of a part of a shot in a file, for `join_chunks`.

    settings: `first` and `context` as in `refine_frames`, and the `layer`.
    """
    inputs = shot_inputs(backend, shot, token.subtoken(0.0, 0.1))
    result = run_job(backend, "refine_chunk", inputs, {**settings, **shot.subject.settings}, token.subtoken(0.1, 0.98))
    token.report(0.98, "Fetching the chunk")
    backend.get_file(result["chunk"], path)


@dataclass(frozen=True)
class ShotChunks:
    """The files of all chunks of a shot in their order, the number of their frames, and the subject they show."""

    subject: SubjectUse
    files: Sequence[Path]
    frames: int


def join_chunks(backend: Backend, shot: ShotChunks, sound: Sound | None, movie: MovieFile, token: ProgressToken
                ) -> tuple[int, list[str]]:
    """Make the finished movie from the chunks of a shot; return the number of frames and notes."""
    sent, total = [], len(shot.files)
    for number, chunk in enumerate(shot.files):
        token.report(0.1 * number / total, message("Sending chunk {number} of {total}", number=number + 1, total=total))
        sent.append(backend.put_file(chunk))
    inputs = {"subject": backend.put_tree(shot.subject.folder), "chunks": sent, **sound_inputs(backend, sound)}
    settings = {"frames": shot.frames, **movie_settings(shot.subject, sound, movie)}
    return run_movie_job(backend, "join_chunks", inputs, settings, movie, token.subtoken(0.1, 1.0))
