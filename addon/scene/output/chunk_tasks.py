"""The tasks of a shot that is rendered in chunks: plan them, render each, join them. The result is the whole shot's.

What depends on the whole shot is done once or alike for every chunk: motion, keys and the choice of plates before, and
watermark, label, sound and content credentials when the chunks are joined.
"""

from __future__ import annotations

from dataclasses import replace

from ...core import chunk_jobs
from ...core.backend_jobs import Connect
from ...core.chunk_jobs import ShotChunks
from ...core.chunks import ChunkFolder, ChunkPlan
from ...core.movie_jobs import MovieFile, Sound
from ...core.movie_output import MovieOutput
from ...core.refine_while_rendering import CONTEXT
from ...core.render_settings import EEVEE, FAST, RenderSettings
from ...core.tasks import InBackground, Task, subtask
from ..build.shot import Shot, find_shot
from .engine import choose_engine
from .movie_tasks import (
    MatchedShot,
    MovieResult,
    make_movie,
    match_shot,
    mesh_notes,
    publish,
    without_mesh,
)
from .shot_tasks import work_folder


def plan_chunks(shot: Shot, folder: ChunkFolder, plan: ChunkPlan, settings: RenderSettings, connect: Connect) -> Task:
    """Choose the engine of a shot and match its plates, which the chunks find again; store the plan and return it."""
    with work_folder() as temporary:
        yield from match_shot(shot, settings, connect, temporary)
    chosen = choose_engine(find_shot(shot.ref), settings.engine)
    plan = replace(plan, engine=FAST if chosen.is_fast else EEVEE, engine_notes=tuple(chosen.notes))
    folder.save_plan(plan)
    return plan


def render_chunk(shot: Shot, folder: ChunkFolder, number: int, layer: str, settings: RenderSettings, connect: Connect
                 ) -> Task:
    """Render and refine the frames of a chunk into its file."""
    plan = folder.plan()
    chunk = plan.frames_of(number)
    context = min(CONTEXT, chunk.start)
    sent = {"first": chunk.start - context, "context": context, "layer": layer}
    with work_folder() as temporary:
        matched = yield from subtask(match_shot(shot, settings, connect, temporary), 0.0, 0.1)
        rendering = matched.render(range(chunk.start - context, chunk.stop), plan.engine == FAST)
        renders = yield from subtask(rendering, 0.1, 0.6)
        made = temporary / folder.movie(number).name
        yield InBackground(
            lambda token: chunk_jobs.refine_chunk(connect(), renders, sent, made, token), 0.6, 0.99)
        publish(made, folder.movie(number))
    folder.save_chunk(number, without_mesh(renders.renders[context:]))


def join_chunks(shot: Shot, folder: ChunkFolder, output: MovieOutput, settings: RenderSettings, connect: Connect
                ) -> Task:
    """Make the movie of a shot from its chunks, and place it in the sequencer. Returns a MovieResult."""
    plan = folder.plan()
    numbers = range(len(plan.starts))

    def finish(matched: MatchedShot, sound: Sound | None, result: MovieFile) -> Task:
        chunks = ShotChunks(matched.subject, [folder.movie(number) for number in numbers], plan.frames)
        count, notes = yield InBackground(
            lambda token: chunk_jobs.join_chunks(connect(), chunks, sound, result, token))
        meshless = sum(folder.without_mesh(number) or 0 for number in numbers)
        return count, (*plan.engine_notes, *mesh_notes(meshless, plan.frames), *notes)

    result = yield from make_movie([shot], output, settings, connect, finish)
    return MovieResult(result.movie, result.frames, plan.notes + result.notes)
