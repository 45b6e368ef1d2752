"""The sound track of a movie: any recording in, AAC beside the pictures out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from headroom.errors import InputError

AUDIO_RATES = (16000, 22050, 24000, 32000, 44100, 48000)  # Hz, what every AAC player takes
AAC_FRAME = 1024  # samples


def read_sound(path: Path, from_seconds: float) -> tuple[int, np.ndarray]:
    """(rate in Hz, samples (2, N) float32) of a sound track from `from_seconds` on."""
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise InputError(f"{path.name} has no sound track; choose a speech recording.")
            stream = container.streams.audio[0]
            rate = stream.rate if stream.rate in AUDIO_RATES else 48000
            resampler = av.AudioResampler(format="fltp", layout="stereo", rate=rate)
            parts = [out.to_ndarray() for frame in container.decode(stream) for out in resampler.resample(frame)]
            parts += [out.to_ndarray() for out in resampler.resample(None)]
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path.name} cannot be read as sound; choose a wav, mp3 or m4a file.") from error
    samples = np.concatenate(parts, axis=1) if parts else np.zeros((2, 0), np.float32)
    return rate, samples[:, round(from_seconds * rate):]


class SoundTrack:
    """A movie's sound track, written beside its pictures so that players find both together."""

    def __init__(self, container, rate: int, samples: np.ndarray):
        self.container, self.rate, self.samples, self.done = container, rate, samples, 0
        self.stream = container.add_stream("aac", rate=rate, layout="stereo", options={"b": "192k"})

    def write_until(self, seconds: Fraction) -> None:
        """Whole AAC frames up to `seconds`."""
        while self.done + AAC_FRAME <= self._end(seconds):
            self._encode(AAC_FRAME)

    def finish(self, seconds: Fraction) -> None:
        self.write_until(seconds)
        rest = self._end(seconds) - self.done
        if rest > 0:
            self._encode(rest)
        self.container.mux(self.stream.encode(None))

    def _end(self, seconds: Fraction) -> int:
        return min(int(seconds * self.rate), self.samples.shape[1])

    def _encode(self, count: int) -> None:
        block = np.ascontiguousarray(self.samples[:, self.done:self.done + count])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = self.rate, self.done, Fraction(1, self.rate)
        self.container.mux(self.stream.encode(frame))
        self.done += count
