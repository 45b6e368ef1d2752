"""Sound files in every shape that people have, made from the sample's speech."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from headroom.media.audio import read_audio

SPEECH = Path(__file__).resolve().parents[2] / "samples" / "speech.wav"
BLOCK = 1024  # samples


def speech(seconds: float = 1.0, rate: int = 16000) -> np.ndarray:
    """Return the start of the sample's speech (N,), which is audible throughout."""
    return read_audio(SPEECH, rate, 0.5, 0.5 + seconds)


def panned(samples: np.ndarray, gains: list[float]) -> np.ndarray:
    """Return samples (N,) in channels (N, C), each with its gain."""
    return (samples[:, None] * np.array(gains, np.float32)).astype(np.float32)


def add_track(container, channels: np.ndarray, rate: int, codec: str, layout: str):
    """Add an audio stream; return it with its frames, ready to be encoded."""
    stream = container.add_stream(codec, rate=rate, layout=layout)
    format_name = stream.format.name
    frames = []
    for first in range(0, len(channels), BLOCK):
        block = np.ascontiguousarray(channels[first:first + BLOCK]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
        frames.append(frame)
    return stream, frames, av.AudioResampler(format_name, layout, rate, frame_size=stream.frame_size or BLOCK)


def write_sound(path: Path, *tracks: np.ndarray, rate: int = 16000, codec: str = "pcm_s16le",
                layout: str = "mono") -> Path:
    """Write tracks (N, C) as the audio streams of one file."""
    with av.open(str(path), "w") as container:
        added = [add_track(container, channels, rate, codec, layout) for channels in tracks]
        for stream, frames, resampler in added:
            for frame in [*frames, None]:
                for converted in resampler.resample(frame):
                    container.mux(stream.encode(converted))
            container.mux(stream.encode(None))
    return path


def level_db(samples: np.ndarray, reference: np.ndarray) -> float:
    """Return the level of `samples` relative to `reference` where both are heard."""
    count = min(len(samples), len(reference))
    return 10 * np.log10((samples[:count].astype(float) ** 2).mean() / (reference[:count].astype(float) ** 2).mean())


def likeness(samples: np.ndarray, reference: np.ndarray) -> float:
    """Return the correlation of two recordings at the same time."""
    count = min(len(samples), len(reference))
    return float(np.corrcoef(samples[:count], reference[:count])[0, 1])
