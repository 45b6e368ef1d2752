"""Decoded sound of any format: finite samples of all channels, whatever changes or is damaged on the way."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from headroom.common.errors import InputError

OWN_ORDER = re.compile(r"\d+ channels \(")  # how FFmpeg describes channels that are in an order of their own
MAX_SAMPLE = 1000.0  # of full scale, 60 dB above it; a larger value comes from damaged data


@dataclass(frozen=True)
class SoundBlock:
    """Consecutive samples of one audio stream.

    track: number of the stream among the file's audio streams, from 0.
    seconds: time of the first sample in the container; None where it states none.
    samples: (n, C) float32, finite.
    rate: Hz.
    layout: names of the C channels, "FL" for the front left one and "NONE" where the file does not say.
    skipped: damaged packets that lay directly before.
    invalid: number of samples that were no sound, and are 0.
    """

    track: int
    seconds: float | None
    samples: np.ndarray
    rate: int
    layout: tuple[str, ...]
    skipped: int
    invalid: int

    @property
    def end_seconds(self) -> float | None:
        """The container time after the last sample."""
        return None if self.seconds is None else self.seconds + len(self.samples) / self.rate


@contextmanager
def open_sound(path: Path) -> Iterator[av.container.InputContainer]:
    """Yield the container of a file that has an audio stream; raise InputError for any other file."""
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise InputError(f"{path.name} has no sound. Choose a file with an audio track.")
            yield container
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Choose another file.") from error
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path.name} is not a sound or video file that can be read. Choose another file.") from error


def sound_blocks(
    container: av.container.InputContainer, streams: Sequence[av.AudioStream]
) -> Iterator[SoundBlock]:
    """Yield the blocks of some audio streams in the order of the file; packets that cannot be decoded are left out."""
    numbers = {stream.index: number for number, stream in enumerate(container.streams.audio)}
    own_orders = {stream.index: _own_order(stream) for stream in streams}
    unpackers: dict[tuple[int, str, str], av.AudioResampler] = {}
    skipped: Counter[int] = Counter()
    for packet in _packets(container, streams):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            skipped[packet.stream.index] += 1
            continue
        for frame in frames:
            if not isinstance(frame, av.AudioFrame) or not frame.samples or not frame.sample_rate:
                continue
            key, seconds = (frame.sample_rate, frame.format.name, frame.layout.name), frame.time
            if key not in unpackers:
                unpackers[key] = av.AudioResampler(format="flt")
            samples, invalid = _finite(_unpacked(frame, unpackers[key]))
            index = packet.stream.index
            layout = own_orders[index] or tuple(channel.name for channel in frame.layout.channels)
            yield SoundBlock(numbers[index], seconds, samples, frame.sample_rate, layout, skipped.pop(index, 0),
                             invalid)


def _own_order(stream: av.AudioStream) -> tuple[str, ...] | None:
    """Return the names of channels in an order of their own, and make the decoder forget it; None for usual layouts.

    PyAV frees the list of such an order once with the layout and once with the frame or stream, which ends the process.
    The one layout that is asked for here is never freed, and the decoder then has channels without names.
    """
    layout = stream.codec_context.layout
    if not OWN_ORDER.match(layout.name):
        return None
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))
    names = tuple(channel.name for channel in layout.channels)
    stream.codec_context.layout = f"{len(names)} channels"
    return names


def _packets(container: av.container.InputContainer, streams: Sequence[av.AudioStream]) -> Iterator[av.Packet]:
    """Yield packets until the file ends or cannot be read any further."""
    try:
        yield from container.demux(*streams)
    except av.FFmpegError:
        return


def _unpacked(frame: av.AudioFrame, unpacker: av.AudioResampler) -> np.ndarray:
    """Return a frame's samples (n, C) float32.

    They are converted to interleaved ones, because PyAV reads past the end of a planar frame with eight channels or
    more.
    """
    channels, frame.pts = frame.layout.nb_channels, None
    parts = [out.to_ndarray().reshape(-1, channels) for out in unpacker.resample(frame)]
    return np.concatenate(parts) if parts else np.zeros((0, channels), np.float32)


def _finite(samples: np.ndarray) -> tuple[np.ndarray, int]:
    """Return samples of which those that are no sound are 0, and their number."""
    if np.abs(samples, dtype=np.float32).max(initial=0.0) <= MAX_SAMPLE:  # False for NaN
        return samples, 0
    valid = np.abs(samples) <= MAX_SAMPLE
    return np.where(valid, samples, np.float32(0)), int(valid.size - valid.sum())
