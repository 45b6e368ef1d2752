"""A video file's frames in order: opened, decoded, and made whole where they are interlaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer

from headroom.common.errors import InputError


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, av.VideoStream]]:
    """Yield the container and its video stream; raise InputError when there is none."""
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
        stream = next((s for s in streams if s.frames != 1), streams[0])  # an animated picture's first is a still
        stream.thread_type = "AUTO"
        yield container, stream


def decoded_frames(container: InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Yield every frame that can be decoded; damaged ones are skipped, so the frame before them is shown longer."""
    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.InvalidDataError:
                continue
    except av.FFmpegError:
        return  # the rest of the file cannot be read


def deinterlaced(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Yield frames with their timestamps; from the first interlaced one on, both fields' motion becomes one picture."""
    graph: av.filter.Graph | None = None
    shape, times = None, deque[int | None]()
    for frame in frames:
        if graph is not None and shape != _shape(frame):
            yield from _remaining(graph, times)
            graph = None
        if graph is None and not frame.interlaced_frame:
            yield frame
            continue
        graph, shape = graph or _deinterlacer(frame), _shape(frame)
        times.append(frame.pts)
        graph.push(frame)
        yield from _pulled(graph, times)
    if graph is not None:
        yield from _remaining(graph, times)


def _shape(frame: av.VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


def _deinterlacer(frame: av.VideoFrame) -> av.filter.Graph:
    """Return a filter graph for frames like `frame`, which leaves those that are not interlaced as they are."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    return graph


def _pulled(graph: av.filter.Graph, times: deque[int | None]) -> Iterator[av.VideoFrame]:
    """Yield the frames that the graph has finished; it gives one for each that it got, in their order."""
    while times:
        try:
            frame = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
        frame.pts = times.popleft()
        yield frame


def _remaining(graph: av.filter.Graph, times: deque[int | None]) -> Iterator[av.VideoFrame]:
    """Yield the last frames of a graph."""
    graph.vpush(None)
    yield from _pulled(graph, times)
