"""Video in and out through PyAV: frames at a constant rate, movies with sound that are complete or absent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

from headroom import __version__
from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.media.audio import NothingThere, read_audio
from headroom.media.clock import Clock, rate_fraction
from headroom.media.soundtrack import RATE, SoundTrack

LABEL = f"AI-generated: made with Headroom {__version__}"
# without these two flags swscale's shortcuts darken every colour by one to two levels
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True)
class VideoInfo:
    """What a video is, as `read_frames` delivers it: upright, at the constant rate `fps`.

    Time 0 is the first picture, as for `headroom.media.audio.read_audio`.
    """

    width: int  # px
    height: int  # px
    fps: float  # the average rate when the clip's own rate varies
    seconds: float
    frames: int
    variable_rate: bool
    has_audio: bool


def probe(path: Path) -> VideoInfo:
    """Size, rate, exact frame count and sound of a video; InputError when it is none."""
    path = Path(path)
    with _open_video(path) as (container, stream):
        clock = Clock(path, container, stream)
    with _open_video(path) as (container, stream):
        frame = next(_decoded(container, stream), None)
        if frame is None:
            raise InputError(f"{path.name} holds no readable picture; export it again as mp4 (H.264).")
        upright = (frame.height, frame.width) if frame.rotation % 180 else (frame.width, frame.height)
        has_audio = bool(container.streams.audio)
    return VideoInfo(*upright, clock.fps, clock.count / clock.fps, clock.count, clock.variable, has_audio)


def frame_span(info: VideoInfo, from_seconds: float | None = None, to_seconds: float | None = None,
               fps: float | None = None) -> range:
    """The indices `read_frames` yields; frame i shows the time i / fps. Neighbouring spans share no frame."""
    fps = fps or info.fps
    last = round(info.seconds * fps)
    first = min(max(0, round((from_seconds or 0.0) * fps)), last)
    end = last if to_seconds is None else min(last, round(to_seconds * fps))
    return range(first, max(first, end))


def read_frames(path: Path, from_seconds: float | None = None, to_seconds: float | None = None,
                fps: float | None = None) -> Iterator[np.ndarray]:
    """Frames (H, W, 3) uint8 RGB of a video at the constant rate `fps`, by default the clip's own (average) rate.

    Frame i shows time i / fps: the latest picture that has begun by then. A clip of constant rate read at its own
    rate gives each of its pictures once. Untagged video is taken as BT.709.
    """
    path = Path(path)
    with _open_video(path) as (container, stream):
        clock = Clock(path, container, stream)
    info = VideoInfo(0, 0, clock.fps, clock.count / clock.fps, clock.count, clock.variable, False)
    rate = fps or clock.fps
    wanted = iter(frame_span(info, from_seconds, to_seconds, rate))
    index = next(wanted, None)
    if index is None:
        return
    with _open_video(path) as (container, stream):
        held = None
        for frame in _decoded(container, stream):
            begins = clock.seconds(frame.pts)
            picture = None
            while held is not None and index is not None and index / rate + 1e-4 < begins:
                picture = _rgb(held) if picture is None else picture.copy()
                yield picture
                index = next(wanted, None)
            if index is None:
                return
            held = frame
        if held is None:
            raise InputError(f"{path.name} holds no readable picture; export it again as mp4 (H.264).")
        picture = _rgb(held)
        while index is not None:
            yield picture.copy()
            index = next(wanted, None)


class VideoWriter:
    """Writes an H.264 movie (yuv420p, BT.709 limited range) and, if given, its sound as AAC.

    Used as a context manager. The movie appears under its name when the block ends well; on an error nothing is left.
    Odd sizes gain one repeated row or column. `generated=True` marks the movie as AI-generated in its metadata.
    """

    def __init__(self, path: Path, fps: float, width: int, height: int, *, crf: int = 16, audio: Path | None = None,
                 audio_from_seconds: float = 0.0, audio_part: tuple[float, float] | None = None,
                 title: str | None = None, generated: bool = False):
        """audio: any file with a sound track; its time `audio_from_seconds`, which may be negative, meets frame 0 and
        its end is cut to the last frame's. Of it, only `audio_part` is heard: its seconds from and to, all if None."""
        self.path = Path(path)
        self.rate = rate_fraction(fps)
        self.width, self.height, self.crf = width, height, crf
        self.frames = 0
        self.tags = {"title": title or self.path.stem} | ({"comment": LABEL} if generated else {})
        self._audio = (Path(audio), audio_from_seconds, audio_part) if audio else None
        self._stack = ExitStack()

    def __enter__(self) -> "VideoWriter":
        with ExitStack() as stack:
            sound = _sound_from(*self._audio) if self._audio else None
            temporary = stack.enter_context(atomic_write(self.path))
            container = av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"})
            self._container = stack.enter_context(container)
            self._container.metadata.update(self.tags)
            self._video = self._add_video()
            self._sound = SoundTrack(self._container, sound) if sound is not None else None
            self._stack = stack.pop_all()
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one frame (height, width, 3) uint8 RGB."""
        if frame.shape != (self.height, self.width, 3):
            raise ValueError(f"frame is {frame.shape}, the movie is {(self.height, self.width, 3)}")
        odd_rows, odd_columns = self.height % 2, self.width % 2
        if odd_rows or odd_columns:
            frame = np.pad(frame, ((0, odd_rows), (0, odd_columns), (0, 0)), mode="edge")
        picture = _yuv(frame)
        picture.pts = self.frames
        picture.time_base = 1 / self.rate
        self._container.mux(self._video.encode(picture))
        self.frames += 1
        if self._sound:
            self._sound.write_until(self.frames / self.rate)

    def write_all(self, frames: Iterable[np.ndarray]) -> None:
        for frame in frames:
            self.write(frame)

    def __exit__(self, kind, error, trace) -> None:
        with self._stack as stack:
            if kind is not None:  # let the clean-up of the temporary file see the error
                stack.__exit__(kind, error, trace)
                return
            self._container.mux(self._video.encode(None))
            if self._sound:
                self._sound.finish(self.frames / self.rate)

    def _add_video(self):
        stream = self._container.add_stream("libx264", rate=self.rate, options={"crf": str(self.crf), "preset": "fast"})
        stream.width, stream.height = self.width + self.width % 2, self.height + self.height % 2
        stream.pix_fmt = "yuv420p"
        stream.time_base = 1 / self.rate
        context = stream.codec_context
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream


def _sound_from(path: Path, from_seconds: float, part: tuple[float, float] | None) -> np.ndarray | None:
    """A file's samples (N,) from a time on, silent before the part that is heard; None where that has ended."""
    begin, end = part or (0.0, None)
    begin = max(begin, from_seconds, 0.0)
    try:
        heard = read_audio(path, RATE, begin, end)
    except NothingThere:
        return None
    return np.concatenate([np.zeros(round((begin - from_seconds) * RATE), np.float32), heard])


@contextmanager
def _open_video(path: Path):
    """(container, its video stream), or InputError in one sentence."""
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the name.")
    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"{path.name} is not a video that can be read; choose an mp4, mov or mpg file.") from error
    with container:
        streams = [s for s in container.streams.video if "attached_pic" not in str(s.disposition)]
        if not streams:
            raise InputError(f"{path.name} has no picture track; choose a video of the person.")
        streams[0].thread_type = "AUTO"
        yield container, streams[0]


def _decoded(container, stream) -> Iterator[av.VideoFrame]:
    """Every picture that can be decoded; damaged ones are left out and their time shows the one before."""
    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.InvalidDataError:
                continue
    except av.FFmpegError:
        return  # the file stops here


def _rgb(frame: av.VideoFrame) -> np.ndarray:
    """(H, W, 3) uint8 RGB, upright."""
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    known = {int(space) for space in Colorspace} | {6}
    space = frame.colorspace if int(frame.colorspace) in known else Colorspace.ITU709
    picture = frame.to_ndarray(
        format="rgb24", src_colorspace=5 if int(space) == 6 else int(space), dst_colorspace=int(Colorspace.ITU709),
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG, dst_color_range=ColorRange.JPEG,
        interpolation=EXACT,
    )
    return np.ascontiguousarray(np.rot90(picture, frame.rotation // 90 % 4))


def _yuv(frame: np.ndarray) -> av.VideoFrame:
    """(H, W, 3) uint8 RGB of even size as BT.709 limited yuv420p."""
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    return picture.reformat(
        format="yuv420p", src_colorspace=Colorspace.ITU709, dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG, dst_color_range=ColorRange.MPEG,
        interpolation=EXACT,
    )
