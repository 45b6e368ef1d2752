"""Frame times of a video: exact frame rates, and timestamps without the rounding of the container."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from headroom.common.errors import InputError

NTSC_RATES = (24, 30, 48, 60, 120)  # nominal rates that also exist as rate * 1000/1001
USUAL_RATES = (15, 24, 25, 30, 48, 50, 60, 100, 120, *(rate / 1.001 for rate in NTSC_RATES))
DEFAULT_RATE = 25  # frames per second of a stream that states no rate
MAX_GRID_ERROR = 0.25  # frames; a stream whose frames lie further from an even grid has a variable rate
RATE_TOLERANCE = 5e-4  # relative; a measured rate this close to a usual one is that rate


def rate_fraction(fps: float) -> Fraction:
    """Return the exact rate that `fps` stands for: 29.97 is 30000/1001, 25 is 25."""
    for nominal in NTSC_RATES:
        if abs(fps - nominal / 1.001) < 0.005:
            return Fraction(nominal * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


class FrameClock:
    """Frame count, rate and frame times of a video stream, read from its packets without decoding.

    The rate counts as constant when every frame lies within a quarter of a frame of an even grid. `seconds` then
    returns times on the grid, free of the rounding that coarse time bases put into timestamps.

    count: number of frames.
    fps: the rate; the average rate when it varies.
    variable: whether the rate varies.
    """

    def __init__(self, path: Path, container: av.container.InputContainer, stream: av.VideoStream):
        """Read all packets of `stream`; `path` names the file in error messages."""
        try:
            packets = [packet for packet in container.demux(stream) if packet.size and not packet.is_discard]
        except av.FFmpegError as error:
            raise InputError(f"{path.name} is damaged and cannot be read; export it again as mp4 (H.264).") from error
        stamps = [packet.pts if packet.pts is not None else packet.dts for packet in packets]
        ticks = np.unique([stamp for stamp in stamps if stamp is not None])
        if not len(packets):
            raise InputError(f"{path.name} holds no pictures; export it again as mp4 (H.264).")
        nominal = float(stream.average_rate or stream.guessed_rate or DEFAULT_RATE)
        self._tick_seconds = float(stream.time_base or 1 / nominal)
        self._first_tick = 0
        self._next = 0  # index of the frame after the last one that `seconds` was called for
        if len(ticks) < 2 or len(ticks) < len(packets) // 2:  # raw streams have no timestamps
            self.count, self.fps, self.variable = len(packets), nominal, False
            return
        self._first_tick, self.count = int(ticks[0]), len(ticks)
        times = (ticks - ticks[0]) * self._tick_seconds
        rate = (self.count - 1) / times[-1]
        grid_error = np.abs(times * rate - np.arange(self.count)).max()
        self.variable = bool(grid_error > MAX_GRID_ERROR)
        if self.variable:
            rate = self.count / (times[-1] + float(np.median(np.diff(times))))
        self.fps = _snapped(rate, nominal)

    def seconds(self, pts: int | None) -> float:
        """Return when the frame with timestamp `pts` starts; a frame without one follows the frame before it.

        Call it for each frame in order.
        """
        if pts is None:
            seconds = self._next / self.fps
        elif self.variable:
            seconds = (pts - self._first_tick) * self._tick_seconds
        else:
            seconds = round((pts - self._first_tick) * self._tick_seconds * self.fps) / self.fps
        self._next = round(seconds * self.fps) + 1
        return seconds


def _snapped(measured: float, nominal: float) -> float:
    """Return the usual or the nominal rate where the measured one is within `RATE_TOLERANCE` of it."""
    best = min((nominal, *USUAL_RATES), key=lambda rate: abs(rate - measured))
    return float(rate_fraction(best if abs(best - measured) < RATE_TOLERANCE * measured else measured))
