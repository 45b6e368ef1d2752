"""The steps from a clip and a speech recording to a finished shot, in order."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headroom import __version__
from headroom.errors import InputError
from headroom.face.model import FaceModel, bundled_model
from headroom.face.raster import Rasterizer
from headroom.files import atomic_folder
from headroom.media.audio import SAMPLE_RATE, is_silent, read_audio
from headroom.media.image import read_picture, write_picture
from headroom.media.video import VideoInfo, VideoWriter, probe, read_frames
from headroom.performance import Performance
from headroom.plate.composite import composite, crop_frame
from headroom.plate.match import PlateMatch, match_plates
from headroom.plate.plates import Plates
from headroom.plate.warp import warp_plate
from headroom.progress import Progress, part, silent
from headroom.subject import Subject, head_points, model_digest, write_facts, write_rig
from headroom.track.albedo import Look
from headroom.track.regions import region_maps
from headroom.track.track import Track
from headroom.track.tracker import track_clip, track_further

if TYPE_CHECKING:
    from headroom.motion.model import MotionModel
    from headroom.refine.refine import Refiner

SHORTEST_SECONDS = 2.0
LONGEST_SECONDS = 30.0
"""A clip is learnt from its first half minute unless the user says which part."""
_MOST_PIXELS = 2.2e9
"""Pixels held while learning: 6.6 GB, 30 s of 1080p at 30 frames a second and more."""


def learn(
    clip: Path,
    subject: Path,
    *,
    preset: str = "draft",
    from_seconds: float | None = None,
    to_seconds: float | None = None,
    name: str | None = None,
    consent: str | None = None,
    progress: Progress = silent,
) -> list[str]:
    """Learn a person from a clip into the folder `subject`; returns what the user should know."""
    from headroom.refine.train import PRESETS

    if preset not in PRESETS:
        raise InputError(f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
    info = probe(clip)
    start, end, notes = learnt_part(info, from_seconds, to_seconds)
    speech = _clip_speech(clip, info, start, end)
    model = bundled_model()
    took: dict[str, float] = {}
    with atomic_folder(subject) as folder:
        with _timed(took, "track"):
            frames = list(read_frames(clip, start, end))
            track, look, seen = track_clip(frames, info.fps, model, part(progress, 0, 0.15))
        with _timed(took, "motion"):
            motion = learn_motion(model, track, speech, part(progress, 0.15, 0.27))
        with _timed(took, "plates"):
            write_plates(folder / "plates.mp4", frames, info.fps, part(progress, 0.27, 0.3))
        with _timed(took, "refiner"):
            refiner = learn_refiner(model, track, look, frames, preset, part(progress, 0.3, 1))
        track.save(folder / "track.npz")
        write_rig(folder / "rig.npz", model, track, refiner.resolution)
        write_picture(folder / "albedo.png", look.albedo)
        motion.save(folder / "motion.safetensors")
        refiner.save(folder / "refiner.safetensors")
        write_picture(folder / "preview.png", frames[len(frames) // 2])
        notes += seen
        write_facts(folder, _facts(clip, info, (start, end), preset, name, consent, motion, took, notes))
    return notes


def perform(
    subject: Path, speech: Path, *, seed: int = 0, progress: Progress = silent
) -> tuple[Performance, list[str]]:
    """Expression and pose at 25 Hz for a speech recording, and what the user should know."""
    from headroom.motion.predict import predict

    person = Subject.open(subject)
    progress(0.0, "Listening to the speech")
    samples = read_audio(speech)
    if is_silent(samples):
        raise InputError(f"{Path(speech).name} is silent; choose a recording with speech in it.")
    progress(0.2, "Predicting the performance")
    performance = predict(person.motion, samples, seed=seed)
    progress(1.0, "Predicted the performance")
    return performance, []


def match(
    subject: Path,
    rotation: np.ndarray,
    translation: np.ndarray,
    fps: float,
    *,
    plate_fit: float = 0.0,
    progress: Progress = silent,
) -> PlateMatch:
    """A plate and a pose to render with for every frame of a shot; rotation (T, 3), translation (T, 3) at `fps`."""
    progress(0.0, "Matching plates")
    track = Subject.open(subject).track
    return match_plates(
        rotation, translation, fps, track.rotation, track.translation, track.fps, plate_fit=plate_fit
    )


def render_crops(
    subject: Path, expression: np.ndarray, rotation: np.ndarray, translation: np.ndarray, progress: Progress = silent
) -> Iterator[np.ndarray]:
    """Renders (R, R, 4) uint8 of expression (T, 64) and pose (T, 3), (T, 3), drawn without Blender."""
    person = Subject.open(subject)
    moved = _with_motion(person.track, expression, rotation, translation)
    yield from draw(person.model, moved, person.albedo, person.resolution, progress)


def refine_frames(
    subject: Path, renders: Iterable[np.ndarray], matched: PlateMatch, progress: Progress = silent
) -> Iterator[np.ndarray]:
    """Composites (H, W, 3) uint8, full frame, of renders (R, R, 4) uint8 over their matched plates."""
    person = Subject.open(subject)
    track, refiner = person.track, person.refiner
    points = head_points(person.model, track.identity)
    waiting: list[np.ndarray] = []
    with Plates(person.plates_path, track.camera.width, track.camera.height) as plates:

        def crops() -> Iterator[np.ndarray]:
            for frame, plate in enumerate(matched.plate):
                filmed = (track.rotation[plate], track.translation[plate])
                wanted = (matched.rotation[frame], matched.translation[frame])
                waiting.append(warp_plate(plates[plate], track.camera, filmed, wanted, points))
                yield crop_frame(waiting[-1], track.crop, person.resolution)

        for frame, (refined, mask) in enumerate(refiner.refine(renders, crops())):
            progress(frame / len(matched.plate), f"Refining frame {frame + 1} of {len(matched.plate)}")
            yield composite(waiting.pop(0), track.crop, refined, mask)


def refine(
    subject: Path,
    renders: list[Path],
    matched: PlateMatch,
    movie: Path,
    *,
    fps: float,
    speech: Path | None,
    progress: Progress = silent,
) -> int:
    """The finished shot from render files, with the speech; returns the number of frames."""
    if len(renders) != len(matched.plate):
        raise InputError(f"There are {len(renders)} renders for {len(matched.plate)} plates; render the shot again.")
    person = Subject.open(subject)
    camera = person.track.camera
    pictures = (read_picture(path, alpha=True) for path in renders)
    with VideoWriter(movie, fps, camera.width, camera.height, audio=speech, generated=True,
                     title=person.facts.get("name")) as writer:
        for picture in refine_frames(subject, pictures, matched, progress):
            writer.write(picture)
    return len(renders)


def track_rest(
    subject: Path, clip: Path, from_seconds: float, to_seconds: float | None = None, progress: Progress = silent
) -> Track:
    """The track of another part of the learnt clip, with the subject's identity, camera and light."""
    person = Subject.open(subject)
    frames = list(read_frames(clip, from_seconds, to_seconds))
    return track_further(person.track, frames, person.model, progress)


def learn_motion(model: FaceModel, track: Track, speech: np.ndarray, progress: Progress = silent) -> "MotionModel":
    """The personal motion model from the clip's track and its sound (N,) at 16 kHz, begun from the general one."""
    from headroom.motion.general import general
    from headroom.motion.train import train_motion

    lips = model.opening(13, 14)
    lids = (model.opening(159, 145) + model.opening(386, 374)) / 2
    size = np.linalg.norm(model.expression_basis, axis=1).mean(0)
    return train_motion(speech, track.performance, progress=progress, initial=general(lips), lip_opening=lips,
                        lid_opening=lids, importance=size)


def learn_refiner(
    model: FaceModel, track: Track, look: Look, frames: list[np.ndarray], preset: str, progress: Progress = silent
) -> "Refiner":
    """The personal refiner from the clip's frames and their renders."""
    from headroom.refine.train import PRESETS, train_refiner

    resolution = 256
    crops = np.stack([crop_frame(frame, track.crop, resolution) for frame in frames])
    renders = np.stack(list(draw(model, track, look.albedo, resolution)))
    weights = region_maps(model, track, resolution)
    identity = np.concatenate([track.identity, track.texture]).astype(np.float32)
    sure = track.confidence > 0
    return train_refiner(crops[sure], renders[sure], weights[sure], identity, PRESETS[preset], progress)


def draw(
    model: FaceModel, track: Track, albedo: np.ndarray, resolution: int, progress: Progress = silent
) -> Iterator[np.ndarray]:
    """Renders (R, R, 4) uint8 of every frame of a track, by the rasteriser."""
    raster = Rasterizer(model, track.camera, track.crop, resolution)
    raster.set_look(albedo, track.light)
    for frame in range(len(track)):
        progress(frame / len(track), f"Drawing frame {frame + 1} of {len(track)}")
        yield raster.render(track.placed(model, frame))


def write_plates(path: Path, frames: list[np.ndarray], fps: float, progress: Progress = silent) -> None:
    """The learnt frames, nearly lossless."""
    height, width = frames[0].shape[:2]
    with VideoWriter(path, fps, width, height, crf=12) as writer:
        for index, frame in enumerate(frames):
            progress(index / len(frames), "Keeping the plates")
            writer.write(frame)


def learnt_part(
    info: VideoInfo, from_seconds: float | None, to_seconds: float | None
) -> tuple[float, float, list[str]]:
    """Which seconds of a clip to learn from, and what the user should know about the choice."""
    start = max(0.0, from_seconds or 0.0)
    end = info.seconds if to_seconds is None else min(info.seconds, to_seconds)
    if end - start < SHORTEST_SECONDS:
        raise InputError(
            f"Only {max(0.0, end - start):.1f} s of the clip to learn from; choose a part of at least "
            f"{SHORTEST_SECONDS:.0f} s, better 12 s."
        )
    longest = _MOST_PIXELS / (info.width * info.height * info.fps)
    if to_seconds is None:
        longest = min(longest, LONGEST_SECONDS)
    if end - start > longest + 1e-6:
        end = start + longest
        return start, end, [f"Learnt from {start:.1f} to {end:.1f} s of the clip's {info.seconds:.1f} s."]
    return start, end, []


def _clip_speech(clip: Path, info: VideoInfo, start: float, end: float) -> np.ndarray:
    """The clip's own sound (N,) at 16 kHz; a person is learnt from their own voice."""
    if not info.has_audio:
        raise InputError(f"{clip.name} has no sound; choose a clip in which the person is heard speaking.")
    samples = read_audio(clip, SAMPLE_RATE, start, end)
    if is_silent(samples):
        raise InputError(f"The sound of {clip.name} is silent; choose a clip in which the person is heard speaking.")
    return samples


def _with_motion(track: Track, expression, rotation, translation) -> Track:
    sure = np.ones(len(expression), np.float32)
    return Track(track.fps, track.camera, track.crop, track.identity, track.texture, track.light,
                 expression, rotation, translation, sure)


def _facts(clip, info, learnt, preset, name, consent, motion, took, notes) -> dict:
    return {
        "name": name or clip.stem,
        "headroom": __version__,
        "preset": preset,
        "face_model": model_digest(),
        "notes": notes,
        "consent": {"statement": consent or "not stated", "recorded": date.today().isoformat()},
        "clip": {
            "file": clip.name,
            "width": info.width,
            "height": info.height,
            "fps": info.fps,
            "from_seconds": learnt[0],
            "to_seconds": learnt[1],
        },
        "measures": {
            "audio_offset_seconds": float(motion.audio_offset_seconds),
            **{f"{step}_seconds": round(seconds, 1) for step, seconds in took.items()},
        },
    }


@contextmanager
def _timed(took: dict[str, float], step: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    took[step] = time.perf_counter() - begun
