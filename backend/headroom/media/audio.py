"""Reading sound from any container as mono samples, and writing samples as WAV."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.media.sound_blocks import open_sound
from headroom.media.sound_convert import BlockConverter
from headroom.media.sound_plan import sound_plan

SAMPLE_RATE = 16000  # Hz, the rate that every network here is trained at
SOUND_RATE = 48000  # Hz, of movies and of sound files for other programs
SILENCE_BLOCK = SAMPLE_RATE // 40  # samples, 25 ms, whose level is compared with SILENT_LEVEL
BLOCKS_AT_ONCE = 4000  # blocks that `is_silent` loads into memory together
SILENT_LEVEL = 1e-3  # RMS as a fraction of full scale, -60 dB: quieter than the noise of any room


class NoSoundInRange(InputError):
    """Error for a chosen time range that contains no sound, for instance because it starts after the sound's end."""


def read_audio(path: Path | str, sample_rate: int = SAMPLE_RATE, from_seconds: float = 0.0,
               to_seconds: float | None = None, track: int | None = None) -> np.ndarray:
    """Return mono samples (N,) float32, finite, -1..1 where the file is not louder, of any media file.

    Time 0 is the first video frame where the file has video, otherwise the first sample. The sound therefore stays
    synchronised with the frames whatever start times the container holds: earlier sound is cut off, and silence
    precedes later sound. `headroom.media.sound_plan` chooses the track and mixes the channels.

    track: number of the audio track, from 1; None for the first with sound.
    """
    return np.concatenate(list(audio_chunks(path, sample_rate, from_seconds, to_seconds, track)))


@contextmanager
def audio_on_disk(
    path: Path | str, sample_rate: int = SAMPLE_RATE, track: int | None = None
) -> Iterator[np.ndarray]:
    """Yield the samples (N,) of `read_audio`, memory-mapped from a temporary file.

    Hours of speech then occupy only the memory of the part that is being read.
    """
    with tempfile.TemporaryFile(prefix="headroom-") as file:
        for chunk in audio_chunks(path, sample_rate, track=track):
            chunk.tofile(file)
        file.flush()
        yield np.memmap(file, np.float32, "r")


def audio_chunks(path: Path | str, sample_rate: int = SAMPLE_RATE, from_seconds: float = 0.0,
                 to_seconds: float | None = None, track: int | None = None) -> Iterator[np.ndarray]:
    """Yield the samples of `read_audio` in chunks (n,); raise InputError when there are none."""
    path = Path(path)
    converter = BlockConverter(sound_plan(path, track), sample_rate, 1)
    for chunk in _chunks_in_range(path, converter, from_seconds, to_seconds):
        yield chunk[:, 0]


def read_channels(path: Path, sample_rate: int, from_seconds: float = 0.0, to_seconds: float | None = None,
                  track: int | None = None) -> np.ndarray:
    """Return samples (N, 2) of stereo as it is stored, and of any other sound (N, 1), mixed as in `read_audio`."""
    converter = _channels_converter(path, sample_rate, track)
    return np.concatenate(list(_chunks_in_range(path, converter, from_seconds, to_seconds)))


def is_silent(samples: np.ndarray) -> bool:
    """Return whether no block of 25 ms of `samples` (N,), 16 kHz, reaches -60 dB of full scale."""
    for first in range(0, len(samples), BLOCKS_AT_ONCE * SILENCE_BLOCK):
        loaded = np.asarray(samples[first:first + BLOCKS_AT_ONCE * SILENCE_BLOCK], np.float32)
        blocks = np.pad(loaded, (0, -len(loaded) % SILENCE_BLOCK)).reshape(-1, SILENCE_BLOCK)
        if float((blocks**2).mean(1).max()) >= SILENT_LEVEL**2:
            return False
    return True


def require_speech(samples: np.ndarray, name: str) -> None:
    """Raise InputError where a recording, the file `name` with `samples` (N,) at 16 kHz, is silent."""
    if is_silent(samples):
        raise InputError(f"{name} is silent; choose a recording with speech in it.")


def write_wav(path: Path, samples: np.ndarray, sample_rate: int = SAMPLE_RATE) -> None:
    """Write mono `samples` (N,), or (N, C) of C channels, -1..1, as 16-bit PCM."""
    _write_pcm(path, [samples], 1 if samples.ndim == 1 else samples.shape[1], sample_rate)


def write_track(speech: Path, track: int, path: Path) -> None:
    """Write an audio track of a media file as 16-bit PCM at 48 kHz, stereo or mono as `read_channels` gives it.

    track: its number, from 1.
    """
    converter = _channels_converter(speech, SOUND_RATE, track)
    _write_pcm(path, _chunks_in_range(speech, converter, 0.0, None), converter.channels, SOUND_RATE)


def as_int16(samples: np.ndarray) -> np.ndarray:
    """Return samples (N, ...), -1..1, as int16."""
    return np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def as_float(samples: np.ndarray) -> np.ndarray:
    """Return what `as_int16` returned as float32."""
    return samples.astype(np.float32) / 32767


def _channels_converter(path: Path, sample_rate: int, track: int | None) -> BlockConverter:
    """Return what converts the sound of a file to stereo where it is stored as such, and to mono otherwise."""
    plan = sound_plan(path, track)
    return BlockConverter(plan, sample_rate, 2 if plan.stereo else 1)


def _write_pcm(path: Path, chunks: Iterable[np.ndarray], channels: int, sample_rate: int) -> None:
    """Write chunks (n,) or (n, C), -1..1, of a sound as 16-bit PCM, one after the other."""
    with atomic_write(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for chunk in chunks:
            file.writeframes(as_int16(chunk).astype("<i2").tobytes())


def _chunks_in_range(path: Path, converter: BlockConverter, from_seconds: float,
                     to_seconds: float | None) -> Iterator[np.ndarray]:
    """Yield the chunks (n, C) of a range of the file; raise NoSoundInRange where there are none."""
    count = 0
    with open_sound(path) as container:
        for chunk in _aligned_chunks(container, converter, from_seconds, to_seconds):
            count += len(chunk)
            yield chunk
    if not count:
        raise NoSoundInRange(f"{path.name} holds no sound in the chosen part. Choose another file or part.")


def _aligned_chunks(container: av.container.InputContainer, converter: BlockConverter, from_seconds: float,
                    to_seconds: float | None) -> Iterator[np.ndarray]:
    """Yield the converted chunks (n, C) of the chosen range, with silence in the gaps between them."""
    rate, channels = converter.rate, converter.channels
    video_start = _first_frame_seconds(container)
    first = round(from_seconds * rate)
    end = None if to_seconds is None else round(to_seconds * rate)
    start = video_start or 0.0  # time 0, in container seconds
    position = None  # index of the next sample, counted from time 0
    for seconds, samples in converter.converted(container):
        if position is None:
            start = start if video_start is not None or seconds is None else seconds
            position = round(((start if seconds is None else seconds) - start) * rate)
            yield np.zeros((_overlap(0, position, first, end), channels), np.float32)
        elif seconds is not None:
            resumed = max(position, round((seconds - start) * rate))
            yield np.zeros((_overlap(position, resumed, first, end), channels), np.float32)
            position = resumed
        low = max(first, 0) - position
        high = len(samples) if end is None else end - position
        yield samples[max(low, 0):max(high, 0)]
        position += len(samples)
        if end is not None and position >= end:
            break


def _first_frame_seconds(container: av.container.InputContainer) -> float | None:
    """Return when the first video frame is shown, in container seconds; None without video. Cover art is no video."""
    videos = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not videos or videos[0].start_time is None or videos[0].time_base is None:
        return None
    return float(videos[0].start_time * videos[0].time_base)


def _overlap(low: int, high: int, first: int, end: int | None) -> int:
    """Return how many of the samples low..high-1 lie within first..end-1; negative samples never do."""
    return max(0, (high if end is None else min(high, end)) - max(low, first, 0))
