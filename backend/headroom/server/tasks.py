"""What each kind of job does: copy its files into a private folder, call the pipeline, store what that returns.

Tasks run in the worker process, which imports torch and the pipeline; the server process never does.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.progress import Progress, TrainingMonitor
from headroom.common.settings import (
    AlignWordsSettings,
    JoinChunksSettings,
    LearnSettings,
    MatchSettings,
    PerformSettings,
    PersonSettings,
    RefineChunkSettings,
    RefineFramesSettings,
    RefineSettings,
)
from headroom.common.stored import FPS, LIMIT, Array, Damaged, read_npz, require_arrays, write_npz
from headroom.server.blobs import Blobs
from headroom.server.job_cache import JobCache
from headroom.server.requests import (
    AlignWordsRequest,
    CheckRequest,
    EvaluateRequest,
    JobRequest,
    JoinChunksRequest,
    LearnRequest,
    MatchPlatesRequest,
    PerformRequest,
    RefineChunkRequest,
    RefineFramesRequest,
    RefineRequest,
    ShotInputs,
    SpeakerInputs,
    WriteTrackRequest,
)
from headroom.server.results import (
    AlignWordsResult,
    CheckResult,
    EvaluateResult,
    JobResult,
    LearnResult,
    MatchPlatesResult,
    PerformResult,
    RefineChunkResult,
    RefineFramesResult,
    RefineResult,
    WriteTrackResult,
)
from headroom.server.trees import Tree, plain_name, read_tree

if TYPE_CHECKING:
    from headroom import pipeline
    from headroom.common.other_speaker import OtherSpeaker
    from headroom.face.performance import Performance, PoseTrack
    from headroom.face.word_track import SpokenWords
    from headroom.plate.match import PlateMatch
    from headroom.plate.shot_renders import PersonInMovie, PersonInShot, ShotRenders


class Pipeline(Protocol):
    """The functions of `headroom.pipeline` that tasks call; tests pass another module."""

    def learn(self, clip: Path, subject: Path, settings: LearnSettings, /, *, progress: Progress,
              monitor: TrainingMonitor | None) -> list[str]:
        """Learn a person and write the subject."""

    def perform(self, subject: Path, speech: Path, settings: PerformSettings, /, *, others: Sequence[OtherSpeaker],
                progress: Progress) -> tuple[Performance, list[str]]:
        """Predict a performance from speech."""

    def align_words(self, speech: Path, settings: AlignWordsSettings, /, *, progress: Progress
                    ) -> tuple[SpokenWords, list[str]]:
        """Find the words of a transcript in speech."""

    def write_track(self, speech: Path, track: int, path: Path, /) -> None:
        """Write an audio track of a file as a sound file."""

    def match_plates(self, subject: Path, poses: PoseTrack, settings: MatchSettings, /, *,
                     fixed_positions: NDArray[np.float64] | None, progress: Progress) -> PlateMatch:
        """Find a plate for every frame of a shot."""

    def refine(self, people: Sequence[PersonInShot], movie: Path, settings: RefineSettings, /, *, progress: Progress
               ) -> tuple[int, list[str]]:
        """Refine a shot and write it as a movie; return the number of frames and notes."""

    def refine_frames(self, subject: Path, shot: ShotRenders, settings: RefineFramesSettings, /, *,
                      comparisons: Path | None, progress: Progress) -> int:
        """Refine some frames of a shot; return how many were not in the cache."""

    def refine_chunk(self, people: Sequence[PersonInShot], chunk: Path, settings: RefineChunkSettings, /, *,
                     progress: Progress) -> tuple[int, list[str]]:
        """Finish some frames of a shot; return their number and notes."""

    def join_chunks(self, people: Sequence[PersonInMovie], chunks: Sequence[Path], movie: Path,
                    settings: JoinChunksSettings, /, *, progress: Progress) -> tuple[int, list[str]]:
        """Write a movie from chunks of its frames; return the number of frames and notes."""


if TYPE_CHECKING:
    CHECKED: Pipeline = pipeline  # mypy compares the module's functions with the protocol


@dataclass(frozen=True)
class TaskContext:
    """What a task may use."""

    folder: Path  # private to the job, empty at the start, removed when the job ends
    blobs: Blobs
    cache: JobCache
    pipeline: Pipeline
    progress: Progress
    monitor: TrainingMonitor


def run(context: TaskContext, request: JobRequest) -> JobResult:
    """Run the task of one job and return its result."""
    match request:
        case LearnRequest():
            return learn(context, request)
        case PerformRequest():
            return perform(context, request)
        case AlignWordsRequest():
            return align_words(context, request)
        case WriteTrackRequest():
            return write_track(context, request)
        case MatchPlatesRequest():
            return match_plates(context, request)
        case RefineRequest():
            return refine(context, request)
        case RefineFramesRequest():
            return refine_frames(context, request)
        case RefineChunkRequest():
            return refine_chunk(context, request)
        case JoinChunksRequest():
            return join_chunks(context, request)
        case EvaluateRequest():
            return evaluate(context, request)
        case CheckRequest():
            return check(context, request)


def learn(context: TaskContext, request: LearnRequest) -> LearnResult:
    """Learn a person from a clip or a photo."""
    clip = _named_copy(context, request.inputs.clip, request.inputs.clip_name, "clip")
    subject = context.folder / "learned" / "subject"
    notes = context.pipeline.learn(
        clip, subject, request.settings, progress=context.progress, monitor=context.monitor)
    return LearnResult(subject=read_tree(subject, context.blobs), notes=notes)


def perform(context: TaskContext, request: PerformRequest) -> PerformResult:
    """Predict a performance from speech."""
    from headroom.common.other_speaker import OtherSpeaker

    subject = _subject_folder(context, request.inputs.subject)
    speech = _named_copy(context, request.inputs.speech, request.inputs.speech_name, "speech")
    others = [OtherSpeaker(_named_copy(context, each.speech, each.speech_name, f"other speech {number}"), each.side)
              for number, each in enumerate(request.inputs.others, start=1)]
    performance, notes = context.pipeline.perform(subject, speech, request.settings, others=others,
                                                  progress=context.progress)
    path = context.folder / "performance.npz"
    performance.save(path)
    return PerformResult(performance=context.blobs.add(path), notes=notes)


def align_words(context: TaskContext, request: AlignWordsRequest) -> AlignWordsResult:
    """Find the words of a transcript in speech."""
    speech = _named_copy(context, request.inputs.speech, request.inputs.speech_name, "speech")
    spoken, notes = context.pipeline.align_words(speech, request.settings, progress=context.progress)
    path = context.folder / "spoken.npz"
    write_npz(path, {**spoken.words.arrays(), **spoken.phones.arrays()})
    return AlignWordsResult(spoken=context.blobs.add(path), notes=notes)


def write_track(context: TaskContext, request: WriteTrackRequest) -> WriteTrackResult:
    """Write an audio track of a file as a sound file."""
    speech = _named_copy(context, request.inputs.speech, request.inputs.speech_name, "speech")
    context.progress(0.1, "Reading the speech")
    path = context.folder / "track.wav"
    context.pipeline.write_track(speech, request.settings.audio_track, path)
    return WriteTrackResult(sound=context.blobs.add(path))


def match_plates(context: TaskContext, request: MatchPlatesRequest) -> MatchPlatesResult:
    """Find a plate for each frame of a shot."""
    subject = _subject_folder(context, request.inputs.subject)
    poses, fixed_positions = read_poses(context.blobs.copy(request.inputs.poses, context.folder / "poses.npz"))
    match = context.pipeline.match_plates(
        subject, poses, request.settings, fixed_positions=fixed_positions, progress=context.progress)
    path = context.folder / "match.npz"
    match.save(path)
    return MatchPlatesResult(match=context.blobs.add(path))


def refine(context: TaskContext, request: RefineRequest) -> RefineResult:
    """Make the finished movie of a shot from its renders."""
    people = [_person_in_shot(context, number, inputs, settings, _speech(context, number, inputs))
              for number, (inputs, settings) in enumerate(request.inputs.people(request.settings), start=1)]
    movie = _movie_path(context, request.settings)
    frames, notes = context.pipeline.refine(people, movie, request.settings, progress=context.progress)
    return RefineResult(movie=context.blobs.add(movie), frames=frames, notes=notes)


def refine_frames(context: TaskContext, request: RefineFramesRequest) -> RefineFramesResult:
    """Refine some frames of a shot into the job cache, where `refine` finds them."""
    inputs, settings = request.inputs, request.settings
    subject = _subject_folder(context, inputs.subject)
    shot = _shot_renders(context, inputs, context.folder / "renders")
    pictures = context.folder / "pictures"
    refined = context.pipeline.refine_frames(
        subject, shot, settings, comparisons=pictures, progress=context.progress)
    return RefineFramesResult(frames=len(shot.renders) - settings.context, refined=refined,
                              pictures=[context.blobs.add(path) for path in sorted(pictures.glob("*.png"))])


def refine_chunk(context: TaskContext, request: RefineChunkRequest) -> RefineChunkResult:
    """Finish some frames of a shot."""
    people = [_person_in_shot(context, number, inputs, settings)
              for number, (inputs, settings) in enumerate(request.inputs.people(request.settings), start=1)]
    chunk = context.folder / "chunk"
    frames, notes = context.pipeline.refine_chunk(people, chunk, request.settings, progress=context.progress)
    return RefineChunkResult(chunk=context.blobs.add(chunk), frames=frames, notes=notes)


def join_chunks(context: TaskContext, request: JoinChunksRequest) -> RefineResult:
    """Make the finished movie of a shot from its chunks."""
    from headroom.plate.shot_renders import PersonInMovie

    inputs, movie = request.inputs, _movie_path(context, request.settings)
    people = [PersonInMovie(_subject_folder(context, each.subject), settings, _speech(context, number, each))
              for number, (each, settings) in enumerate(inputs.people(request.settings), start=1)]
    chunks = [context.blobs.copy(sha, context.folder / "chunks" / f"{number + 1}")
              for number, sha in enumerate(inputs.chunks)]
    frames, notes = context.pipeline.join_chunks(people, chunks, movie, request.settings, progress=context.progress)
    return RefineResult(movie=context.blobs.add(movie), frames=frames, notes=notes)


def evaluate(context: TaskContext, request: EvaluateRequest) -> EvaluateResult:
    """Measure how well the rest of a clip is remade from its beginning."""
    from headroom.evaluation import evaluate as evaluation

    clip = _named_copy(context, request.inputs.clip, request.inputs.clip_name, "clip")
    settings, movies = request.settings, context.folder / "movies"
    options = evaluation.EvaluateOptions(settings.train_seconds, settings.preset)
    found = evaluation.evaluate(clip, options, movies if settings.movies else None, context.progress)
    figures = context.folder / "figures.json"
    figures.write_text(found.to_json(), encoding="utf-8")
    return EvaluateResult(figures=context.blobs.add(figures), notes=found.notes, movies={
        name: context.blobs.add(movies / name) for name in evaluation.MOVIES if settings.movies})


def check(context: TaskContext, request: CheckRequest) -> CheckResult:
    """Tell whether a clip is good to learn from, and who is seen in it."""
    from headroom.evaluation.clip_check import check_clip
    from headroom.evaluation.contact_sheet import check_picture

    clip = _named_copy(context, request.inputs.clip, request.inputs.clip_name, "clip")
    settings, picture = request.settings, context.folder / "check.jpg"
    found = check_clip(clip, settings.from_seconds, settings.to_seconds, settings.audio_track, settings.face,
                       context.progress)
    picture.write_bytes(check_picture(found))
    return CheckResult(usable_seconds=found.figures.usable_seconds, people=found.figures.faces, notes=found.warnings,
                       picture=context.blobs.add(picture))


def load_pipeline(module: str) -> Pipeline:
    """Import the module with the pipeline's functions."""
    return cast(Pipeline, importlib.import_module(module))


def read_poses(path: Path) -> tuple[PoseTrack, NDArray[Any] | None]:
    """Return the poses of a shot, and the positions (T,) that frames keep from an earlier match, NaN for the others.

    Version 1 of the API called those positions `held`; queued jobs from then still have such a file.
    """
    from headroom.face.performance import PoseTrack

    try:
        stored = read_npz(path)
        require_arrays(stored, {"fps": FPS, "rotation": Array(("frames", 3)), "translation": Array(("frames", 3))})
    except Damaged as error:
        raise InputError(f"The poses cannot be used, because {error}; render the shot again.") from error
    poses = PoseTrack(float(stored["fps"]), stored["rotation"], stored["translation"])
    fixed = next((stored[name] for name in ("fixed_positions", "held") if name in stored), None)
    if fixed is not None and (fixed.shape != poses.rotation.shape[:1] or fixed.dtype.kind != "f"
                              or (np.abs(fixed) > LIMIT).any()):
        raise InputError("The poses need one fixed position for each frame, NaN for a frame that is matched anew.")
    return poses, fixed


def _named_copy(context: TaskContext, sha: str, name: str, role: str) -> Path:
    """Copy a blob into its own folder under the user's file name, which messages and the subject mention."""
    return context.blobs.copy(sha, context.folder / role / plain_name(name, otherwise=role))


def _movie_path(context: TaskContext, settings: RefineSettings) -> Path:
    """Return where a movie is written: many pictures are one zip file."""
    return context.folder / f"movie{'.zip' if settings.ending == '.png' else settings.ending}"


def _subject_folder(context: TaskContext, tree: Tree) -> Path:
    """Return the subject's folder, the same one for every job, so that the pipeline can keep the subject open."""
    return context.cache.subject(tree, context.blobs)


def _person_in_shot(context: TaskContext, number: int, inputs: ShotInputs, settings: PersonSettings,
                    speech: Path | None = None) -> PersonInShot:
    """Copy the renders of a person of a shot."""
    from headroom.plate.shot_renders import PersonInShot

    shot = _shot_renders(context, inputs, context.folder / f"person {number}" / "renders")
    return PersonInShot(_subject_folder(context, inputs.subject), settings, speech, shot=shot)


def _speech(context: TaskContext, number: int, inputs: SpeakerInputs) -> Path | None:
    """Copy the speech of a person of a movie; return None for one who says nothing."""
    if inputs.speech is None:
        return None
    return _named_copy(context, inputs.speech, inputs.speech_name, f"person {number}/speech")


def _shot_renders(context: TaskContext, inputs: ShotInputs, folder: Path) -> ShotRenders:
    """Copy the renders, their meshes and the match into a folder; return them with the cache of refined crops."""
    from headroom.plate.match import PlateMatch
    from headroom.plate.shot_renders import Render, ShotRenders

    meshes = inputs.meshes or [None] * len(inputs.renders)
    if len(meshes) != len(inputs.renders):
        raise InputError(f"There are {len(meshes)} meshes for {len(inputs.renders)} renders; render the shot again.")

    def copy(sha: str | None, name: str) -> Path | None:
        return context.blobs.copy(sha, folder / name) if sha else None

    renders = [Render(copy(picture, f"{frame:06d}.png"), copy(mesh, f"{frame:06d}.npy"))
               for frame, (picture, mesh) in enumerate(zip(inputs.renders, meshes))]
    match = PlateMatch.load(context.blobs.copy(inputs.match, folder / "match.npz"))
    return ShotRenders(renders, match, context.cache.crops)
