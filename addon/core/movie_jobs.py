"""The backend jobs that make pictures and movies, from files to files. They touch no bpy, as in `backend_jobs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .backend_jobs import Backend, Match, SubjectUse, run_job, speech_inputs
from .frame_cache import Render
from .messages import message
from .placement import Placement
from .tasks import ProgressToken


@dataclass(frozen=True)
class MatchedRenders:
    """Renders of neighbouring frames of a shot, with the subject they show and the match of the whole shot."""

    subject: SubjectUse
    match: Match
    renders: Sequence[Render]


@dataclass(frozen=True)
class Sound:
    """The sound of a movie.

    from_seconds: time in the speech at the first frame; negative where the speech starts later.
    speech_range: start and end of the part of the speech that is heard, seconds; None is all of it.
    """

    speech: Path
    from_seconds: float
    speech_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class PersonInMovie:
    """One person of a movie: the renders of its frames, the speech, and where the person's frame lies."""

    shot: MatchedRenders
    sound: Sound | None
    placement: Placement = field(default_factory=Placement)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of another person than the one who gives the frame."""
        return {**vars(self.placement), **sound_settings(self.sound), **self.shot.subject.settings}


@dataclass(frozen=True)
class MovieFile:
    """A movie to fetch into a file.

    settings: those of `MovieOutput`.
    """

    path: Path
    fps: float
    settings: Mapping[str, str]


def refine(backend: Backend, people: Sequence[PersonInMovie], movie: MovieFile, token: ProgressToken
           ) -> tuple[int, list[str]]:
    """Make the finished movie from the renders of all frames of a shot; return the number of frames and notes.

    people: who is in its frames; the first gives their size.
    """
    shots = shots_inputs(backend, people, token.subtoken(0.0, 0.1))
    inputs = with_others([sent | sound_inputs(backend, each.sound) for sent, each in zip(shots, people)], people)
    settings = movie_settings(people[0].shot.subject, people[0].sound, movie)
    return run_movie_job(backend, "refine", inputs, settings, movie, token.subtoken(0.1, 1.0))


def refine_frames(backend: Backend, shot: MatchedRenders, first: int, context: int, compare: bool,
                  token: ProgressToken) -> list[str]:
    """Refine some frames of a shot, which the backend stores for `refine`.

    first: frame of the match that the first render shows.
    context: number of leading renders that only give the following frames their context.
    compare: also make a picture of each frame before and after refining, side by side.

    Returns the blobs of those pictures.
    """
    inputs = shot_inputs(backend, shot, token.subtoken(0.0, 0.2))
    settings = {"first": first, "context": context, "compare": compare, **shot.subject.picture_settings}
    return list(run_job(backend, "refine_frames", inputs, settings, token.subtoken(0.2, 1.0))["pictures"])


def run_movie_job(backend: Backend, kind: str, inputs: Mapping[str, Any], settings: Mapping[str, Any], movie: MovieFile,
                  token: ProgressToken) -> tuple[int, list[str]]:
    """Run a job that makes a movie, and fetch it; return the number of frames and notes."""
    result = run_job(backend, kind, inputs, settings, token.subtoken(0.0, 0.98))
    token.report(0.98, "Fetching the movie")
    backend.get_file(result["movie"], movie.path)
    return int(result["frames"]), list(result.get("notes", ()))


def movie_settings(subject: SubjectUse, sound: Sound | None, movie: MovieFile) -> dict[str, Any]:
    """Return the settings of a job that makes a movie."""
    return {"fps": movie.fps, **movie.settings, **sound_settings(sound), **subject.picture_settings}


def sound_settings(sound: Sound | None) -> dict[str, Any]:
    """Return the settings of a person's sound."""
    return {"speech_from_seconds": sound.from_seconds if sound else 0.0,
            "speech_range": sound.speech_range if sound else None}


def sound_inputs(backend: Backend, sound: Sound | None) -> dict[str, Any]:
    """Send the speech of a movie, if it has one; return the inputs of its job."""
    return speech_inputs(backend, sound.speech) if sound else {"speech": None, "speech_name": ""}


def with_others(sent: Sequence[dict[str, Any]], people: Sequence[PersonInMovie]) -> dict[str, Any]:
    """Return the inputs of the first person with those of the others."""
    if len(people) == 1:  # an older backend knows no others
        return sent[0]
    return {**sent[0], "others": [{**files, "settings": each.settings} for files, each in zip(sent[1:], people[1:])]}


def shots_inputs(backend: Backend, people: Sequence[PersonInMovie], token: ProgressToken) -> list[dict[str, Any]]:
    """Send the renders of all people; return the inputs of each."""
    ends = [number / len(people) for number in range(len(people) + 1)]
    return [shot_inputs(backend, each.shot, token.subtoken(start, end))
            for each, start, end in zip(people, ends, ends[1:])]


def shot_inputs(backend: Backend, shot: MatchedRenders, token: ProgressToken) -> dict[str, Any]:
    """Send the renders of a shot; return the inputs of a job that refines them."""
    pictures, meshes = [], []
    for number, render in enumerate(shot.renders):
        token.report(number / len(shot.renders), message("Sending render {number} of {total}",
                                                         number=number + 1, total=len(shot.renders)))
        pictures.append(backend.put_file(render.picture) if render.picture else None)
        meshes.append(backend.put_file(render.mesh) if render.mesh else None)
    return {"subject": backend.put_tree(shot.subject.folder), "renders": pictures, "meshes": meshes,
            "match": shot.match.sha}
