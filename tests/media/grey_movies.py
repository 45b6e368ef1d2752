"""Small movies whose frames are flat grey, and tell by their level which frame they are."""

from fractions import Fraction

import av
import numpy as np

from headroom.media.audio import write_wav
from headroom.media.video import VideoWriter

LEVELS = np.arange(16, 240, 8)  # the grey of frame i is LEVELS[i % 28]


def grey_frames(count, width=64, height=48):
    """Return flat grey frames whose levels identify them even after compression."""
    return [np.full((height, width, 3), LEVELS[i % len(LEVELS)], np.uint8) for i in range(count)]


def numbers(frames):
    """Return which of `grey_frames` each frame is."""
    return [int(np.abs(LEVELS - frame.mean()).argmin()) for frame in frames]


def write_movie(path, fps, count=20, sound=None, options=None):
    """Write `count` grey frames."""
    with VideoWriter(path, fps, 64, 48, sound=sound, options=options) as movie:
        movie.write_all(grey_frames(count))
    return path


def write_variable(path, times_ms):
    """Write a movie whose frame i starts at times_ms[i]."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1000, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for picture, time_ms in zip(grey_frames(len(times_ms)), times_ms, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound_file(path, samples, rate=44100):
    """Write mono samples and return the path."""
    write_wav(path, samples, rate)
    return path
