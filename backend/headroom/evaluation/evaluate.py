"""Learn a person from the first seconds of a clip, remake the rest, and measure it against the true frames.

*reconstruction* uses the tracked motion of the rest and shows what rendering and refining can do. *prediction* uses the
motion that is predicted from the sound of the rest. Both use plates of the learned part, so no picture of the rest
enters.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from headroom import pipeline
from headroom.common.choices import ChosenResolution
from headroom.common.errors import InputError
from headroom.common.files import atomic_files
from headroom.common.networks.arcface import ArcFace, load_arcface
from headroom.common.progress import Progress, Stopwatch, no_progress, subprogress
from headroom.common.settings import LearnSettings, Preset
from headroom.common.temporary import temporary_folder
from headroom.evaluation.figures import ClipFigures, Evaluation, ResultFigures
from headroom.evaluation.held_out import ClipPart, HeldOutPart
from headroom.evaluation.measure import measure_result, measure_truth
from headroom.face.performance import Performance
from headroom.media.audio import SAMPLE_RATE, read_audio, write_wav
from headroom.media.video import VideoInfo, probe
from headroom.subject.folder import Subject
from headroom.subject.networks import NetworkFiles
from headroom.subject.shot_refiner import Composite

MIN_HELD_OUT_SECONDS = 2.0
TRUTH = "truth.mp4"
MOVIES = (TRUTH, "reconstruction.mp4", "prediction.mp4")
"""What `save` gets."""


@dataclass(frozen=True)
class EvaluateOptions:
    """What is learned, and what is compared.

    train_seconds: length of the clip's beginning from which the person is learned.
    face_model: a file that `headroom model import` wrote; None is the bundled model.
    resolution: side of the face crop, pixels; auto goes by the size of the face.
    identity_network: ArcFace as published, which compares the persons shown; None leaves that out. Learning does not
        use it.
    """

    train_seconds: float = 12.0
    preset: Preset = "draft"
    face_model: Path | None = None
    identity_network: Path | None = None
    resolution: ChosenResolution = "auto"

    def arcface(self) -> ArcFace | None:
        """Load the identity network; InputError for a file with another network."""
        return load_arcface(self.identity_network) if self.identity_network else None


def evaluate(
    clip: Path, options: EvaluateOptions = EvaluateOptions(), save: Path | None = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """Evaluate on one clip.

    save: folder for truth.mp4, reconstruction.mp4 and prediction.mp4, whose frames correspond; all are written or none.
    """
    clip, video, train_seconds = Path(clip), probe(Path(clip)), options.train_seconds
    _require_enough(clip, video, train_seconds)
    arcface, watch = options.arcface(), Stopwatch()
    with temporary_folder() as scratch:
        subject, speech, movies = (scratch / name for name in ("subject", "speech.wav", "movies"))
        with watch.step("learn"):
            notes = learn_first_part(clip, subject, options, subprogress(progress, 0, 0.7))
        with watch.step("track"):
            held_out = held_out_part(clip, subject, train_seconds, arcface, subprogress(progress, 0.7, 0.8))
        with watch.step("predict"):
            write_wav(speech, read_audio(clip, SAMPLE_RATE, from_seconds=train_seconds))
            predicted, perform_notes = pipeline.perform(subject, speech, progress=subprogress(progress, 0.8, 0.82))
        part, track = held_out.part, held_out.part.track
        motions = {"reconstruction": track.performance, "prediction": predicted.resampled(track.fps, len(track))}
        results: dict[str, ResultFigures] = {}
        for index, (name, motion) in enumerate(motions.items()):
            step = subprogress(progress, 0.82 + 0.09 * index, 0.91 + 0.09 * index)
            with watch.step(f"make {name}"):
                frames = remake_frames(subject, motion, step)
                results[name] = measure_result(held_out, frames, motion, movies / f"{name}.mp4")
        if save:
            with part.writer(movies / TRUTH) as writer:
                writer.write_all(part.frames())
            _save_movies(movies, save)
    return Evaluation(
        clip=ClipFigures(clip.name, video.width, video.height, video.fps, video.seconds),
        preset=options.preset,
        train_seconds=train_seconds,
        test_frames=len(track),
        results=results,
        truth=measure_truth(held_out),
        seconds=watch.seconds,
        notes=[*notes, *perform_notes],
    )


def learn_first_part(
    clip: Path, subject: Path, options: EvaluateOptions, progress: Progress = no_progress
) -> list[str]:
    """Learn the person from the first seconds of a clip; return what the user should know."""
    settings = LearnSettings(preset=options.preset, from_seconds=0.0, to_seconds=options.train_seconds,
                             resolution=options.resolution, consent="evaluation only")
    return pipeline.learn(clip, subject, settings, NetworkFiles(face_model=options.face_model), progress)


def held_out_part(
    clip: Path, subject: Path, from_seconds: float, arcface: ArcFace | None = None, progress: Progress = no_progress
) -> HeldOutPart:
    """Track the rest of a clip as the learned person, and find the landmarks of its frames."""
    track = pipeline.track_known_person(subject, clip, from_seconds, None, subprogress(progress, 0, 0.6))
    part = ClipPart(clip, probe(clip), from_seconds, track, Subject.open(subject).model)
    return HeldOutPart.read(part, arcface, subprogress(progress, 0.6, 1))


def remake_frames(subject: Path, motion: Performance, progress: Progress = no_progress) -> Iterator[Composite]:
    """Yield full frames of a motion, rendered without Blender and refined over the subject's plates."""
    match = pipeline.match_plates(subject, motion.pose)
    matched_motion = replace(motion, rotation=match.rotation, translation=match.translation)
    yield from pipeline.refined_frames(subject, pipeline.render_crops(subject, matched_motion), match, progress)


def _require_enough(clip: Path, video: VideoInfo, train_seconds: float) -> None:
    if video.seconds < train_seconds + MIN_HELD_OUT_SECONDS:
        raise InputError(f"{clip.name} lasts {video.seconds:.1f} s, too short to learn {train_seconds:g} s and measure "
                         f"on at least {MIN_HELD_OUT_SECONDS:g} s; choose fewer --train-seconds.")


def _save_movies(movies: Path, folder: Path) -> None:
    """Move the movies to the user's folder, all or none."""
    with atomic_files(folder, MOVIES) as temporary:
        for name in MOVIES:
            shutil.move(movies / name, temporary / name)
