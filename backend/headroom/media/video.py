"""Video in and out through PyAV: frames at a constant rate, and movies with sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import cast

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.media.clock import FrameClock, rate_fraction
from headroom.media.colour import EXACT_COLOURS
from headroom.media.containers import movie_format
from headroom.media.credentials.marks import add_marks, require_signer
from headroom.media.credentials.provenance import AI_LABEL, Provenance
from headroom.media.pictures import PictureConverter
from headroom.media.soundtrack import Soundtrack, SoundtrackWriter
from headroom.media.video_stream import decoded_frames, deinterlaced, open_video

ENCODER_THREADS = 4
"""x264 writes other bytes with another number of threads, which otherwise is that of the machine's cores."""


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a video as `read_frames` returns it: as a player shows it, at the constant rate `fps`.

    Time 0 is the first frame, as in `headroom.media.audio.read_audio`. `changes` tells what reading changes, each as a
    part of a sentence.
    """

    width: int  # px
    height: int  # px
    fps: float  # a usual rate near the typical one when the clip's own rate varies
    frames: int
    has_audio: bool
    changes: tuple[str, ...] = ()
    held: int = 0  # frames that hold the picture before, because their own is missing

    @property
    def seconds(self) -> float:
        """Return the length."""
        return self.frames / self.fps


@dataclass(frozen=True)
class MovieOptions:
    """Quality and metadata of a movie that `VideoWriter` writes."""

    crf: int = 16  # H.264 constant rate factor, 0..51, or the same quality of another codec; lower is better
    has_alpha: bool = False  # frames are RGBA, not premultiplied, and the movie is ProRes 4444
    title: str | None = None  # the file's stem if None
    provenance: Provenance | None = None  # what the movie says about how it was made; None for a part of a subject


def probe(path: Path) -> VideoInfo:
    """Return size, rate, exact frame count and presence of sound; raise InputError when the file is not a video."""
    path = Path(path)
    with open_video(path) as (container, stream):
        clock = FrameClock(path, container, stream)
    with open_video(path) as (container, stream):
        frame = next(decoded_frames(container, stream), None)
        if frame is None:
            raise InputError(f"{path.name} holds no readable picture; export it again as mp4 (H.264).")
        converter = PictureConverter(stream, frame)
        has_audio = bool(container.streams.audio)
    changes = (*converter.changes, *_size_changes(path, converter.size), *_clock_changes(clock))
    return VideoInfo(*converter.size, clock.fps, clock.count, has_audio, changes, clock.held)


def frame_span(
    seconds: float, fps: float, from_seconds: float | None = None, to_seconds: float | None = None
) -> range:
    """Return the indices of the frames that `read_frames` yields at `fps`; frame i shows time i / fps.

    seconds: length of the movie. Adjacent time ranges share no frame and lose none.
    """
    last = round(seconds * fps)
    first = min(max(0, round((from_seconds or 0.0) * fps)), last)
    end = last if to_seconds is None else min(last, round(to_seconds * fps))
    return range(first, max(first, end))


def read_frames(path: Path, from_seconds: float | None = None, to_seconds: float | None = None,
                fps: float | None = None) -> Iterator[np.ndarray]:
    """Yield frames (H, W, 3) uint8 RGB of a video at the constant rate `fps`, by default the clip's average rate.

    Frame i is the latest frame of the file that starts at or before time i / fps. A clip of constant rate that is
    read at its own rate yields each of its frames once, and again where the next ones are missing. All frames have
    the size of the first. Video without colour tags is read as BT.709.
    """
    path = Path(path)
    with open_video(path) as (container, stream):
        clock = FrameClock(path, container, stream)
    rate = fps or clock.fps
    indices = iter(frame_span(clock.count / clock.fps, rate, from_seconds, to_seconds))
    index = next(indices, None)
    if index is None:
        return
    with open_video(path) as (container, stream):
        current = converter = None
        for frame in deinterlaced(decoded_frames(container, stream)):
            converter = converter or PictureConverter(stream, frame)
            start = clock.seconds(frame.pts)
            picture = None
            while current is not None and index is not None and index / rate + 1e-4 < start:
                picture = converter.picture(current) if picture is None else picture.copy()
                yield picture
                index = next(indices, None)
            if index is None:
                return
            current = frame
        if current is None or converter is None:
            raise InputError(f"{path.name} holds no readable picture; export it again as mp4 (H.264).")
        picture = converter.picture(current)
        while index is not None:
            yield picture.copy()
            index = next(indices, None)


class VideoWriter:
    """Writes a movie (BT.709, limited range), with sound if given; use it as a context manager.

    The ending decides container and codecs (`headroom.media.containers`). The movie appears under its name when the
    block succeeds; an error leaves no file, or the older one. Odd widths and heights gain one repeated column or row,
    because yuv420p needs even ones.
    """

    def __init__(self, path: Path, fps: float, width: int, height: int, *, sound: Soundtrack | None = None,
                 options: MovieOptions | None = None):
        """Take the settings; nothing is written before the block starts. The sound is cut to the movie's length."""
        self.path = Path(path)
        self.format = movie_format(self.path, options is not None and options.has_alpha)
        self.rate = rate_fraction(fps)
        self.width, self.height = width, height
        self.frames = 0
        self.notes: list[str] = []  # what the user should know of the finished movie
        self._source, self._options = sound, options or MovieOptions()
        self.provenance = self._options.provenance  # may be replaced until the block ends
        self._stack = ExitStack()

    def __enter__(self) -> VideoWriter:
        with ExitStack() as stack:
            require_signer(self.provenance)
            samples = self._source.read() if self._source else None
            temporary = stack.enter_context(atomic_write(self.path))
            stack.push(partial(self._add_marks, temporary))
            container = av.open(str(temporary), "w", format=self.format.container,
                                options=self.format.container_options)
            self._container = stack.enter_context(container)
            self._container.metadata.update(self._tags())
            self._video = self._add_video()
            self._sound = SoundtrackWriter(self._container, samples, self.format) if samples is not None else None
            stack.push(self._finish)
            self._stack = stack.pop_all()
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one frame (height, width, 3) uint8 RGB, or (height, width, 4) RGBA of a movie with alpha."""
        shape = (self.height, self.width, 4 if self._options.has_alpha else 3)
        if frame.shape != shape:
            raise ValueError(f"frame is {frame.shape}, the movie is {shape}")
        odd_rows, odd_columns = self.height % 2, self.width % 2
        if odd_rows or odd_columns:
            frame = np.pad(frame, ((0, odd_rows), (0, odd_columns), (0, 0)), mode="edge")
        picture = _yuv(frame, self.format.pixels)
        picture.pts = self.frames
        picture.time_base = 1 / self.rate
        self._container.mux(self._video.encode(picture))
        self.frames += 1
        if self._sound:
            self._sound.write_until(self.frames / self.rate)

    def write_all(self, frames: Iterable[np.ndarray]) -> None:
        """Append frames (height, width, 3) uint8 RGB."""
        for frame in frames:
            self.write(frame)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    def _finish(self, kind: type[BaseException] | None, error: BaseException | None,
                trace: TracebackType | None) -> None:
        """Write what the encoders still hold, unless an error ends the movie."""
        if error is not None:
            return
        self._container.mux(self._video.encode(None))
        if self._sound:
            self._sound.finish(self.frames / self.rate)

    def _add_marks(self, movie: Path, kind: type[BaseException] | None, error: BaseException | None,
                   trace: TracebackType | None) -> None:
        """Write the content credentials into the closed movie, unless an error ends it."""
        if error is None and self.provenance is not None:
            self.notes = add_marks(movie, self.provenance)

    def _tags(self) -> dict[str, str]:
        """Return the movie's metadata."""
        title = {"title": self._options.title or self.path.stem}
        provenance = self.provenance
        return title | ({"comment": AI_LABEL} if provenance is not None and provenance.is_generated else {})

    def _add_video(self) -> av.VideoStream:
        """Add the video stream to the container."""
        encoding = self.format.quality(self._options.crf)
        added = self._container.add_stream(self.format.video, rate=self.rate, options=encoding)
        stream = cast(av.VideoStream, added)
        stream.width, stream.height = self.width + self.width % 2, self.height + self.height % 2
        stream.pix_fmt = self.format.pixels
        stream.time_base = 1 / self.rate
        context = stream.codec_context
        context.thread_count = ENCODER_THREADS
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream


def _clock_changes(clock: FrameClock) -> list[str]:
    """Return what reading changes about the times of the frames."""
    if clock.variable:
        return [f"its frame rate varies, so it was read at {clock.fps:.5g} frames per second"]
    return [f"missing pictures were replaced by those before them, {clock.held} in all"] if clock.held else []


def _size_changes(path: Path, size: tuple[int, int]) -> list[str]:
    """Return what reading changes about the size, which can change where a picture does not need another one."""
    with open_video(path) as (container, stream):
        if container.format.name.startswith("mov"):  # states one size for the whole file
            return []
        stream.codec_context.skip_frame = "NONKEY"
        stored = {(frame.width, frame.height) for frame in decoded_frames(container, stream)}
    return [f"its size changes, so all pictures were scaled to {size[0]} x {size[1]}"] if len(stored) > 1 else []


def _yuv(frame: np.ndarray, pixels: str) -> av.VideoFrame:
    """Return (H, W, 3 or 4) uint8 RGB or RGBA of even size in a pixel format, BT.709 limited."""
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24" if frame.shape[2] == 3 else "rgba")
    return picture.reformat(
        format=pixels, src_colorspace=Colorspace.ITU709, dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG, dst_color_range=ColorRange.MPEG,
        interpolation=EXACT_COLOURS,
    )
