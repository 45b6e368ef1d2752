"""The parts of a batch's job whose shot is rendered in chunks: split the shot, render a chunk, and join the chunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .commands import Report, Result, movie_line, movie_output, new_shot, saved_shot
from .core.backend_jobs import Connect
from .core.chunks import ChunkFolder, ChunkPlan, chunk_starts
from .core.errors import InputError
from .core.job_file import JobRequest
from .core.messages import message
from .core.render_settings import RenderSettings
from .core.tasks import run_task

if TYPE_CHECKING:
    from .scene.build.shot import Shot
    from .scene.output.headless import NewShot, SavedShot

SPLIT = "split"
"""The state of a job whose chunks are to be rendered and joined."""


def part_of(folder: Path, seconds: float | None, chunk: int | None, connect: Connect, report: Report
            ) -> Callable[[JobRequest], Result]:
    """Return the function that runs a part of a job.

    folder: of the chunks.
    seconds: length of a chunk, to split the shot; None to do what comes after.
    chunk: the one to render; None to join all.
    """
    chunks = ChunkFolder(folder)
    if seconds is not None:
        return lambda request: _split(request, chunks, seconds, connect, report)
    if chunk is not None:
        return lambda request: _render_chunk(request, chunks, chunk, connect, report)
    return lambda request: _join(request, chunks, connect, report)


def _split(request: JobRequest, folder: ChunkFolder, seconds: float, connect: Connect, report: Report) -> Result:
    """Make the scene and plan its chunks, or make the movie of a short shot.

    Returns the number of chunks and those that are unfinished, or the result of the job.
    """
    from .scene.output import headless

    plan = folder.plan()
    if plan is None:
        shots, wanted, notes = _opened(request, folder, connect, report)
        scene = shots[0].scene
        count = scene.frame_end - scene.frame_start + 1
        starts = chunk_starts(count, shots[0].fps, seconds)
        if len(starts) == 1:
            return movie_line(request, headless.render_heads(shots, wanted, notes, connect, report))
        plan = _planned(request, shots, ChunkPlan(starts, count, notes), folder, connect)
    return {"state": SPLIT, "chunks": len(plan.starts), "unfinished": folder.unfinished(plan)}


def _opened(request: JobRequest, folder: ChunkFolder, connect: Connect, report: Report
            ) -> tuple[list[Shot], NewShot | SavedShot, tuple[str, ...]]:
    """Return the heads of a job in a file that is open, how to render them, and what the user should know."""
    from .scene.output import headless

    if request.kind == "render":
        saved = saved_shot(request.settings)
        return headless.open_heads(saved), saved, ()
    new = new_shot(request.settings)
    shots, notes = headless.build_shot(new, folder.path, connect, report)
    return shots, new, notes


def _planned(request: JobRequest, shots: Sequence[Shot], plan: ChunkPlan, folder: ChunkFolder, connect: Connect
             ) -> ChunkPlan:
    """Store the scene, which a render job has already, and the plan with the engine; return the plan."""
    from .scene.output import headless
    from .scene.output.chunk_tasks import plan_chunks

    if request.kind == "shot":
        names = [shot.root.name for shot in shots]
        headless.save_blend(folder.scene)
        shots = _open_heads(request, folder, names)
    planned: ChunkPlan = run_task(plan_chunks(shots, folder, plan, _settings(request, shots), connect))
    return planned


def _render_chunk(request: JobRequest, folder: ChunkFolder, number: int, connect: Connect, report: Report) -> Result:
    from .scene.output.chunk_tasks import render_chunk

    shots = _open_planned(request, folder)
    run_task(render_chunk(shots, folder, number, request.settings["layer"], _settings(request, shots), connect), report)
    return {}


def _join(request: JobRequest, folder: ChunkFolder, connect: Connect, report: Report) -> Result:
    from .scene.output.chunk_tasks import join_chunks

    shots = _open_planned(request, folder)
    task = join_chunks(shots, folder, movie_output(request.settings), _settings(request, shots), connect)
    return movie_line(request, run_task(task, report))


def _open_planned(request: JobRequest, folder: ChunkFolder) -> list[Shot]:
    """Open the scene of a plan and return the heads in the picture."""
    plan = folder.plan()
    if plan is None:
        raise InputError(message("There are no chunks in {folder}. Prepare them with --chunk.", folder=folder.path))
    return _open_heads(request, folder, [head.root for head in plan.heads])


def _open_heads(request: JobRequest, folder: ChunkFolder, names: Sequence[str]) -> list[Shot]:
    """Open the file with the scene and return heads by the names of their roots."""
    from .scene.build.shot import ShotRef, find_shot
    from .scene.output import headless

    opened = headless.open_saved(_scene(request, folder))
    return [find_shot(ShotRef(opened.scene.name, name)) for name in names]


def _scene(request: JobRequest, folder: ChunkFolder) -> SavedShot:
    """Return the shot in the file of a render job, or in the scene that was made for a shot job."""
    from .scene.output.headless import SavedShot

    settings = request.settings
    if request.kind == "render":
        return saved_shot(settings)
    return SavedShot(folder.scene, "", "", movie_output(settings), settings["plate_fit"], settings["engine"],
                     load_ui=True)


def _settings(request: JobRequest, shots: Sequence[Shot]) -> RenderSettings:
    from .scene.output.movie_tasks import new_render_settings

    settings: dict[str, Any] = request.settings
    return new_render_settings(shots, settings["plate_fit"], settings["engine"])
