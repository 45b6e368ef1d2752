"""Learn a person from the first seconds of a clip, make the rest again, and measure it against the truth.

*reconstruction* takes the rest's own tracked motion: what drawing and refining can do. *prediction* takes the motion
predicted from the rest's sound. Both go over plates of the learnt part, so nothing of the rest's pictures is used.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headroom import pipeline
from headroom.common.errors import InputError
from headroom.common.progress import Progress, subprogress, no_progress, timed
from headroom.evaluation import measures
from headroom.face.camera import pose_vertices
from headroom.face.performance import Performance
from headroom.media.audio import SAMPLE_RATE, read_audio, write_wav
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import MovieOptions, VideoInfo, VideoWriter, probe, read_frames
from headroom.plate.composite import crop_frame
from headroom.subject.folder import Subject
from headroom.subject.shot_refiner import Composite
from headroom.track.landmarks.detect import COUNT, find_landmarks
from headroom.track.track import Track

SIZE = 256  # px, of the crop for SSIM, landmarks and flicker
SHORTEST_REST_SECONDS = 2.0
Figures = dict[str, float | list[float] | None]


def evaluate(clip: Path, *, train_seconds: float = 12.0, save: Path | None = None, preset: str = "draft",
             face_model: Path | None = None, progress: Progress = no_progress) -> dict[str, Any]:
    """Figures as plain values: "clip", "preset", "train_seconds", "test_frames", "tables" by name, "truth", "seconds"
    by stage, "notes". `save`: a folder for truth.mp4, reconstruction.mp4 and prediction.mp4, frame-aligned."""
    clip, info = Path(clip), probe(Path(clip))
    _require_enough(clip, info, train_seconds)
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="headroom-", ignore_cleanup_errors=True) as scratch:
        folder, speech, movies = (Path(scratch) / name for name in ("subject", "rest.wav", "movies"))
        with timed(took, "learn"):
            notes = pipeline.learn(clip, folder, preset=preset, from_seconds=0.0, to_seconds=train_seconds,
                                   consent="evaluation only", face_model=face_model, progress=subprogress(progress, 0, 0.7))
        with timed(took, "track"):
            rest = pipeline.track_rest(folder, clip, train_seconds, None, subprogress(progress, 0.7, 0.76))
        with timed(took, "predict"):
            write_wav(speech, read_audio(clip, SAMPLE_RATE, from_seconds=train_seconds))
            predicted, said = pipeline.perform(folder, speech, progress=subprogress(progress, 0.76, 0.78))
        test = HeldOutPart.seen(clip, info, train_seconds, Subject.open(folder), rest, subprogress(progress, 0.78, 0.82))
        motions = {"reconstruction": rest.performance, "prediction": predicted.resampled(rest.fps, len(rest))}
        tables: dict[str, Figures] = {}
        for index, (name, motion) in enumerate(motions.items()):
            step = subprogress(progress, 0.82 + 0.09 * index, 0.91 + 0.09 * index)
            with timed(took, f"make {name}"):
                tables[name] = _pictures(test, remake_frames(folder, motion, step), movies / f"{name}.mp4")
            tables[name] |= _motion(test, motion)
        if save:
            with test.writer(movies / "truth.mp4") as writer:
                writer.write_all(test.frames())
            _move_into(save, movies)
    return {
        "clip": {"name": clip.name, "width": info.width, "height": info.height, "fps": info.fps,
                 "seconds": info.seconds},
        "preset": preset,
        "train_seconds": train_seconds,
        "test_frames": len(rest),
        "tables": tables,
        "truth": _ceiling(test),
        "seconds": took,
        "notes": [*notes, *said],
    }


def remake_frames(folder: Path, motion: Performance, progress: Progress = no_progress) -> Iterator[Composite]:
    """Full frames of a motion, drawn by the backend and refined over the subject's plates."""
    found = pipeline.match(folder, motion.rotation, motion.translation, motion.fps, plate_fit=0.0)
    renders = pipeline.render_crops(folder, motion.expression, found.rotation, found.translation)
    yield from pipeline.refined_frames(folder, renders, found, progress)


@dataclass(frozen=True)
class HeldOutPart:
    """The part of a clip that was not learnt.

    crops (T, 256, 256, 3) uint8; landmarks (T, 478, 3) in their pixels, NaN where no face was found.
    """

    __test__ = False  # not for pytest to collect

    clip: Path
    info: VideoInfo
    from_seconds: float
    subject: Subject
    track: Track
    crops: np.ndarray
    landmarks: np.ndarray

    @staticmethod
    def seen(clip: Path, info: VideoInfo, from_seconds: float, subject: Subject, track: Track,
             progress: Progress = no_progress) -> "HeldOutPart":
        """Look at the truth once."""
        crops = np.stack([crop_frame(frame, track.crop, SIZE) for frame in read_frames(clip, from_seconds)])
        return HeldOutPart(clip, info, from_seconds, subject, track, crops, landmarks_of(crops, track.fps, progress))

    def frames(self) -> Iterator[np.ndarray]:
        """The true frames (H, W, 3) uint8."""
        return read_frames(self.clip, self.from_seconds)

    def face_mask(self, frame: int) -> np.ndarray:
        """(H, W) bool, the true face in the full frame."""
        crop = self.track.crop
        points = self.landmarks[frame, :, :2] * (crop.size / SIZE) + (crop.x, crop.y)
        return measures.face_mask(points, self.info.height, self.info.width)

    def writer(self, path: Path, generated: bool = False) -> VideoWriter:
        """A movie of this part, with its sound."""
        return VideoWriter(path, self.info.fps, self.info.width, self.info.height,
                           sound=SoundtrackSource(self.clip, self.from_seconds), options=MovieOptions(generated=generated))

    def face_points(self, motion: Performance) -> np.ndarray:
        """Pixels (T, P, 2) of points spread over the face's surface, moved by the head alone."""
        neutral = self.subject.model.shape(self.track.identity)[::23]
        return self.track.camera.project(pose_vertices(neutral, motion.rotation, motion.translation))


def landmarks_of(crops: np.ndarray, fps: float, progress: Progress = no_progress) -> np.ndarray:
    """Landmarks (T, 478, 3) in pixels of crops (T, S, S, 3); NaN where no face was found, also if nearly nowhere."""
    try:
        return find_landmarks(crops, fps, progress).points
    except InputError:
        return np.full((len(crops), COUNT, 3), np.nan, np.float32)


def _pictures(test: HeldOutPart, made: Iterable[Composite], movie: Path) -> Figures:
    """Measures of the made frames, which are also written to `movie`."""
    names = ("psnr_face", "psnr_crop", "psnr_frame", "psnr_atvg", "ssim", "seam")
    rows: dict[str, list[float]] = {name: [] for name in names}
    crops = []
    with test.writer(movie, generated=True) as writer:
        for index, (truth, composite) in enumerate(zip(test.frames(), made, strict=True)):
            frame = composite.frame
            writer.write(frame)
            crop = test.track.crop
            true_crop, made_crop = (crop_frame(picture, crop, crop.size) for picture in (truth, frame))
            face = test.face_mask(index)
            if face.any():
                rows["psnr_face"].append(measures.psnr(truth, frame, face))
            rows["psnr_crop"].append(measures.psnr(true_crop, made_crop))
            rows["psnr_frame"].append(measures.psnr(truth, frame))
            rows["psnr_atvg"].append(measures.psnr_atvg(true_crop, made_crop))
            crops.append(crop_frame(frame, crop, SIZE))
            rows["ssim"].append(measures.ssim(test.crops[index], crops[-1]))
            mask = measures.resized(composite.mask, SIZE)
            rows["seam"].append(measures.seam(crop_frame(composite.plate, crop, SIZE), crops[-1], mask))
    figures: Figures = {name: float(np.mean(values)) if values else None for name, values in rows.items()}
    return figures | _faces(test, np.stack(crops))


def _faces(test: HeldOutPart, crops: np.ndarray) -> Figures:
    """Measures of the made face over time; crops (T, 256, 256, 3)."""
    points = landmarks_of(crops, test.track.fps)
    both = np.isfinite(points[:, 0, 0]) & np.isfinite(test.landmarks[:, 0, 0])
    figures: Figures = {"faces_found": float(np.isfinite(points[:, 0, 0]).mean())}
    if both.any():
        distance = measures.mouth_distance(test.landmarks, points)
        figures |= {"lmd_256": distance, "lmd_full": distance * test.track.crop.size / SIZE,
                    "lip_correlation": measures.lip_correlation(test.landmarks, points)}
    masks = np.stack([measures.face_mask(frame, SIZE, SIZE) for frame in test.landmarks])
    return figures | {"flicker": measures.flicker_ratio(test.crops, crops, masks)}


def _motion(test: HeldOutPart, motion: Performance) -> Figures:
    """Measures of a motion (T frames) against the rest's tracked one."""
    truth = test.track.rotation
    return _compared(truth, motion.rotation) | _jitter(test, motion) | {
        "pose_speed": measures.pose_speed_ratio(truth, motion.rotation)}


def _ceiling(test: HeldOutPart) -> Figures:
    """The truth's own figures: its first half against its second, and its jitter."""
    half = len(test.track) // 2
    return _compared(test.track.rotation[:half], test.track.rotation[half:]) | _jitter(test, test.track.performance) | {
        "faces_found": float(np.isfinite(test.landmarks[:, 0, 0]).mean())}


def _compared(truth: np.ndarray, rotation: np.ndarray) -> Figures:
    return {"hs": measures.head_pose_similarity(truth, rotation),
            "hs_45": measures.head_pose_similarity(truth, rotation, limit_degrees=45),
            "w1_degrees": measures.pose_distance_degrees(truth, rotation).tolist()}


def _jitter(test: HeldOutPart, motion: Performance) -> Figures:
    return {"jitter_degrees": measures.pose_jitter_degrees(motion.rotation).tolist(),
            "jitter_pixels": measures.pose_jitter_pixels(test.face_points(motion))}


def _require_enough(clip: Path, info: VideoInfo, train_seconds: float) -> None:
    if info.seconds < train_seconds + SHORTEST_REST_SECONDS:
        raise InputError(f"{clip.name} lasts {info.seconds:.1f} s, too short to learn {train_seconds:g} s and measure "
                         f"on at least {SHORTEST_REST_SECONDS:g} s; choose fewer --train-seconds.")


def _move_into(save: Path, movies: Path) -> None:
    """All movies at once, when nothing can go wrong with making them any more."""
    save.mkdir(parents=True, exist_ok=True)
    for movie in sorted(movies.iterdir()):
        shutil.move(movie, save / movie.name)
