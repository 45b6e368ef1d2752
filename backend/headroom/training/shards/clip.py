"""One clip of a shard: tracking, speech encoding, and the bytes that a shard stores of it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headroom.common.stored import Array, Damaged, damage, parsing, require_arrays
from headroom.common.threads import one_thread
from headroom.face.model import FaceModel
from headroom.face.performance import Performance
from headroom.media.audio import as_float, as_int16
from headroom.media.video import probe, read_frames
from headroom.motion.audio.timing import FRAME_RATE
from headroom.motion.train.config import TrainConfig
from headroom.motion.train.dataset import variant_rows
from headroom.subject.clip import clip_speech, max_seconds
from headroom.track.overlay import Overlay
from headroom.track.track import Track
from headroom.track.tracker import TrackingOptions, track_clip

_LAYOUT = {"sound": Array(("samples",)), "expression": Array(("frames", 64)), "rotation": Array(("frames", 3)),
           "translation": Array(("frames", 3)), "rows": Array(("variants", "rows", "columns")),
           "mean": Array(("columns",))}


@dataclass(frozen=True)
class TrackedSpeech:
    """A tracked clip with its sound.

    sound: (N,) int16 at 16 kHz.
    preview: (H, W, 3) uint8, a frame with the face drawn over it; None where none was wanted.
    """

    track: Track
    sound: np.ndarray
    preview: np.ndarray | None = None


@dataclass(frozen=True)
class ShardClip:
    """One clip as a shard stores it, synchronised.

    person: name of the person; empty where the clip is all that is known of them.
    sound: (N,) float32 at 16 kHz.
    motion: of T frames at 25 Hz.
    rows: (variants, R, A) float16 features, the first variant clean.
    mean: (A,) float32 of the features, which was subtracted from them.
    """

    name: str
    person: str
    sound: np.ndarray
    motion: Performance
    rows: np.ndarray
    mean: np.ndarray

    def members(self, key: str) -> dict[str, Any]:
        """Return what webdataset's writer takes: the arrays as .npz, and name and person as .json."""
        arrays = io.BytesIO()
        np.savez(arrays, sound=as_int16(self.sound), expression=self.motion.expression, rotation=self.motion.rotation,
                 translation=self.motion.translation, rows=self.rows, mean=self.mean)
        text = json.dumps({"name": self.name, "person": self.person})
        return {"__key__": key, "json": text.encode(), "npz": arrays.getvalue()}

    @staticmethod
    def of_members(members: dict[str, Any], path: Path) -> ShardClip:
        """Return the clip that `members` describes; raises Damaged where it is none. path: of the shard."""
        with damage():
            about, stored = json.loads(members["json"]), members["npz"]
        with parsing(path), np.load(io.BytesIO(stored), allow_pickle=False) as data:
            arrays = dict(data)
        require_arrays(arrays, _LAYOUT)
        if not isinstance(about, dict):
            raise Damaged("a clip has no name")
        motion = Performance(FRAME_RATE, arrays["expression"], arrays["rotation"], arrays["translation"])
        return ShardClip(str(about.get("name", "")), str(about.get("person", "")), as_float(arrays["sound"]), motion,
                         arrays["rows"], arrays["mean"])


def track_speech(movie: Path, model: FaceModel, with_preview: bool = False) -> TrackedSpeech:
    """Track a clip and read its sound; of a clip that does not fit into memory, its beginning.

    Raises InputError when the clip has no face or no sound.
    """
    video = probe(movie)
    end = min(video.seconds, max_seconds(video))
    sound = as_int16(clip_speech(movie, video, (0.0, end)))  # first, because it takes a hundredth of the time
    frames = list(read_frames(movie, 0.0, end))
    tracked = track_clip(frames, video.fps, model, TrackingOptions(albedo=None))
    preview = None
    if with_preview:
        middle = len(frames) // 2
        preview = Overlay(model, tracked.track, tracked.landmarks, tracked.error).draw(frames[middle], middle)
    return TrackedSpeech(tracked.track, sound, preview)


@one_thread()
def encode_speech(sound: np.ndarray, frames: int, config: TrainConfig, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features (variants, R, A) float16 of sound (N,) at 16 kHz, and their mean (A,) float32.

    frames: of the motion at 25 Hz. seed: of the degraded variants.
    """
    random = np.random.default_rng((config.seed, seed))
    rows, mean = variant_rows(sound, frames, config.network.features, config.augment, random)
    return rows.astype(np.float16), mean.astype(np.float32)
