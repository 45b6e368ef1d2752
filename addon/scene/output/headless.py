"""A whole shot without a window: from an empty file to a movie and a .blend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy

from ...core.backend_jobs import Connect
from ...core.errors import InputError
from ...core.files import atomic_write
from ...core.performance import Performance
from ...core.take_settings import TakeSettings
from ...core.tasks import Step, part_of, run_blocking
from ..build.shot import active_shot, find_shot, open_subject, shots_in
from .shot_tasks import (
    MovieResult,
    apply_performance,
    perform_shot,
    render_shot,
    require_file,
    require_writable,
)


def make_shot(subject: Path, asked: TakeSettings, movie: Path, performance: Path | None, plate_fit: float,
              connect: Connect, report: Callable[[Step], None]) -> MovieResult:
    """Build the scene of one shot in an empty file and render it; the scene stays open.

    performance: a file to play instead of predicting what is asked for.
    """
    require_file(asked.speech, "speech")
    require_writable(movie.absolute().parent)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)  # preferences, and with them we, stay
    report(Step(0.0, "Building the scene"))
    shot = open_subject(bpy.context.scene, subject.absolute())
    start = shot.scene.frame_start
    notes: tuple[str, ...] = ()
    if performance is not None:
        apply_performance(shot, Performance.load(performance), asked, start)
    else:
        task = perform_shot(shot, asked, start, connect)
        notes = run_blocking(part_of(task, 0.02, 0.15), report)
    result = run_blocking(part_of(render_shot(shot, movie.absolute(), plate_fit, connect), 0.15, 1.0), report)
    return MovieResult(movie, result.frames, notes + result.notes)


def render_file(file: Path, scene_name: str, shot_name: str, movie: Path, plate_fit: float, connect: Connect,
                report: Callable[[Step], None]) -> MovieResult:
    """Open a saved file and render a shot of its scene, the last unless named; the file itself is not written."""
    require_file(file, "file")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(file), load_ui=False)
    except RuntimeError as error:
        raise InputError(f"Blender cannot open {file}. Choose a .blend file.") from error
    scene = bpy.data.scenes.get(scene_name) if scene_name else bpy.context.scene
    if scene is None:
        raise InputError(f"{file.name} has no scene {scene_name}. Choose one of its scenes: "
                         f"{', '.join(bpy.data.scenes.keys())}.")
    shot = find_shot(scene.name, shot_name) if shot_name else active_shot(shots_in(scene))
    if shot is None:
        raise InputError(f"There is no shot in the scene {scene.name} of {file.name}. Open a subject there and save.")
    return run_blocking(render_shot(shot, movie.absolute(), plate_fit, connect), report)


def save_blend(path: Path) -> None:
    """Save the open file so that it opens elsewhere: pictures and sound packed, movies by relative path."""
    for sound in bpy.data.sounds:
        sound.pack()
    with atomic_write(path.absolute()) as half:
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(half), relative_remap=True, copy=True, check_existing=False)
        except RuntimeError as error:
            raise InputError(f"Cannot write {path}: {error}. Make room, or choose another folder.") from error
