"""The tasks of a shot, from clip to movie. The panel runs them beside Blender's window, the command line in place."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import bpy
import numpy as np

from ...core import backend_jobs, movie_jobs
from ...core.backend_jobs import Connect, Match, SubjectUse
from ...core.errors import InputError
from ...core.files import atomic_write
from ...core.frame_cache import FrameCache, Render
from ...core.messages import message
from ...core.movie_jobs import MatchedRenders, MovieFile, PersonInMovie, Sound
from ...core.movie_output import MovieOutput
from ...core.outputs import require_new_folder
from ...core.performance import Performance
from ...core.performance_files import read_performance
from ...core.refine_while_rendering import CONTEXT, RefineWhileRendering
from ...core.render_settings import AUTO, RenderSettings
from ...core.take_settings import OtherSpeaker, TakeSettings
from ...core.tasks import InBackground, ProgressToken, Step, Task, subtask
from ...core.temporary import temporary_folder
from .. import compat
from ..anim.channels import POSE_CHANNELS
from ..anim.controls import active_take
from ..anim.plate_keys import key_plates
from ..anim.shown_channels import show_group
from ..anim.strips import adopt_strip, place_speech, sound_strip, strip_speech, take_speeches
from ..anim.takes import add_take, transcript_of
from ..anim.timeline import set_frame_range, sound_between
from ..build.shot import Shot, ShotRef, find_shot
from .engine import choose_engine
from .movie_strip import place_movie, released
from .people import placements
from .shot_frames import frame_cache, match_plates, posed_frames, render_frames, update_keys, used_subject

COMPARISON = "before-after"


@dataclass(frozen=True)
class MovieResult:
    """The result of rendering a shot."""

    movie: Path
    frames: int
    notes: tuple[str, ...] = ()


def learn_subject(settings: Mapping[str, Any], connect: Connect) -> Task:
    """Learn a person from a clip into a new subject folder, which appears when it is complete. Returns notes.

    settings: those of a learn job.
    """
    clip, folder = settings["clip"], settings["output"]
    sent = {name: settings[name] for name in ("preset", "albedo", "name", "consent", "face")}
    sent["resolution"] = settings["resolution"] if settings["resolution"] == AUTO else int(settings["resolution"])
    sent |= {name: settings[name] or None for name in ("from_seconds", "to_seconds", "budget_minutes")}
    require_file(clip, "clip")
    if not settings["consent"]:
        raise InputError("Learning a person needs their consent. Confirm that the person shown has agreed.")
    sent |= consent_limits(settings["consent_uses"], settings["consent_until"])
    require_new_folder(folder)
    with atomic_write(folder) as temporary:
        notes = yield InBackground(lambda token: backend_jobs.learn(connect(), clip, temporary, sent, token))
    return tuple(notes)


def consent_limits(uses: str, until: str) -> dict[str, Any]:
    """Return the settings of a learn job that limit the consent; raises InputError when `until` is not a day."""
    named = [use.strip() for use in uses.split(",") if use.strip()]
    limits: dict[str, Any] = {"consent_uses": named} if named else {}
    if until.strip():
        try:
            limits["consent_until"] = date.fromisoformat(until.strip()).isoformat()
        except ValueError as error:
            raise InputError(message("{day} is not a day; write it as in 2027-05-02.", day=until)) from error
    return limits


def perform_shot(shot: Shot, settings: TakeSettings, start_frame: int, connect: Connect, strip: str = "") -> Task:
    """Predict the motion of a speech and put both on the timeline. Returns notes.

    Where the words of the speech are known from a transcript, the lips follow them.

    strip: the name of a sound strip that plays the speech already; it stays where it is.
    """
    require_file(settings.speech, "speech")
    ref, settings = shot.ref, replace(settings, transcript=transcript_of(shot, settings.speech))
    task = predict_take(shot, settings, connect, lambda performance: apply_in_steps(
        ref, performance, settings, start_frame, strip))
    return (yield from task)


def predict_take(shot: Shot, settings: TakeSettings, connect: Connect, add: Callable[[Performance], Iterator[float]],
                 others: Sequence[OtherSpeaker] = ()) -> Task:
    """Predict the motion of a take, and let `add` add it, which yields the fraction done. Returns notes."""
    subject = used_subject(shot)
    with work_folder() as folder:
        path = folder / "performance.npz"
        notes = yield InBackground(
            lambda token: backend_jobs.perform(connect(), subject, settings, path, token, others), 0.0, 0.95)
        yield Step(0.95, "Setting keys")
        performance = Performance.load(path)
    for fraction in add(performance):
        yield Step(0.95 + 0.05 * fraction, "Setting keys")
    return tuple(notes)


def perform_takes(shot: Shot, takes: Sequence[TakeSettings], start_frame: int, connect: Connect, strip: str = ""
                  ) -> Task:
    """Run `perform_shot` for each take. Returns notes, each once."""
    ref, notes = shot.ref, []
    for number, settings in enumerate(takes):
        task = perform_shot(find_shot(ref), settings, start_frame, connect, strip)
        notes += yield from subtask(task, number / len(takes), (number + 1) / len(takes))
    return tuple(dict.fromkeys(notes))


def import_performance(shot: Shot, path: Path, speech: Path | None) -> Task:
    """Add the performance in a file as a take of a speech, or of none; returns the performance."""
    ref, rig, start_frame = shot.ref, shot.subject.rig(), shot.start_frame
    performance = yield InBackground(lambda token: read_performance(path, rig), 0.0, 0.2)
    for fraction in apply_in_steps(ref, performance, TakeSettings(speech, imported=str(path)), start_frame):
        yield Step(0.2 + 0.8 * fraction, "Setting keys")
    return performance


def apply_performance(shot: Shot, performance: Performance, settings: TakeSettings, start_frame: int) -> None:
    """Add a performance as a take, place its speech, compose the keys and set the scene's frame range."""
    for _ in apply_in_steps(shot.ref, performance, settings, start_frame):
        pass


def apply_in_steps(ref: ShotRef, performance: Performance, settings: TakeSettings, start_frame: int, strip: str = ""
                   ) -> Iterator[float]:
    """Do what `apply_performance` does in short steps; yields the fraction done. Undo may happen between two steps."""
    shot, speech = find_shot(ref), settings.speech
    existing = sound_strip(shot.scene, strip)
    if existing is not None and strip_speech(existing) == speech:
        adopt_strip(shot, existing)
        start_frame = round(compat.strip_content(existing)[0])
    elif speech is not None:
        place_speech(shot, speech, start_frame)
    shot.root["headroom_start_frame"] = int(start_frame)
    yield from add_in_steps(ref, performance, settings)


def add_in_steps(ref: ShotRef, performance: Performance, settings: TakeSettings) -> Iterator[float]:
    """Add a performance as a take of the shot's speech, and compose the keys; yields the fraction done."""
    is_first = active_take(find_shot(ref).root) is None
    yield 0.0
    for fraction in add_take(ref, performance, settings):
        yield 0.6 * fraction
    yield 0.6
    for _ in update_keys(ref):
        yield 0.8
    yield 1.0
    if is_first:  # seventy curves at once are a black band
        show_group(find_shot(ref), POSE_CHANNELS[0].curve.group)
    set_frame_range(find_shot(ref).scene)


@dataclass(frozen=True)
class MatchedShot:
    """A shot whose movie is being made.

    frames: (T,) scene frames.
    folder: for temporary files.
    """

    ref: ShotRef
    subject: SubjectUse
    frames: np.ndarray
    match: Match
    cache: FrameCache
    connect: Connect
    folder: Path

    def render(self, indices: range, is_fast: bool) -> Task:
        """Render frames of the match; refining starts while later ones are rendered. Returns MatchedRenders."""
        with RefineWhileRendering(self.connect, self.subject, self.match) as refiner:
            posed = posed_frames(self.frames, indices, self.match)
            rendered = yield from render_frames(self.ref, posed, is_fast, self.cache, refiner)
            refiner.finish()
            return MatchedRenders(self.subject, self.match, [rendered[index] for index in indices])


Finish: TypeAlias = Callable[[MatchedShot, Sound | None, MovieFile], Task]
"""Makes the file of a movie; returns the number of frames and notes."""


def render_shot(shots: Sequence[Shot], output: MovieOutput, plate_fit: float, connect: Connect,
                frame_range: tuple[int, int] | None = None, engine: str = AUTO) -> Task:
    """Match plates, render changed frames, refine them into `output`, and place it in the sequencer.

    Sequences of pictures and faces alone are not placed. Returns a MovieResult.

    shots: the heads in the picture, of one scene; the first gives its size, and the movie its label.
    frame_range: first and last frame; the scene's unless given.
    engine: one of `core.render_settings.ENGINES`.
    """
    refs, placed, scene = [shot.ref for shot in shots], placements(shots), shots[0].scene
    first, last = frame_range or (scene.frame_start, scene.frame_end)
    settings = RenderSettings(refs[0].root, first, last, plate_fit, engine, tuple(ref.root for ref in refs[1:]))

    def finish(matched: MatchedShot, sound: Sound | None, result: MovieFile) -> Task:
        people: list[PersonInMovie] = []
        notes: list[str] = []
        for number, (ref, place) in enumerate(zip(refs, placed)):
            start, end = (0.55 * part / len(refs) for part in (number, number + 1))
            if number > 0:
                matching = match_shot(find_shot(ref), settings, connect, matched.folder)
                matched = yield from subtask(matching, start, start + 0.1 * (end - start))
                sound = sound_between(find_shot(ref), first, last)
                key_plates(find_shot(ref), matched.frames, matched.match.plate)
            chosen = choose_engine(find_shot(ref), engine)
            rendering = matched.render(range(len(matched.frames)), chosen.is_fast)
            renders = yield from subtask(rendering, start + 0.1 * (end - start) * (number > 0), end)
            notes += [*chosen.notes, *mesh_notes(without_mesh(renders.renders), len(matched.frames))]
            people.append(PersonInMovie(renders, sound, place))
        count, more_notes = yield InBackground(
            lambda token: movie_jobs.refine(connect(), people, result, token), 0.55, 1.0)
        return count, tuple(dict.fromkeys([*notes, *more_notes]))

    return make_movie(shots, output, settings, connect, finish)


def make_movie(shots: Sequence[Shot], output: MovieOutput, settings: RenderSettings, connect: Connect, finish: Finish
               ) -> Task:
    """Match plates of the first shot, let `finish` make the movie, and place it in the sequencer.

    Returns a MovieResult.
    """
    ref, first, last, movie = shots[0].ref, settings.frame_start, settings.frame_end, output.path
    output.require_writable([path for shot in shots for path in (shot.speech, *take_speeches(shot.root))])
    with work_folder() as folder:
        matched = yield from subtask(match_shot(shots[0], settings, connect, folder), 0.0, 0.1)
        keyed = find_shot(ref)
        sound = sound_between(keyed, first, last)
        notes = () if sound or keyed.speech is None else (
            message("The movie has no sound, because the speech does not cover the rendered frames."),)
        key_plates(keyed, matched.frames, matched.match.plate)
        result = MovieFile(folder / f"movie{movie.suffix}", keyed.fps, output.settings)
        count, more_notes = yield from subtask(finish(matched, sound, result), 0.1, 0.99)
        if output.is_sequence:
            output.unpack(result.path, first)
        else:
            with released(movie):
                publish(result.path, movie)
    if output.is_placed:
        place_movie(find_shot(ref), movie, first, settings)
    return MovieResult(movie, int(count), (*notes, *more_notes))


def match_shot(shot: Shot, settings: RenderSettings, connect: Connect, folder: Path) -> Task:
    """Update the keys of a shot and find a plate for each of its frames. Returns a MatchedShot."""
    ref, subject, cache = shot.ref, used_subject(shot), frame_cache(shot)
    if shot.speech is not None and not shot.speech.is_file():
        raise InputError(message("The speech of {shot} is not at {path}. Choose its file with Relink Subject or "
                                 "Speech, or with --speech.", shot=shot.root.name, path=shot.speech))
    frames = np.arange(settings.frame_start, settings.frame_end + 1, dtype=np.int32)
    yield from update_keys(ref)
    match = yield from match_plates(ref, frames, settings.plate_fit, connect, cache, folder)
    return MatchedShot(ref, subject, frames, match, cache, connect, folder)


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


def publish(finished: Path, target: Path) -> None:
    """Copy a finished file to `target` in one step: a reader finds the old file or the new one, never half of one."""
    with atomic_write(target) as temporary:
        shutil.copyfile(finished, temporary)


def require_file(path: Path, what: str) -> None:
    """Raise InputError when a file that the user named does not exist."""
    if not path.is_file():
        raise InputError(message("The {what} {path} does not exist. Choose another file.", what=what, path=path))


def without_mesh(renders: Sequence[Render]) -> int:
    """Return how many frames have no mesh."""
    return sum(render.mesh is None for render in renders)


def mesh_notes(count: int, total: int) -> tuple[str, ...]:
    """Return a note where `count` frames have no mesh."""
    return () if count == 0 else (message(
        "{count} of {total} frames are refined from their renders alone, because a modifier changes the number of the "
        "head's vertices.", count=count, total=total),)


def work_folder() -> AbstractContextManager[Path]:
    """Return a folder beside Blender's temporary folder; it is removed after the block.

    It lies beside it and not in it, so that the next Blender finds it when this one is killed.
    """
    return temporary_folder(Path(bpy.app.tempdir).parent if bpy.app.tempdir else None)
