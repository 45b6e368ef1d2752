"""A shot from speech to movie, as tasks that the panel runs beside the window and the command line runs in place."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..core import remote
from ..core.errors import InputError
from ..core.performance import Performance
from ..core.tasks import InBackground, Step, Task, part_of
from .compose import compose
from .keyframes import sample_pose, show_range
from .plates import key_plates
from .rendering import render_face
from .shot import Shot, find_shot
from .strips import adopt_strip, place_movie, place_speech, sound_strip, strip_speech
from .takes import keeping_take

STEP_SECONDS = 0.05

Connect = Callable[[], remote.Backend]
"""Gives the backend, starting it if need be; called off the main thread."""


@dataclass(frozen=True)
class MovieResult:
    """What a rendered shot came to."""

    movie: Path
    frames: int
    notes: tuple[str, ...] = ()


def learn_subject(clip: Path, folder: Path, settings: Mapping[str, Any], connect: Connect) -> Task:
    """Learn a person from a clip into a new subject folder, which appears when it is complete; returns notes."""
    require_file(clip, "clip")
    if not settings["consent"]:
        raise InputError("Learning a person needs their consent. Confirm that the person shown has agreed.")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty. Choose a new folder for the subject.")
    require_writable(folder.parent)
    half = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        notes = yield InBackground(lambda watch: remote.learn(connect(), clip, half, settings, watch))
        if folder.exists():
            folder.rmdir()
        os.replace(half, folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return tuple(notes)


def perform_shot(shot: Shot, speech: Path, seed: int, start_frame: int, connect: Connect, strip: str = "") -> Task:
    """Predict the motion of a speech and put both on the timeline; returns notes.

    strip: the sound strip that plays the speech already, by name; it is left as it lies.
    """
    require_file(speech, "speech")
    names, subject = (shot.scene.name, shot.root.name), shot.subject.folder
    with _work_folder() as folder:
        path = folder / "performance.npz"
        notes = yield InBackground(lambda watch: remote.perform(
            connect(), subject, speech, path, seed, watch), 0.0, 0.95)
        yield Step(0.95, "Setting keys")
        performance = Performance.load(path)
    for fraction in applying(names, performance, speech, start_frame, seed, strip):
        yield Step(0.95 + 0.05 * fraction, "Setting keys")
    return tuple(notes)


def perform_takes(shot: Shot, speech: Path, seeds: Sequence[int], start_frame: int, connect: Connect, strip: str = ""
                  ) -> Task:
    """`perform_shot` for one seed after another, a take each; returns notes, each once."""
    names, notes = (shot.scene.name, shot.root.name), []
    for number, seed in enumerate(seeds):
        task = perform_shot(find_shot(*names), speech, seed, start_frame, connect, strip)
        notes += yield from part_of(task, number / len(seeds), (number + 1) / len(seeds))
    return tuple(dict.fromkeys(notes))


def apply_performance(shot: Shot, performance: Performance, speech: Path | None, start_frame: int) -> None:
    """Take, speech, keys and the scene's frame range."""
    for _ in applying((shot.scene.name, shot.root.name), performance, speech, start_frame):
        pass


def applying(names: tuple[str, str], performance: Performance, speech: Path | None, start_frame: int, seed: int = 0,
             strip: str = "") -> Iterator[float]:
    """The same in short steps, each giving the fraction done; between two of them the artist may undo."""
    shot = find_shot(*names)
    laid = sound_strip(shot.scene, strip)
    if laid is not None and strip_speech(laid) == speech:
        adopt_strip(shot, laid)
    elif speech is not None:
        place_speech(shot, speech, start_frame)
    shot.root["headroom_start_frame"] = int(start_frame)
    for fraction in keeping_take(names, performance, seed, str(speech or "")):
        yield 0.6 * fraction
    while not compose(find_shot(*names), STEP_SECONDS):
        yield 0.8
    show_range(find_shot(*names).scene)


def render_shot(shot: Shot, movie: Path, plate_fit: float, connect: Connect) -> Task:
    """Match plates, render the scene's frame range, refine it to `movie` and place that; returns MovieResult."""
    names, fps, subject, speech = (shot.scene.name, shot.root.name), shot.fps, shot.subject.folder, shot.speech
    frames = np.arange(shot.scene.frame_start, shot.scene.frame_end + 1, dtype=np.int32)
    require_writable(movie.parent)
    if speech is not None:
        require_file(speech, "speech")
    notes = []
    if speech is not None and shot.start_frame != shot.scene.frame_start:
        speech, notes = None, ["The movie has no sound, because the rendered range does not begin with the speech."]
    with _work_folder() as folder:
        rotation, translation = sample_pose(shot, frames)
        found = yield InBackground(lambda watch: remote.match(
            connect(), subject, fps, rotation, translation, plate_fit, folder, watch), 0.0, 0.1)
        key_plates(find_shot(*names).camera, frames, found.plate)
        renders = []
        for render in render_face(find_shot(*names), frames, found.rotation, found.translation, folder):
            renders.append(render)
            yield Step(0.1 + 0.5 * len(renders) / len(frames), f"Rendered frame {len(renders)} of {len(frames)}")
        result = folder / f"movie{movie.suffix}"
        count = yield InBackground(lambda watch: remote.refine(
            connect(), subject, renders, found, speech, fps, result, watch), 0.6, 0.99)
        publish(result, movie)
    place_movie(find_shot(*names), movie, int(frames[0]))
    return MovieResult(movie, int(count), tuple(notes))


def publish(finished: Path, target: Path) -> None:
    """Put a finished file at `target` at once: a reader finds the old file or the new one, never half of one."""
    beside = target.with_name(f".{target.stem}.{uuid.uuid4().hex[:8]}{target.suffix}")
    try:
        shutil.copyfile(finished, beside)
        os.replace(beside, target)
    except OSError as error:
        raise InputError(f"Cannot write {target}: {error.strerror}. Choose another folder.") from error
    finally:
        beside.unlink(missing_ok=True)


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
