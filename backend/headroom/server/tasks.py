"""What each kind of job does: copy its files into a private folder, call the pipeline, store what that returns.

Tasks run in the worker process, which imports torch and the pipeline; the server process never does.
"""

from __future__ import annotations

from pathlib import Path

from headroom.common.settings import RefineSettings
from headroom.common.stored import write_npz
from headroom.server.input_files import (
    named_copy,
    person_in_shot,
    read_poses,
    shot_renders,
    speech_of,
    subject_folder,
)
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
from headroom.server.task_context import TaskContext
from headroom.server.trees import read_tree


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
    clip = named_copy(context, request.inputs.clip, request.inputs.clip_name, "clip")
    subject = context.folder / "learned" / "subject"
    notes = context.pipeline.learn(
        clip, subject, request.settings, progress=context.progress, monitor=context.monitor)
    return LearnResult(subject=read_tree(subject, context.blobs), notes=notes)


def perform(context: TaskContext, request: PerformRequest) -> PerformResult:
    """Predict a performance from speech."""
    from headroom.common.other_speaker import OtherSpeaker

    subject = subject_folder(context, request.inputs.subject)
    speech = named_copy(context, request.inputs.speech, request.inputs.speech_name, "speech")
    others = [OtherSpeaker(named_copy(context, each.speech, each.speech_name, f"other speech {number}"), each.side)
              for number, each in enumerate(request.inputs.others, start=1)]
    performance, notes = context.pipeline.perform(subject, speech, request.settings, others=others,
                                                  progress=context.progress)
    path = context.folder / "performance.npz"
    performance.save(path)
    return PerformResult(performance=context.blobs.add(path), notes=notes)


def align_words(context: TaskContext, request: AlignWordsRequest) -> AlignWordsResult:
    """Find the words of a transcript in speech."""
    speech = named_copy(context, request.inputs.speech, request.inputs.speech_name, "speech")
    spoken, notes = context.pipeline.align_words(speech, request.settings, progress=context.progress)
    path = context.folder / "spoken.npz"
    write_npz(path, {**spoken.words.arrays(), **spoken.phones.arrays()})
    return AlignWordsResult(spoken=context.blobs.add(path), notes=notes)


def write_track(context: TaskContext, request: WriteTrackRequest) -> WriteTrackResult:
    """Write an audio track of a file as a sound file."""
    speech = named_copy(context, request.inputs.speech, request.inputs.speech_name, "speech")
    context.progress(0.1, "Reading the speech")
    path = context.folder / "track.wav"
    context.pipeline.write_track(speech, request.settings.audio_track, path)
    return WriteTrackResult(sound=context.blobs.add(path))


def match_plates(context: TaskContext, request: MatchPlatesRequest) -> MatchPlatesResult:
    """Find a plate for each frame of a shot."""
    subject = subject_folder(context, request.inputs.subject)
    poses, fixed_positions = read_poses(context.blobs.copy(request.inputs.poses, context.folder / "poses.npz"))
    match = context.pipeline.match_plates(
        subject, poses, request.settings, fixed_positions=fixed_positions, progress=context.progress)
    path = context.folder / "match.npz"
    match.save(path)
    return MatchPlatesResult(match=context.blobs.add(path))


def refine(context: TaskContext, request: RefineRequest) -> RefineResult:
    """Make the finished movie of a shot from its renders."""
    people = [person_in_shot(context, number, inputs, settings, speech_of(context, number, inputs))
              for number, (inputs, settings) in enumerate(request.inputs.people(request.settings), start=1)]
    movie = _movie_path(context, request.settings)
    frames, notes = context.pipeline.refine(people, movie, request.settings, progress=context.progress)
    return RefineResult(movie=context.blobs.add(movie), frames=frames, notes=notes)


def refine_frames(context: TaskContext, request: RefineFramesRequest) -> RefineFramesResult:
    """Refine some frames of a shot into the job cache, where `refine` finds them."""
    inputs, settings = request.inputs, request.settings
    subject = subject_folder(context, inputs.subject)
    shot = shot_renders(context, inputs, context.folder / "renders")
    pictures = context.folder / "pictures"
    refined = context.pipeline.refine_frames(
        subject, shot, settings, comparisons=pictures, progress=context.progress)
    return RefineFramesResult(frames=len(shot.renders) - settings.context, refined=refined,
                              pictures=[context.blobs.add(path) for path in sorted(pictures.glob("*.png"))])


def refine_chunk(context: TaskContext, request: RefineChunkRequest) -> RefineChunkResult:
    """Finish some frames of a shot."""
    people = [person_in_shot(context, number, inputs, settings)
              for number, (inputs, settings) in enumerate(request.inputs.people(request.settings), start=1)]
    chunk = context.folder / "chunk"
    frames, notes = context.pipeline.refine_chunk(people, chunk, request.settings, progress=context.progress)
    return RefineChunkResult(chunk=context.blobs.add(chunk), frames=frames, notes=notes)


def join_chunks(context: TaskContext, request: JoinChunksRequest) -> RefineResult:
    """Make the finished movie of a shot from its chunks."""
    from headroom.plate.shot_renders import PersonInMovie

    inputs, movie = request.inputs, _movie_path(context, request.settings)
    people = [PersonInMovie(subject_folder(context, each.subject), settings, speech_of(context, number, each))
              for number, (each, settings) in enumerate(inputs.people(request.settings), start=1)]
    chunks = [context.blobs.copy(sha, context.folder / "chunks" / f"{number + 1}")
              for number, sha in enumerate(inputs.chunks)]
    frames, notes = context.pipeline.join_chunks(people, chunks, movie, request.settings, progress=context.progress)
    return RefineResult(movie=context.blobs.add(movie), frames=frames, notes=notes)


def evaluate(context: TaskContext, request: EvaluateRequest) -> EvaluateResult:
    """Measure how well the rest of a clip is remade from its beginning."""
    from headroom.evaluation import evaluate as evaluation

    clip = named_copy(context, request.inputs.clip, request.inputs.clip_name, "clip")
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
    from headroom.evaluation.contact_sheet import write_check_picture

    clip = named_copy(context, request.inputs.clip, request.inputs.clip_name, "clip")
    settings, picture = request.settings, context.folder / "check.jpg"
    found = check_clip(clip, settings.from_seconds, settings.to_seconds, settings.audio_track, settings.face,
                       context.progress)
    write_check_picture(picture, found)
    return CheckResult(usable_seconds=found.figures.usable_seconds, people=found.figures.faces, notes=found.warnings,
                       picture=context.blobs.add(picture))


def _movie_path(context: TaskContext, settings: RefineSettings) -> Path:
    """Return where a movie is written: many pictures are one zip file."""
    return context.folder / f"movie{'.zip' if settings.ending == '.png' else settings.ending}"
