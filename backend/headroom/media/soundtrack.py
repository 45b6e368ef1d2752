"""The sound track of a movie: AAC, written beside the pictures."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

RATE = 48000  # Hz
AAC_FRAME = 1024  # samples


class SoundTrack:
    """A movie's sound track, written beside its pictures so that players find both together."""

    def __init__(self, container: av.container.OutputContainer, samples: np.ndarray):
        """samples (N,) float32 at `RATE`, -1..1."""
        self.container, self.samples, self.done = container, samples, 0
        self.stream = container.add_stream("aac", rate=RATE, layout="mono", options={"b": "128k"})

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
        return min(int(seconds * RATE), len(self.samples))

    def _encode(self, count: int) -> None:
        block = np.ascontiguousarray(self.samples[None, self.done:self.done + count])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.done, Fraction(1, RATE)
        self.container.mux(self.stream.encode(frame))
        self.done += count
