"""Movies in every shape that people have, made from the sample's pictures."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from headroom.media.colour import EXACT_COLOURS
from headroom.media.video import read_frames

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "sample.mp4"
WIDTH, HEIGHT = 96, 64


@lru_cache
def sample_pictures(count: int = 8) -> list[np.ndarray]:
    """Return pictures (HEIGHT, WIDTH, 3) of the sample's person, smooth enough for every chroma format."""
    pictures = []
    for frame in read_frames(SAMPLE, 0.0, count / 25, 25):
        height = frame.shape[1] * HEIGHT // WIDTH
        top = (frame.shape[0] - height) // 2
        small = cv2.resize(frame[top:top + height], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        pictures.append(cv2.GaussianBlur(small, (0, 0), 2))
    return pictures


def encoded(picture: np.ndarray, pixel_format: str, matrix: int = Colorspace.ITU709,
            full_range: bool = False) -> av.VideoFrame:
    """Return a picture (H, W, 3) uint8 or uint16 RGB as a frame of a pixel format."""
    if picture.dtype == np.uint16:
        frame = av.VideoFrame.from_ndarray(picture, format="gbrp16le")
    else:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    span = ColorRange.JPEG if full_range else ColorRange.MPEG
    return frame.reformat(format=pixel_format, src_colorspace=matrix, dst_colorspace=matrix,
                          src_color_range=ColorRange.JPEG, dst_color_range=span, interpolation=EXACT_COLOURS)


def with_field_order(frame: av.VideoFrame, top_first: bool) -> av.VideoFrame:
    """Return a frame that is marked as two fields."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    graph.link_nodes(source, graph.add("setfield", "tff" if top_first else "bff"), graph.add("buffersink"))
    graph.configure()
    graph.push(frame)
    return graph.vpull()


def write_pictures(path: Path, pictures: Sequence[np.ndarray], codec: str = "ffv1", pixel_format: str = "yuv444p", *,
                   matrix: int = Colorspace.ITU709, full_range: bool = False, tags: dict | None = None,
                   options: dict | None = None, aspect: Fraction | None = None, top_first: bool | None = None) -> Path:
    """Write pictures (H, W, 3) as a movie of 25 frames per second.

    top_first: which field of a picture is the earlier one; None for progressive pictures.
    tags: attributes of the codec context, such as color_trc; without them the stream is tagged as BT.709 SDR.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = pixel_format, 8_000_000
        context = stream.codec_context
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        for name, value in (SDR | {"color_range": ColorRange.JPEG if full_range else ColorRange.MPEG}
                            | (tags or {})).items():
            setattr(context, name, value)
        for index, picture in enumerate(pictures):
            frame = encoded(picture, pixel_format, matrix, full_range)
            if top_first is not None:
                frame = with_field_order(frame, top_first)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            frame.colorspace = int(context.colorspace)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


SDR = {"colorspace": Colorspace.ITU709, "color_primaries": ColorPrimaries.BT709, "color_trc": ColorTrc.BT709}
"""Tags of ordinary video."""

MATRICES = {
    "upright": (1, 0, 0, 1), "mirrored": (-1, 0, 0, 1), "upside down": (1, 0, 0, -1), "180": (-1, 0, 0, -1),
    "clockwise": (0, 1, -1, 0), "anticlockwise": (0, -1, 1, 0), "transposed": (0, 1, 1, 0),
    "transposed back": (0, -1, -1, 0),
}
"""Display matrices a, b, c, d: a stored point (x, y) is shown at (a x + c y, b x + d y)."""


def set_display_matrix(path: Path, name: str) -> Path:
    """Write a display matrix into the track header of an mp4 or mov, and return its path."""
    a, b, c, d = MATRICES[name]
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd")
    start = header + 4 + 4 + (32 if data[header + 4] else 20) + 16  # version, flags, times, layer, volume
    one = 1 << 16
    data[start:start + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def shown(picture: np.ndarray, name: str) -> np.ndarray:
    """Return a stored picture as a player shows it under a display matrix, point by point."""
    a, b, c, d = MATRICES[name]
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    across, down = a * x + c * y, b * x + d * y
    across, down = across - across.min(), down - down.min()
    result = np.zeros((down.max() + 1, across.max() + 1, 3), np.uint8)
    result[down, across] = picture
    return result


def hlg(picture: np.ndarray) -> np.ndarray:
    """Return an SDR picture (H, W, 3) uint8 as uint16 HLG of BT.2020, with SDR white at 203 nits."""
    scene = (_light_2020(picture) * 203 / 1000) ** (1 / 1.2)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    signal = np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)
    return np.rint(65535 * signal).astype(np.uint16)


def pq(picture: np.ndarray) -> np.ndarray:
    """Return an SDR picture (H, W, 3) uint8 as uint16 PQ of BT.2020, with SDR white at 203 nits."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = (_light_2020(picture) * 203 / 10000) ** m1
    return np.rint(65535 * ((c1 + c2 * power) / (1 + c3 * power)) ** m2).astype(np.uint16)


def wide(picture: np.ndarray) -> np.ndarray:
    """Return an SDR picture (H, W, 3) uint8 as uint16 SDR of BT.2020."""
    return np.rint(65535 * _light_2020(picture) ** (1 / 2.4)).astype(np.uint16)


def _light_2020(picture: np.ndarray) -> np.ndarray:
    """Return the light (H, W, 3) of an SDR picture in BT.2020's primaries (ITU-R BT.2087)."""
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    return np.clip((picture / 255.0) ** 2.4 @ to_2020.T, 0, 1)


HDR = {"HLG": (hlg, ColorTrc.ARIB_STD_B67), "PQ": (pq, ColorTrc.SMPTE2084), "wide": (wide, ColorTrc.BT2020_10)}
"""Name -> how a picture is encoded, and its transfer."""
