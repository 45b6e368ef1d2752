"""The soundtrack of a movie: where it comes from, and how it is written beside the frames."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, cast

import av
import numpy as np

from headroom.media.audio import SOUND_RATE, NoSoundInRange, read_channels
from headroom.media.containers import MovieFormat
from headroom.media.sound_convert import LAYOUTS


@dataclass(frozen=True)
class SoundtrackSource:
    """The sound that a movie gets.

    path: any file with sound.
    from_seconds: time in the file at movie frame 0; negative where the file starts after frame 0.
    audible_range: start and end in file seconds of the part that is heard, all of it if None; the rest is silent.
    track: number of the file's audio track, from 1; None for the first with sound.
    """

    path: Path
    from_seconds: float = 0.0
    audible_range: tuple[float, float] | None = None
    track: int | None = None

    def read(self) -> np.ndarray | None:
        """Return the samples (N, C) at `SOUND_RATE` from movie frame 0 on; None where nothing of it is heard.

        Stereo stays stereo at its level; any other sound becomes mono.
        """
        first, end = self.audible_range or (0.0, None)
        first = max(first, self.from_seconds, 0.0)
        try:
            audible = read_channels(self.path, SOUND_RATE, first, end, self.track)
        except NoSoundInRange:
            return None
        before = round((first - self.from_seconds) * SOUND_RATE)
        return np.concatenate([np.zeros((before, audible.shape[1]), np.float32), audible])


@dataclass(frozen=True)
class MixedSoundtrack:
    """Several sounds at the same time, as in a conversation."""

    sources: tuple[SoundtrackSource, ...]

    def read(self) -> np.ndarray | None:
        """Return the sum (N, C) of the sources at `SOUND_RATE`, quieter where it exceeds full scale; None for silence.

        It is stereo where one of them is; mono sounds are heard on both sides.
        """
        sounds = [sound for source in self.sources if (sound := source.read()) is not None]
        if not sounds:
            return None
        mixed = np.zeros((max(map(len, sounds)), max(sound.shape[1] for sound in sounds)), np.float32)
        for sound in sounds:
            mixed[:len(sound)] += sound
        return mixed / max(float(np.abs(mixed).max()), 1.0) if len(sounds) > 1 else mixed


class Soundtrack(Protocol):
    """What a movie takes its sound from."""

    def read(self) -> np.ndarray | None:
        """Return the samples (N, C) at `SOUND_RATE` from movie frame 0 on; None where nothing is heard."""


class SoundtrackWriter:
    """Writes a movie's sound while its frames are written, so that players find both near each other."""

    def __init__(self, container: av.container.OutputContainer, samples: np.ndarray, movie: MovieFormat):
        """Add the stream; samples (N, C) float32 at `SOUND_RATE`, -1..1, of one or two channels."""
        self._container, self._samples = container, samples
        self._written = 0  # samples
        self._layout = LAYOUTS[samples.shape[1]]
        self._block = movie.sound_samples
        options = {"b": f"{128 * samples.shape[1]}k"} if movie.sound != "pcm_s16le" else {}
        added = container.add_stream(movie.sound, rate=SOUND_RATE, layout=self._layout, options=options)
        self._stream = cast(av.AudioStream, added)

    def write_until(self, seconds: Fraction) -> None:
        """Write all whole blocks that end by `seconds`."""
        while self._written + self._block <= self._end(seconds):
            self._encode(self._block)

    def finish(self, seconds: Fraction) -> None:
        """Write the remaining samples until `seconds`, and end the stream."""
        self.write_until(seconds)
        rest = self._end(seconds) - self._written
        if rest > 0:
            self._encode(rest)
        self._container.mux(self._stream.encode(None))

    def _end(self, seconds: Fraction) -> int:
        """Return the number of samples until `seconds`, or all if they end before."""
        return min(int(seconds * SOUND_RATE), len(self._samples))

    def _encode(self, count: int) -> None:
        """Encode and write the next `count` samples."""
        block = np.ascontiguousarray(self._samples[self._written:self._written + count].T)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, self._written, Fraction(1, SOUND_RATE)
        self._container.mux(self._stream.encode(frame))
        self._written += count
