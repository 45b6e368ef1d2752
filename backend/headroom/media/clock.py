"""When each picture of a video is shown: exact rates, and times free of container rounding."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from headroom.common.errors import InputError

NTSC = (24, 30, 48, 60, 120)  # nominal rates that exist as n * 1000/1001


def rate_fraction(fps: float) -> Fraction:
    """The exact rate meant by `fps`: 29.97 is 30000/1001, 25 is 25."""
    for nominal in NTSC:
        if abs(fps - nominal / 1.001) < 0.005:
            return Fraction(nominal * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


class Clock:
    """The times of a stream's pictures, read from its packets without decoding.

    A clip counts as constant when every picture lies within a quarter of a frame of an even grid; then `seconds`
    gives grid times, free of the rounding that coarse time bases put into timestamps.
    """

    def __init__(self, path: Path, container, stream):
        try:
            packets = [packet for packet in container.demux(stream) if packet.size and not packet.is_discard]
        except av.FFmpegError as error:
            raise InputError(f"{path.name} is damaged and cannot be read; export it again as mp4 (H.264).") from error
        stamps = [packet.pts if packet.pts is not None else packet.dts for packet in packets]
        ticks = np.unique([stamp for stamp in stamps if stamp is not None])
        if not len(packets):
            raise InputError(f"{path.name} holds no pictures; export it again as mp4 (H.264).")
        nominal = float(stream.average_rate or stream.guessed_rate or 25)
        self.base = float(stream.time_base or 1 / nominal)
        self._next = 0  # index of the picture expected next
        if len(ticks) < 2 or len(ticks) < len(packets) // 2:  # raw streams carry no times
            self.first, self.count, self.fps, self.variable = 0, len(packets), nominal, False
            return
        self.first, self.count = int(ticks[0]), len(ticks)
        times = (ticks - ticks[0]) * self.base
        steady = (self.count - 1) / times[-1]
        off_grid = np.abs(times * steady - np.arange(self.count)).max()
        self.variable = bool(off_grid > 0.25)
        if self.variable:
            steady = self.count / (times[-1] + float(np.median(np.diff(times))))
        self.fps = _snapped(steady, nominal)

    def seconds(self, pts: int | None) -> float:
        """When the picture with this timestamp begins; pictures without one follow each other."""
        if pts is None:
            seconds = self._next / self.fps
        elif self.variable:
            seconds = (pts - self.first) * self.base
        else:
            seconds = round((pts - self.first) * self.base * self.fps) / self.fps
        self._next = round(seconds * self.fps) + 1
        return seconds


def _snapped(measured: float, nominal: float) -> float:
    """The rate as its makers meant it when the measured one is within 0.05 % of a usual or the stated rate."""
    usual = [nominal, 15, 24, 25, 30, 48, 50, 60, 100, 120, *(n / 1.001 for n in NTSC)]
    best = min(usual, key=lambda rate: abs(rate - measured))
    return float(rate_fraction(best if abs(best - measured) < 5e-4 * measured else measured))
