"""Preparing one shard: its clips are tracked, synchronised and encoded, and written as one tar file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from headroom.common.errors import Cancelled, InputError
from headroom.common.files import atomic_write
from headroom.common.progress import Progress, no_progress
from headroom.face.directions import FaceDirections
from headroom.face.model import FaceModel, bundled_model
from headroom.media.audio import as_float
from headroom.media.image import write_picture
from headroom.motion.style.measure import SHORT_FRAMES
from headroom.motion.train.config import TrainConfig
from headroom.motion.train.dataset import SpokenClip, trim_to_sound
from headroom.motion.train.sound_offset import align_clips, shift_sound
from headroom.training.shards.clip import ShardClip, TrackedSpeech, encode_speech, track_speech
from headroom.training.shards.folder import CorpusFolder, ManifestRow
from headroom.training.shards.shard_file import write_shard

YAW_STEP = 5  # degrees
CONFIDENCE_STEPS = 10
PREVIEW_LIMIT = 512  # pixels, of the longer side


@dataclass(frozen=True)
class Stages:
    """The two steps that take the time. A benchmark replaces them to measure all others.

    track: movie, face model, and whether a preview is wanted.
    encode: sound (N,) at 16 kHz, frames at 25 Hz, configuration, and a seed.
    """

    track: Callable[[Path, FaceModel, bool], TrackedSpeech] = track_speech
    encode: Callable[[np.ndarray, int, TrainConfig, int], tuple[np.ndarray, np.ndarray]] = encode_speech


REAL = Stages()


def prepare_shard(corpus: CorpusFolder, number: int, config: TrainConfig, stages: Stages = REAL,
                  progress: Progress = no_progress) -> dict[str, Any]:
    """Prepare a shard unless it is finished, and return its summary.

    The shard's file is renamed into place after all others are written. Clips that cannot be used are in the summary
    with the reason; errors of the disk are raised.
    """
    if corpus.shard_file(number).is_file():
        return corpus.summary(number)
    start, model, rows = time.perf_counter(), bundled_model(), corpus.manifest(number)
    tracked, left_out = _track(corpus, rows, model, stages, progress)
    summary = {"clips": len(tracked), "left_out": left_out, **_statistics([rows[index] for index in tracked],
                                                                         list(tracked.values()))}
    spoken = _synchronised({index: (rows[index], clip) for index, clip in tracked.items()}, model, config)
    with atomic_write(corpus.shard_file(number)) as temporary:
        write_shard(temporary, _encoded(rows, spoken, config, stages, progress), number)
        picture = next((clip.preview for clip in tracked.values() if clip.preview is not None), None)
        if picture is not None:
            with atomic_write(corpus.preview_file(number)) as preview:
                write_picture(preview, _smaller(picture))
        summary["work_seconds"] = round(time.perf_counter() - start, 2)
        corpus.write_summary(number, summary)
    return summary


def _track(corpus: CorpusFolder, rows: Sequence[ManifestRow], model: FaceModel, stages: Stages,
           progress: Progress) -> tuple[dict[int, TrackedSpeech], list[list[str]]]:
    """Return the tracked clips by their place in the manifest, and names and reasons of those that cannot be used."""
    tracked: dict[int, TrackedSpeech] = {}
    left_out = []
    for index, row in enumerate(rows):
        progress(index / len(rows), f"Tracking {row.name}")
        try:
            tracked[index] = stages.track(corpus.movie(row), model, not tracked)
        except InputError as error:
            left_out.append([row.name, str(error)])
        except (OSError, MemoryError, Cancelled):
            raise
        except Exception as error:  # one clip must not stop the corpus
            left_out.append([row.name, f"Internal error ({type(error).__name__}: {error}). Report it as a bug."])
    return tracked, left_out


def _synchronised(clips: dict[int, tuple[ManifestRow, TrackedSpeech]], model: FaceModel,
                  config: TrainConfig) -> dict[int, SpokenClip]:
    """Return sound and motion at 25 Hz in step; those of short clips are taken to be so."""
    lip_opening = FaceDirections.of(model).lip_opening
    sounds = {index: clip.sound for index, (_, clip) in clips.items()}
    motions = {index: trim_to_sound(clip.sound, clip.track.performance) for index, (_, clip) in clips.items()}
    long = {index: (as_float(sounds[index]), motion.expression @ lip_opening)
            for index, motion in motions.items() if len(motion) >= SHORT_FRAMES}
    offsets = dict.fromkeys(clips, 0.0)
    if long:
        offsets.update(zip(long, align_clips(list(long.values()), config.network.features)))
    return {index: SpokenClip(shifted := shift_sound(sounds[index], offsets[index]),
                              trim_to_sound(shifted, clip.track.performance), row.speaker)
            for index, (row, clip) in clips.items()}


def _encoded(rows: Sequence[ManifestRow], clips: dict[int, SpokenClip], config: TrainConfig, stages: Stages,
             progress: Progress) -> Iterator[tuple[int, ShardClip]]:
    """Yield the clips with their features and their places in the manifest, one at a time."""
    for index, (sound, motion, person) in clips.items():
        progress(1.0, f"Encoding {rows[index].name}")
        sound = as_float(sound)
        features, mean = stages.encode(sound, len(motion), config, _seed(rows[index]))
        yield index, ShardClip(rows[index].name, person, sound, motion, features, mean)


def _statistics(rows: Sequence[ManifestRow], clips: Sequence[TrackedSpeech]) -> dict[str, Any]:
    """Return sums and histograms over clips, which add up to those of a corpus."""
    confidences = np.zeros(CONFIDENCE_STEPS, int)
    degrees = [float(np.degrees(np.median(clip.track.rotation[:, 1]))) for clip in clips]
    for clip in clips:
        confidences[min(int(clip.track.confidence.mean() * CONFIDENCE_STEPS), CONFIDENCE_STEPS - 1)] += 1
    steps, counts = np.unique(np.floor(np.array(degrees) / YAW_STEP).astype(int) * YAW_STEP, return_counts=True)
    return {
        "frames": sum(len(clip.track) for clip in clips),
        "seconds": round(sum(len(clip.track) / clip.track.fps for clip in clips), 3),
        "yaw": {str(step): int(count) for step, count in zip(steps, counts)},
        "confidence": confidences.tolist(),
        "people": sorted({row.speaker for row in rows if row.speaker}),
        "clips_without_person": sum(not row.speaker for row in rows),
    }


def _seed(row: ManifestRow) -> int:
    """Return the seed of a clip's degraded variants, which its shard does not change."""
    return int.from_bytes(hashlib.sha256(row.name.encode("utf-8", "surrogatepass")).digest()[:4], "little")


def _smaller(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = min(1.0, PREVIEW_LIMIT / max(height, width))
    return cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
