"""A shot from speech to movie, as tasks that the panel runs beside the window and the command line runs in place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core import backend_jobs as remote
from ...core.backend_jobs import Connect
from ...core.errors import InputError
from ...core.files import atomic_write
from ...core.frame_cache import FrameCache
from ...core.performance import Performance
from ...core.refine_while_rendering import WINDOW, RefineAhead
from ...core.render_settings import RenderSettings
from ...core.take_settings import TakeSettings
from ...core.tasks import InBackground, Step, Task, Watch, part_of
from .. import compat
from ..anim.strips import adopt_strip, let_go_of, place_movie, place_speech, sound_strip, strip_speech
from ..anim.takes import keeping_take
from ..anim.timeline import heard, show_range
from ..build.plates import key_plates
from ..build.shot import Names, Shot, find_shot
from .shot_frames import cache_folders, catch_up, film, match_shot

COMPARISON = "before-after"


@dataclass(frozen=True)
class MovieResult:
    """What a rendered shot came to."""

    movie: Path
    frames: int
    notes: tuple[str, ...] = ()


def learn_subject(settings: Mapping[str, Any], connect: Connect) -> Task:
    """Learn a person from a clip into a new subject folder, which appears when it is complete; returns notes.

    settings: those of a learn job.
    """
    clip, folder = settings["clip"], settings["output"]
    asked = {name: settings[name] for name in ("preset", "albedo", "resolution", "name", "consent")}
    part = {name: settings[name] or None for name in ("from_seconds", "to_seconds")}
    require_file(clip, "clip")
    if not settings["consent"]:
        raise InputError("Learning a person needs their consent. Confirm that the person shown has agreed.")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty. Choose a new folder for the subject.")
    require_writable(folder.parent)
    with atomic_write(folder) as half:
        notes = yield InBackground(lambda watch: remote.learn(connect(), clip, half, asked | part, watch))
    return tuple(notes)


def perform_shot(shot: Shot, asked: TakeSettings, start_frame: int, connect: Connect, strip: str = "") -> Task:
    """Predict the motion of a speech and put both on the timeline; returns notes.

    strip: the sound strip that plays the speech already, by name; it is left as it lies.
    """
    require_file(asked.speech, "speech")
    names, subject = shot.names, shot.subject.folder
    with _work_folder() as folder:
        path = folder / "performance.npz"
        notes = yield InBackground(lambda watch: remote.perform(connect(), subject, asked, path, watch), 0.0, 0.95)
        yield Step(0.95, "Setting keys")
        performance = Performance.load(path)
    for fraction in applying(names, performance, asked, start_frame, strip):
        yield Step(0.95 + 0.05 * fraction, "Setting keys")
    return tuple(notes)


def perform_takes(shot: Shot, takes: Sequence[TakeSettings], start_frame: int, connect: Connect, strip: str = ""
                  ) -> Task:
    """`perform_shot` for one take after another; returns notes, each once."""
    names, notes = shot.names, []
    for number, asked in enumerate(takes):
        task = perform_shot(find_shot(*names), asked, start_frame, connect, strip)
        notes += yield from part_of(task, number / len(takes), (number + 1) / len(takes))
    return tuple(dict.fromkeys(notes))


def apply_performance(shot: Shot, performance: Performance, asked: TakeSettings, start_frame: int) -> None:
    """Take, speech, keys and the scene's frame range."""
    for _ in applying(shot.names, performance, asked, start_frame):
        pass


def applying(names: Names, performance: Performance, asked: TakeSettings, start_frame: int, strip: str = ""
             ) -> Iterator[float]:
    """The same in short steps, each giving the fraction done; between two of them the artist may undo."""
    shot, speech = find_shot(*names), asked.speech
    laid = sound_strip(shot.scene, strip)
    if laid is not None and strip_speech(laid) == speech:
        adopt_strip(shot, laid)
        start_frame = round(compat.strip_content(laid)[0])
    else:
        place_speech(shot, speech, start_frame)
    shot.root["headroom_start_frame"] = int(start_frame)
    yield 0.0
    for fraction in keeping_take(names, performance, asked):
        yield 0.6 * fraction
    yield 0.6
    for _ in catch_up(names):
        yield 0.8
    yield 1.0
    show_range(find_shot(*names).scene)


def render_shot(shot: Shot, movie: Path, plate_fit: float, connect: Connect, frame_range: tuple[int, int] | None = None
                ) -> Task:
    """Match plates, render what has changed, refine it to `movie` and place that; returns MovieResult.

    frame_range: first and last frame, the scene's unless given. Refining begins while later frames are rendered.
    """
    names, subject = shot.names, shot.subject.folder
    first, last = frame_range or (shot.scene.frame_start, shot.scene.frame_end)
    frames, cache = np.arange(first, last + 1, dtype=np.int32), FrameCache(cache_folders())
    require_writable(movie.parent)
    if shot.speech is not None:
        require_file(shot.speech, "speech")
    yield from catch_up(names)
    settled = find_shot(*names)
    fps, sound = settled.fps, heard(settled, first, last)
    notes = () if sound or settled.speech is None else (
        "The movie has no sound, because nothing is said in the rendered range.",)
    with _work_folder() as folder:
        found = yield from part_of(match_shot(names, frames, plate_fit, connect, cache, folder), 0.0, 0.1)
        matched = find_shot(*names)
        key_plates(matched.camera, matched.backdrop, frames, found.plate)
        with RefineAhead(connect, subject, found) as ahead:
            def taken(index: int, path: Path, is_new: bool) -> str:
                ahead.add(index, path, is_new)
                return f", refined {ahead.refined}" if ahead.refined else ""

            filmed = yield from part_of(film(names, frames, range(len(frames)), found, cache, taken), 0.1, 0.6)
            ahead.finish()
            result = folder / f"movie{movie.suffix}"
            renders = [filmed[index] for index in range(len(frames))]
            count = yield InBackground(lambda watch: remote.refine(
                connect(), subject, renders, found, sound, fps, result, watch), 0.6, 0.99)
        with let_go_of(movie):
            publish(result, movie)
    place_movie(find_shot(*names), movie, first, RenderSettings(names[1], first, last, plate_fit))
    return MovieResult(movie, int(count), notes)


def refine_frame(shot: Shot, frame: int, plate_fit: float, connect: Connect) -> Task:
    """One frame of the shot before and after refining, side by side; returns the picture's path."""
    names, subject = shot.names, shot.subject.folder
    first, last = shot.scene.frame_start, shot.scene.frame_end
    if not first <= frame <= last:
        raise InputError(f"Frame {frame} is outside of the scene's frames {first} to {last}. Move to one of those.")
    frames, index, cache = np.arange(first, last + 1, dtype=np.int32), frame - first, FrameCache(cache_folders())
    window = range(max(index - WINDOW, 0), index + 1)
    yield from catch_up(names)
    with _work_folder() as folder:
        found = yield from part_of(match_shot(names, frames, plate_fit, connect, cache, folder), 0.0, 0.2)
        filmed = yield from part_of(film(names, frames, window, found, cache), 0.2, 0.7)
        picture = cache.folder / f"{COMPARISON}.png"

        def work(watch: Watch) -> Path:
            backend, renders = connect(), [filmed[each] for each in window]
            (sha,) = remote.refine_frames(backend, subject, renders, found, window[0], len(window) - 1, True, watch)
            return backend.get_file(sha, folder / picture.name)

        fetched = yield InBackground(work, 0.7, 1.0)
        publish(fetched, picture)
    return picture


def publish(finished: Path, target: Path) -> None:
    """Put a finished file at `target` at once: a reader finds the old file or the new one, never half of one."""
    with atomic_write(target) as half:
        shutil.copyfile(finished, half)


def require_file(path: Path, what: str) -> None:
    """Say in one sentence that a file the user named is not there."""
    if not path.is_file():
        raise InputError(f"The {what} {path} does not exist. Choose another file.")


def require_writable(folder: Path) -> None:
    """Make `folder`, or say in one sentence that nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".headroom-"):
            pass
    except OSError as error:
        raise InputError(f"Cannot write in {folder}: {error.strerror}. Choose another folder.") from error


@contextmanager
def _work_folder() -> Iterator[Path]:
    """A folder inside Blender's own temporary one, removed at the end however the task ends."""
    path = Path(tempfile.mkdtemp(prefix="headroom-", dir=bpy.app.tempdir or None))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
