"""The tasks that make the movie of a shot, or one refined frame. The panel runs them beside Blender's window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ...core import movie_jobs
from ...core.backend_jobs import Connect, Match, SubjectUse
from ...core.errors import InputError
from ...core.files import publish
from ...core.frame_cache import FrameCache, Render
from ...core.messages import message
from ...core.movie_jobs import MatchedRenders, MovieFile, PersonInMovie, Sound
from ...core.movie_output import MovieOutput
from ...core.placement import Placement
from ...core.refine_while_rendering import CONTEXT, RefineWhileRendering
from ...core.render_settings import AUTO, RenderSettings
from ...core.tasks import InBackground, ProgressToken, Task, subtask
from ..anim.plate_keys import key_plates
from ..anim.strips import take_speeches
from ..anim.timeline import sound_between
from ..build.shot import Shot, ShotRef, find_shot
from .engine import choose_engine
from .movie_strip import place_movie, released
from .people import placements
from .shot_frames import frame_cache, match_plates, posed_frames, render_frames, update_keys, used_subject
from .work_folder import work_folder

COMPARISON = "before-after"


@dataclass(frozen=True)
class MovieResult:
    """The result of rendering a shot."""

    movie: Path
    frames: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MatchedShot:
    """A shot whose movie is being made.

    frames: (T,) scene frames.
    """

    ref: ShotRef
    subject: SubjectUse
    frames: np.ndarray
    match: Match
    cache: FrameCache
    connect: Connect

    def render(self, indices: range, is_fast: bool) -> Task:
        """Render frames of the match; refining starts while later ones are rendered. Returns MatchedRenders."""
        with RefineWhileRendering(self.connect, self.subject, self.match) as refiner:
            posed = posed_frames(self.frames, indices, self.match)
            rendered = yield from render_frames(self.ref, posed, is_fast, self.cache, refiner)
            refiner.finish()
            return MatchedRenders(self.subject, self.match, [rendered[index] for index in indices])


@dataclass(frozen=True)
class MatchedPerson:
    """One person of a movie that is being made."""

    shot: MatchedShot
    sound: Sound | None
    placement: Placement

    def in_movie(self, renders: MatchedRenders) -> PersonInMovie:
        """Return the person with renders."""
        return PersonInMovie(renders, self.sound, self.placement)


Finish: TypeAlias = Callable[[Sequence[MatchedPerson], MovieFile], Task]
"""Makes the file of a movie; returns the number of frames and notes."""


def render_shot(shots: Sequence[Shot], output: MovieOutput, settings: RenderSettings, connect: Connect) -> Task:
    """Match plates, render changed frames, refine them into `output`, and place it in the sequencer.

    Sequences of pictures and faces alone are not placed. Returns a MovieResult.

    shots: the heads in the picture, of one scene, which the settings name; the first gives its size, and the movie its
        label.
    """

    def finish(matched: Sequence[MatchedPerson], result: MovieFile) -> Task:
        chosen = [choose_engine(find_shot(person.shot.ref), settings.engine) for person in matched]
        frames = range(settings.frame_count)
        people: list[PersonInMovie] = yield from subtask(
            render_people(matched, frames, [each.is_fast for each in chosen]), 0.0, 0.55)
        notes = [note for each, person in zip(chosen, people)
                 for note in (*each.notes, *mesh_notes(without_mesh(person.shot.renders), len(frames)))]
        count, more_notes = yield InBackground(
            lambda token: movie_jobs.refine(connect(), people, result, token), 0.55, 1.0)
        return count, tuple(dict.fromkeys([*notes, *more_notes]))

    return make_movie(shots, output, settings, connect, finish)


def new_render_settings(shots: Sequence[Shot], plate_fit: float, engine: str) -> RenderSettings:
    """Return how the movie of heads of one scene is rendered, of all frames of the scene."""
    scene, (first, *others) = shots[0].scene, [shot.root.name for shot in shots]
    return RenderSettings(first, scene.frame_start, scene.frame_end, plate_fit, engine, tuple(others))


def make_movie(shots: Sequence[Shot], output: MovieOutput, settings: RenderSettings, connect: Connect, finish: Finish
               ) -> Task:
    """Match plates and show them in the scene, let `finish` make the movie, and place it in the sequencer.

    Returns a MovieResult.
    """
    ref, movie = shots[0].ref, output.path
    output.require_writable([path for shot in shots for path in (shot.speech, *take_speeches(shot.root))])
    with work_folder() as folder:
        people = yield from subtask(match_people(shots, settings, connect, folder), 0.0, 0.1)
        for person in people:
            key_plates(find_shot(person.shot.ref), person.shot.frames, person.shot.match.plate)
        keyed = find_shot(ref)
        notes = () if people[0].sound or keyed.speech is None else (
            message("The movie has no sound, because the speech does not cover the rendered frames."),)
        result = MovieFile(folder / f"movie{movie.suffix}", keyed.fps, output.settings)
        count, more_notes = yield from subtask(finish(people, result), 0.1, 0.99)
        if output.is_sequence:
            output.unpack(result.path, settings.frame_start)
        else:
            with released(movie):
                publish(result.path, movie)
    if output.is_placed:
        place_movie(find_shot(ref), movie, settings.frame_start, settings)
    return MovieResult(movie, int(count), (*notes, *more_notes))


def match_people(shots: Sequence[Shot], settings: RenderSettings, connect: Connect, folder: Path) -> Task:
    """Run `match_shot` for all heads. Returns a list of MatchedPerson."""
    refs, placed, people = [shot.ref for shot in shots], placements(shots), []
    for number, (ref, place) in enumerate(zip(refs, placed)):
        matching = match_shot(find_shot(ref), settings, connect, folder)
        matched = yield from subtask(matching, number / len(refs), (number + 1) / len(refs))
        sound = sound_between(find_shot(ref), settings.frame_start, settings.frame_end)
        people.append(MatchedPerson(matched, sound, place))
    return people


def render_people(people: Sequence[MatchedPerson], indices: range, is_fast: Sequence[bool]) -> Task:
    """Render frames of the match for all heads. Returns a list of PersonInMovie.

    is_fast: for each head, whether the backend draws it.
    """
    rendered = []
    for number, (person, fast) in enumerate(zip(people, is_fast, strict=True)):
        rendering = person.shot.render(indices, fast)
        renders = yield from subtask(rendering, number / len(people), (number + 1) / len(people))
        rendered.append(person.in_movie(renders))
    return rendered


def match_shot(shot: Shot, settings: RenderSettings, connect: Connect, folder: Path) -> Task:
    """Update the keys of a shot and find a plate for each of its frames. Returns a MatchedShot."""
    ref, subject, cache = shot.ref, used_subject(shot), frame_cache(shot)
    if shot.speech is not None and not shot.speech.is_file():
        raise InputError(message("The speech of {shot} is not at {path}. Choose its file with Relink Subject or "
                                 "Speech, or with --speech.", shot=shot.root.name, path=shot.speech))
    frames = np.arange(settings.frame_start, settings.frame_end + 1, dtype=np.int32)
    yield from update_keys(ref)
    match = yield from match_plates(ref, frames, settings.plate_fit, connect, cache, folder)
    return MatchedShot(ref, subject, frames, match, cache, connect)


def refine_frame(shot: Shot, frame: int, plate_fit: float, connect: Connect, engine: str = AUTO) -> Task:
    """Refine one frame of the shot. Returns the path of a picture with the frame before and after, side by side.

    engine: one of `core.render_settings.ENGINES`.
    """
    ref, subject = shot.ref, used_subject(shot)
    first, last = shot.scene.frame_start, shot.scene.frame_end
    if not first <= frame <= last:
        raise InputError(message(
            "Frame {frame} is outside the scene's frame range {first} to {last}. Move to a frame inside it.",
            frame=frame, first=first, last=last))
    frames, index, cache = np.arange(first, last + 1, dtype=np.int32), frame - first, frame_cache(shot)
    indices = range(max(index - CONTEXT, 0), index + 1)
    yield from update_keys(ref)
    with work_folder() as folder:
        match = yield from subtask(match_plates(ref, frames, plate_fit, connect, cache, folder), 0.0, 0.2)
        is_fast = choose_engine(find_shot(ref), engine).is_fast
        rendering = render_frames(ref, posed_frames(frames, indices, match), is_fast, cache)
        rendered = yield from subtask(rendering, 0.2, 0.7)
        comparison = cache.folder / f"{COMPARISON}.png"

        def work(token: ProgressToken) -> Path:
            backend, renders = connect(), MatchedRenders(subject, match, [rendered[each] for each in indices])
            (sha,) = movie_jobs.refine_frames(backend, renders, indices[0], len(indices) - 1, True, token)
            return backend.get_file(sha, folder / comparison.name)

        fetched = yield InBackground(work, 0.7, 1.0)
        publish(fetched, comparison)
    return comparison


def without_mesh(renders: Sequence[Render]) -> int:
    """Return how many frames have no mesh."""
    return sum(render.mesh is None for render in renders)


def mesh_notes(count: int, total: int) -> tuple[str, ...]:
    """Return a note where `count` frames have no mesh."""
    return () if count == 0 else (message(
        "{count} of {total} frames are refined from their renders alone, because a modifier changes the number of the "
        "head's vertices.", count=count, total=total),)
