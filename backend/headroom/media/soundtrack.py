"""The soundtrack of a movie: where it comes from, and how it is written beside the frames."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from headroom.media.audio import NoSoundInRange, read_channels
from headroom.media.sound_convert import LAYOUTS

SOUND_RATE = 48000  # Hz
AAC_FRAME = 1024  # samples


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


class SoundtrackWriter:
    """Writes a movie's AAC stream while its frames are written, so that players find both near each other."""

    def __init__(self, container: av.container.OutputContainer, samples: np.ndarray):
        """Add the stream; samples (N, C) float32 at `SOUND_RATE`, -1..1, of one or two channels."""
        self._container, self._samples = container, samples
        self._written = 0  # samples
        self._layout = LAYOUTS[samples.shape[1]]
        options = {"b": f"{128 * samples.shape[1]}k"}
        self._stream = container.add_stream("aac", rate=SOUND_RATE, layout=self._layout, options=options)

    def write_until(self, seconds: Fraction) -> None:
        """Write all whole AAC frames that end by `seconds`."""
        while self._written + AAC_FRAME <= self._end(seconds):
            self._encode(AAC_FRAME)

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
