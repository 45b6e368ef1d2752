"""The tasks of a shot that is rendered in chunks: plan them, render each, join them. The result is the whole shot's.

What depends on the whole shot is done once or alike for every chunk: motion, keys and the choice of plates before, and
watermark, label, sound and content credentials when the chunks are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...core import chunk_jobs
from ...core.backend_jobs import Connect
from ...core.chunk_jobs import ShotChunks
from ...core.chunks import ChunkFolder, ChunkPlan, ChunkResult, HeadPlan
from ...core.files import publish
from ...core.movie_jobs import MatchedRenders, MovieFile, PersonInMovie
from ...core.movie_output import MovieOutput
from ...core.refine_while_rendering import CONTEXT
from ...core.render_settings import EEVEE, FAST, RenderSettings
from ...core.tasks import InBackground, Task, subtask
from ..build.shot import Shot, find_shot
from .engine import choose_engine
from .movie_tasks import (
    MatchedPerson,
    MovieResult,
    make_movie,
    match_people,
    mesh_notes,
    render_people,
    without_mesh,
)
from .work_folder import work_folder


def plan_chunks(shots: Sequence[Shot], folder: ChunkFolder, plan: ChunkPlan, settings: RenderSettings,
                connect: Connect) -> Task:
    """Choose the engines of a shot and match its plates, which the chunks find again; store the plan and return it.

    shots: the heads in the picture; the first gives the frame.
    """
    refs, heads = [shot.ref for shot in shots], []
    with work_folder() as temporary:
        yield from match_people(shots, settings, connect, temporary)
    for ref in refs:
        chosen = choose_engine(find_shot(ref), settings.engine)
        heads.append(HeadPlan(ref.root, FAST if chosen.is_fast else EEVEE, tuple(chosen.notes)))
    plan = replace(plan, heads=tuple(heads))
    folder.save_plan(plan)
    return plan


def render_chunk(shots: Sequence[Shot], folder: ChunkFolder, number: int, layer: str, settings: RenderSettings,
                 connect: Connect) -> Task:
    """Render and refine the frames of a chunk into its file."""
    plan = folder.plan()
    chunk = plan.frames_of(number)
    context = min(CONTEXT, chunk.start)
    sent = {"first": chunk.start - context, "context": context, "layer": layer}
    with work_folder() as temporary:
        matched = yield from subtask(match_people(shots, settings, connect, temporary), 0.0, 0.1)
        frames, is_fast = range(chunk.start - context, chunk.stop), [head.engine == FAST for head in plan.heads]
        people: list[PersonInMovie] = yield from subtask(render_people(matched, frames, is_fast), 0.1, 0.6)
        made = temporary / folder.movie(number).name
        notes = yield InBackground(
            lambda token: chunk_jobs.refine_chunk(connect(), people, sent, made, token), 0.6, 0.99)
        publish(made, folder.movie(number))
    counts = tuple(without_mesh(person.shot.renders[context:]) for person in people)
    folder.save_result(number, ChunkResult(counts, tuple(notes)))


def join_chunks(shots: Sequence[Shot], folder: ChunkFolder, output: MovieOutput, settings: RenderSettings,
                connect: Connect) -> Task:
    """Make the movie of a shot from its chunks, and place it in the sequencer. Returns a MovieResult."""
    plan = folder.plan()
    numbers = range(len(plan.starts))
    results = [result for number in numbers if (result := folder.result(number)) is not None]

    def finish(matched: Sequence[MatchedPerson], result: MovieFile) -> Task:
        chunks = ShotChunks([folder.movie(number) for number in numbers], plan.frames)
        people = [person.in_movie(MatchedRenders(person.shot.subject, person.shot.match, ())) for person in matched]
        count, notes = yield InBackground(
            lambda token: chunk_jobs.join_chunks(connect(), chunks, people, result, token))
        heads = [note for head, counts in zip(plan.heads, zip(*(each.without_mesh for each in results)))
                 for note in (*head.engine_notes, *mesh_notes(sum(counts), plan.frames))]
        seams = [note for each in results for note in each.notes]
        return count, tuple(dict.fromkeys([*heads, *seams, *notes]))

    result = yield from make_movie(shots, output, settings, connect, finish)
    return MovieResult(result.movie, result.frames, plan.notes + result.notes)
