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
MAX_GRID_ERROR = 0.25  # frames; a picture further from an even grid than this is off it
MAX_OFF_GRID = 0.1  # share of the pictures; with more of them off the grid a stream has a variable rate
RATE_TOLERANCE = 5e-4  # relative; a measured rate this close to a usual one is that rate
VARIABLE_RATE_TOLERANCE = 0.03  # the same for the typical distance of pictures at a variable rate


def rate_fraction(fps: float) -> Fraction:
    """Return the exact rate that `fps` stands for: 29.97 is 30000/1001, 25 is 25."""
    for nominal in NTSC_RATES:
        if abs(fps - nominal / 1.001) < 0.005:
            return Fraction(nominal * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


class FrameClock:
    """Frame count, rate and frame times of a video stream, read from its packets without decoding.

    The rate follows from the median distance of the pictures, so that a missing picture or one at a wrong time changes
    nothing. It counts as constant when the distances are multiples of one frame: a picture is then held until the next.
    `seconds` returns times on this grid, free of the rounding that coarse time bases put into timestamps.

    count: number of frames, with those that hold a picture.
    held: how many of them hold the picture before; 0 at a variable rate.
    fps: the rate; a usual rate near the pictures' typical one when it varies.
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
        self._first_tick = int(ticks[0]) if len(ticks) else 0
        self._phase = 0.0  # frames by which the first picture is later than the grid
        self._next = 0  # index of the frame after the last one that `seconds` was called for
        self.count, self.held, self.fps, self.variable = len(packets), 0, nominal, False
        if len(ticks) >= 2 and len(ticks) >= len(packets) // 2:  # raw streams have no timestamps
            self._measure((ticks - ticks[0]) * self._tick_seconds, nominal)

    def seconds(self, pts: int | None) -> float:
        """Return when the frame with timestamp `pts` starts; a frame without one follows the frame before it.

        Call it for each frame in order.
        """
        if pts is None:
            seconds = self._next / self.fps
        elif self.variable:
            seconds = (pts - self._first_tick) * self._tick_seconds
        else:
            seconds = round((pts - self._first_tick) * self._tick_seconds * self.fps - self._phase) / self.fps
        self._next = round(seconds * self.fps) + 1
        return seconds

    def _measure(self, times: np.ndarray, nominal: float) -> None:
        """Find rate and count from the pictures' times (n,) in seconds, ascending from 0."""
        distances = np.diff(times)
        typical = float(np.median(distances))
        steps = np.maximum(np.rint(distances / typical), 1)
        even = np.abs(distances - steps * typical) <= max(MAX_GRID_ERROR * typical, self._tick_seconds)
        rate = float(steps[even].sum() / distances[even].sum()) if even.any() else 1 / typical
        self._phase = _phase(times * rate)
        positions = times * rate - self._phase
        off_grid = np.abs(positions - np.rint(positions)) > MAX_GRID_ERROR
        self.variable = bool(off_grid.mean() > MAX_OFF_GRID)
        if self.variable:
            self.fps = _snapped(1 / typical, len(times) / (times[-1] + typical), VARIABLE_RATE_TOLERANCE)
            self.count = round((times[-1] + typical) * self.fps)
        else:
            self.fps = _snapped(rate, nominal, RATE_TOLERANCE)
            frames = np.unique(np.rint(times * self.fps - self._phase))
            self.count = int(frames[-1]) + 1
            self.held = self.count - len(frames)


def _phase(positions: np.ndarray) -> float:
    """Return by how much most positions (n,) differ from whole numbers, -0.5 to 0.5."""
    turns = np.exp(2j * np.pi * positions)
    return float(np.angle(complex(np.median(turns.real), np.median(turns.imag))) / (2 * np.pi))


def _snapped(measured: float, nominal: float, tolerance: float) -> float:
    """Return the usual or the nominal rate nearest to the measured one, or that one where all are too far from it."""
    best = min((nominal, *USUAL_RATES), key=lambda rate: abs(rate - measured))
    return float(rate_fraction(best if abs(best - measured) < tolerance * measured else measured))
