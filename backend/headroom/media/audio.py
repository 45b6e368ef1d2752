"""Sound in and out: any container to mono samples, samples to WAV."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np

from headroom.common.errors import InputError
from headroom.common.files import atomic_write

SAMPLE_RATE = 16000  # Hz, what every network here listens to
GAP_SECONDS = 0.05  # a hole in the stream longer than this is filled with silence; timestamps jitter less
LOOKED_AT = 4000  # blocks of 25 ms at a time when silence is looked for
SILENT_LEVEL = 1e-3  # of full scale, -60 dB: quieter than any room's own noise


def read_audio(path: Path | str, sample_rate: int = SAMPLE_RATE, from_seconds: float = 0.0,
               to_seconds: float | None = None) -> np.ndarray:
    """Mono samples (N,) float32, -1..1, of the first audio track of any media file.

    Second 0 is the first video frame where there is a picture, else the first sample, so sound stays in step with the
    frames whatever the start times in the container: earlier sound is cut, later sound is preceded by silence.
    """
    return np.concatenate(list(audio_pieces(path, sample_rate, from_seconds, to_seconds)))


class NothingThere(InputError):
    """The chosen part of a sound file lies behind its end."""


@contextmanager
def audio_on_disk(path: Path | str, sample_rate: int = SAMPLE_RATE) -> Iterator[np.ndarray]:
    """The samples (N,) of `read_audio`, mapped from a temporary file: hours of speech take no more memory than what is
    looked at."""
    with tempfile.TemporaryFile(prefix="headroom-") as file:
        for piece in audio_pieces(path, sample_rate):
            piece.tofile(file)
        file.flush()
        yield np.memmap(file, np.float32, "r")


def audio_pieces(path: Path | str, sample_rate: int = SAMPLE_RATE, from_seconds: float = 0.0,
                 to_seconds: float | None = None) -> Iterator[np.ndarray]:
    """What `read_audio` reads, piece by piece (n,); InputError when there is nothing."""
    path, count = Path(path), 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise InputError(f"{path.name} has no sound. Choose a file with an audio track.")
            for piece in _placed(container, sample_rate, from_seconds, to_seconds):
                count += len(piece)
                yield piece
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Choose another file.") from error
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path.name} is not a sound or video file that can be read. Choose another file.") from error
    if not count:
        raise NothingThere(f"{path.name} holds no sound in the chosen part. Choose another file or part.")


def is_silent(samples: np.ndarray) -> bool:
    """Whether no 25 ms of `samples` (N,), 16 kHz, reaches -60 dB of full scale."""
    length = SAMPLE_RATE // 40
    for first in range(0, len(samples), LOOKED_AT * length):
        piece = np.asarray(samples[first:first + LOOKED_AT * length], np.float32)
        blocks = np.pad(piece, (0, -len(piece) % length)).reshape(-1, length)
        if float((blocks**2).mean(1).max()) >= SILENT_LEVEL**2:
            return False
    return True


def write_wav(path: Path, samples: np.ndarray, sample_rate: int = SAMPLE_RATE) -> None:
    """Write mono `samples` (N,), -1..1, as 16-bit PCM."""
    pcm = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")
    with atomic_write(Path(path)) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(pcm.tobytes())


def _placed(container: av.container.InputContainer, sample_rate: int, from_seconds: float,
            to_seconds: float | None) -> Iterator[np.ndarray]:
    """The decoded pieces (n,) of the asked part, holes between them filled up."""
    picture = _first_picture_seconds(container)
    first = round(from_seconds * sample_rate)
    last = None if to_seconds is None else round(to_seconds * sample_rate)
    start, position = picture or 0.0, None  # second 0 in container seconds; the next sample, counted from second 0
    for seconds, samples in _pieces(container, sample_rate):
        if position is None:
            start = start if picture is not None or seconds is None else seconds
            position = round(((start if seconds is None else seconds) - start) * sample_rate)
            yield np.zeros(_overlap(0, position, first, last), np.float32)
        elif seconds is not None and seconds - start - position / sample_rate > GAP_SECONDS:
            resumed = round((seconds - start) * sample_rate)
            yield np.zeros(_overlap(position, resumed, first, last), np.float32)
            position = resumed
        low = max(first, 0) - position
        high = len(samples) if last is None else last - position
        yield samples[max(low, 0):max(high, 0)]
        position += len(samples)
        if last is not None and position >= last:
            break


def _pieces(container: av.container.InputContainer, sample_rate: int) -> Iterator[tuple[float | None, np.ndarray]]:
    """(time of the first sample in container seconds or None, samples (n,) float32) in order, resampled to mono.

    A stream is resampled in one go from hole to hole, so that the filter never sees a seam of its own making.
    """
    stream = container.streams.audio[0]
    resampler, begun, expected = None, None, None
    for frame in container.decode(stream):
        seconds = frame.time
        if resampler is None or (seconds is not None and expected is not None and seconds - expected > GAP_SECONDS):
            if resampler is not None:
                yield from _resampled(resampler, None, begun)
            resampler, begun = av.AudioResampler(format="fltp", rate=sample_rate), seconds
        yield from _resampled(resampler, frame, begun)
        begun = None
        expected = None if seconds is None else seconds + frame.samples / frame.sample_rate
    if resampler is not None:
        yield from _resampled(resampler, None, begun)


def _resampled(resampler: av.AudioResampler, frame: av.AudioFrame | None,
               seconds: float | None) -> Iterator[tuple[float | None, np.ndarray]]:
    """What comes out when `frame` goes in (None: the rest); `seconds` belongs to the first piece."""
    if frame is not None:
        frame.pts = None  # the resampler counts samples itself; odd timestamps would make it stretch sound
    for out in resampler.resample(frame):
        yield seconds, out.to_ndarray().mean(0, dtype=np.float32)  # the library's own down-mix is 3 dB louder
        seconds = None


def _first_picture_seconds(container: av.container.InputContainer) -> float | None:
    """When the first video frame is shown, in container seconds; cover art is no picture."""
    videos = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not videos or videos[0].start_time is None or videos[0].time_base is None:
        return None
    return float(videos[0].start_time * videos[0].time_base)


def _overlap(low: int, high: int, first: int, last: int | None) -> int:
    """How many of the samples low..high lie within first..last."""
    return max(0, (high if last is None else min(high, last)) - max(low, first, 0))
