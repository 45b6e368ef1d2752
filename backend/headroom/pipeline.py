"""The steps from a clip and a speech recording to a finished shot, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headroom.common.errors import InputError
from headroom.common.files import atomic_folder
from headroom.common.progress import Progress, no_progress
from headroom.face.library import store_model
from headroom.face.model import bundled_model
from headroom.face.performance import Performance, PoseTrack
from headroom.media.audio import audio_on_disk, is_silent
from headroom.media.image import is_photo, write_picture
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import MovieOptions, VideoWriter, read_frames
from headroom.plate.match import PlateMatch, match_plates
from headroom.subject.clip import ClipSource, LearnConfig, subject_metadata, require_resolution
from headroom.subject.folder import Subject, write_metadata, write_rig
from headroom.subject.photo import PhotoSource
from headroom.track.appearance.appearance import require_albedo
from headroom.track.render import render_track
from headroom.track.track import Track
from headroom.track.tracker import regressor_from, track_known_face

if TYPE_CHECKING:
    from headroom.subject.shot_refiner import Composite


def learn(
    clip: Path,
    subject: Path,
    *,
    preset: str = "draft",
    albedo: str = "clip",
    resolution: int = 256,
    from_seconds: float | None = None,
    to_seconds: float | None = None,
    name: str | None = None,
    consent: str | None = None,
    face_model: Path | None = None,
    regressor: Path | None = None,
    arcface: Path | None = None,
    resnet18: Path | None = None,
    progress: Progress = no_progress,
) -> list[str]:
    """Learn a person from a clip, or from one photo, into the folder `subject`; returns what the user should know.

    resolution: pixels across a render, 256 or 512. face_model: a file of `headroom model import`, kept for the
    subject's later use; the bundled model if None. regressor: a file of the network that reads frames without
    landmarks; the bundled one if None. arcface, resnet18: the paper's networks as published, for the refiner's memory.
    """
    from headroom.common.networks.arcface import load_arcface
    from headroom.refine.spatial import imagenet_spatial
    from headroom.refine.train_config import PRESETS

    if preset not in PRESETS:
        raise InputError(f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    require_albedo(albedo)
    require_resolution(resolution, preset)
    if resnet18 and not arcface:
        raise InputError("ResNet-18 serves to remember what ArcFace says of each frame; give ArcFace's file too.")
    who = load_arcface(arcface) if arcface else None
    spatial = imagenet_spatial(resnet18) if resnet18 else None
    source = (PhotoSource if is_photo(clip) else ClipSource).open(clip, from_seconds, to_seconds)
    model = bundled_model() if face_model is None else store_model(face_model)
    config = LearnConfig(preset, albedo, resolution, regressor_from(regressor, model), who, spatial)
    with atomic_folder(subject) as folder:
        learnt = source.learn(folder, model, config, progress)
        track, look = learnt.tracked.track, learnt.tracked.appearance
        track.save(folder / "track.npz")
        write_rig(folder / "rig.npz", model, track, learnt.refiner.resolution)
        write_picture(folder / "albedo.png", look.albedo)
        learnt.motion.save(folder / "motion.safetensors")
        learnt.refiner.save(folder / "refiner.safetensors")
        write_picture(folder / "preview.png", learnt.frames[len(learnt.frames) // 2])
        write_metadata(folder, subject_metadata(clip, learnt, preset, name, consent, model))
    return learnt.notes


def perform(
    subject: Path,
    speech: Path,
    *,
    seed: int = 0,
    controls: Sequence[str] = (),
    pose: str = "predicted",
    progress: Progress = no_progress,
) -> tuple[Performance, list[str]]:
    """Expression and pose at 25 Hz for a speech recording, and what the user should know.

    controls: texts like "mouth.gain=1.2" (headroom/motion/controls.py). pose: predicted, or replayed from the clip
    with its gaze.
    """
    from headroom.motion.controls import UNTOUCHED, apply_controls, parse_controls
    from headroom.motion.predict import predict, replayed

    person, wanted = Subject.open(subject), parse_controls(controls)
    progress(0.0, "Listening to the speech")
    with audio_on_disk(speech) as samples:
        if is_silent(samples):
            raise InputError(f"{Path(speech).name} is no_progress; choose a recording with speech in it.")
        progress(0.2, "Predicting the performance")
        performance = predict(person.motion, samples, seed=seed)
    if pose == "replayed":
        performance = replayed(person.motion, performance)
    if wanted != UNTOUCHED:
        performance = apply_controls(performance, wanted, person.model.regions)
    progress(1.0, "Predicted the performance")
    return performance, []


def match(
    subject: Path,
    rotation: np.ndarray,
    translation: np.ndarray,
    fps: float,
    *,
    plate_fit: float = 0.0,
    held: np.ndarray | None = None,
    progress: Progress = no_progress,
) -> PlateMatch:
    """A plate and a pose to render with for every frame of a shot; rotation (T, 3), translation (T, 3) at `fps`.

    held (T,): the positions that frames keep from an earlier match, NaN where they are free.
    """
    progress(0.0, "Matching plates")
    track = Subject.open(subject).track
    wanted, clip = PoseTrack(fps, rotation, translation), PoseTrack(track.fps, track.rotation, track.translation)
    return match_plates(wanted, clip, plate_fit, held)


def render_crops(
    subject: Path, expression: np.ndarray, rotation: np.ndarray, translation: np.ndarray, progress: Progress = no_progress
) -> Iterator[np.ndarray]:
    """Renders (R, R, 4) uint8 of expression (T, 64) and pose (T, 3), (T, 3), drawn without Blender."""
    person = Subject.open(subject)
    moved = _with_motion(person.track, expression, rotation, translation)
    yield from render_track(person.model, moved, person.albedo, person.resolution, progress)


def refined_frames(
    subject: Path, renders: Iterable[np.ndarray], matched: PlateMatch, progress: Progress = no_progress
) -> Iterator["Composite"]:
    """The finished frames of renders (R, R, 4) uint8 over their matched plates."""
    from headroom.subject.shot_refiner import Composite, open_shot_refiner

    studio = open_shot_refiner(subject)
    for frame, crop in enumerate(studio.refine(renders, matched)):
        progress(frame / len(matched.plate), f"Refining frame {frame + 1} of {len(matched.plate)}")
        yield Composite(studio.composite(matched, frame, crop), studio.warped_plate(matched, frame), crop[1])


def refine_frames(
    subject: Path,
    renders: list[Path],
    matched: PlateMatch,
    crops: Path,
    *,
    context: int = 0,
    compare: Path | None = None,
    progress: Progress = no_progress,
) -> int:
    """Refine a part of a shot, so that `refine` finds it done in the folder `crops`; how many frames were painted.

    The first `context` renders are the window of those that follow. compare: a folder for a picture of each frame
    before and after refining, side by side, as 000000.png and so on.
    """
    from headroom.refine.refined_crops import CropCache
    from headroom.subject.shot_refiner import open_shot_refiner

    studio, painted = open_shot_refiner(subject), 0
    with closing(studio.refine_files(renders, matched, CropCache(crops), context)) as refined:
        for number, (crop, is_new) in enumerate(refined):
            painted += is_new
            if compare:
                frame = context + number
                both = studio.comparison(matched, frame, renders[frame], crop)
                write_picture(compare / f"{number:06d}.png", both)
            progress((number + 1) / (len(renders) - context), f"Refined frame {number + 1} of {len(renders) - context}")
    return painted


def refine(
    subject: Path,
    renders: list[Path],
    matched: PlateMatch,
    movie: Path,
    *,
    fps: float,
    speech: Path | None,
    crops: Path,
    speech_from_seconds: float = 0.0,
    speech_part: tuple[float, float] | None = None,
    progress: Progress = no_progress,
) -> int:
    """The finished shot from render files, with the speech from a second on; returns the number of frames.

    speech_part: the seconds of the speech from and to which it is heard, all of it unless given.

    Refined crops are kept in the folder `crops`, and those that it holds already are not painted again.
    """
    from headroom.refine.refined_crops import CropCache
    from headroom.subject.shot_refiner import open_shot_refiner

    if len(renders) != len(matched.plate):
        raise InputError(f"There are {len(renders)} renders for {len(matched.plate)} plates; render the shot again.")
    studio = open_shot_refiner(subject)
    camera = studio.track.camera
    sound = SoundtrackSource(speech, speech_from_seconds, speech_part) if speech else None
    with VideoWriter(movie, fps, camera.width, camera.height, sound=sound,
                     options=MovieOptions(title=studio.title, generated=True)) as writer:
        with closing(studio.composites(renders, matched, CropCache(crops))) as frames:
            for number, frame in enumerate(frames):
                progress(number / len(renders), f"Refining frame {number + 1} of {len(renders)}")
                writer.write(frame)
    return len(renders)


def track_rest(
    subject: Path, clip: Path, from_seconds: float, to_seconds: float | None = None, progress: Progress = no_progress
) -> Track:
    """The track of another part of the learnt clip, with the subject's identity, camera and light."""
    person = Subject.open(subject)
    frames = list(read_frames(clip, from_seconds, to_seconds))
    return track_known_face(person.track, person.albedo, frames, person.model, progress)


def _with_motion(track: Track, expression, rotation, translation) -> Track:
    sure = np.ones(len(expression), np.float32)
    return Track(track.fps, track.camera, track.crop, track.identity, track.texture, track.light,
                 expression, rotation, translation, sure)
