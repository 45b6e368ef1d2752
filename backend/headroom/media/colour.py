"""Colours of a decoded frame: any matrix, range, transfer and primaries as BT.709 SDR."""

from __future__ import annotations

from functools import lru_cache

import av
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

# Without the last two flags swscale takes shortcuts that darken every colour by one to two levels.
EXACT_COLOURS = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
SWSCALE_SPACES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""Colour space as tagged in a file -> as swscale names it."""
WHITE_NITS = 203.0  # of HDR that becomes SDR white (ITU-R BT.2408)
HLG_NITS, PQ_NITS = 1000.0, 10000.0  # of the brightest code value
DISPLAY_GAMMA = 2.4  # of an SDR display (ITU-R BT.1886)
LEVELS = 4096  # entries of the table that encodes linear light, over its square root
CHROMATICITIES = {
    ColorPrimaries.BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    ColorPrimaries.BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    ColorPrimaries.SMPTE432: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""x and y of red, green and blue, all with the white point D65; the last is Display P3."""
WHITE_POINT = (0.3127, 0.3290)
HDR_NAMES = {ColorTrc.ARIB_STD_B67: "HLG", ColorTrc.SMPTE2084: "PQ"}


def wide_colours(frame: av.VideoFrame) -> str | None:
    """Return the name of a frame's colours where they are not those of BT.709 SDR."""
    if frame.color_trc in HDR_NAMES:
        return f"HDR ({HDR_NAMES[ColorTrc(frame.color_trc)]})"
    return "wide-gamut" if frame.color_primaries in (ColorPrimaries.BT2020, ColorPrimaries.SMPTE432) else None


def rgb_of(frame: av.VideoFrame) -> np.ndarray:
    """Return a decoded frame as (H, W, 3) uint8 RGB, BT.709 SDR, as it is stored."""
    if wide_colours(frame) is None:
        return _converted(frame, "rgb24", SWSCALE_SPACES.get(int(frame.colorspace), int(Colorspace.ITU709)))
    primaries = ColorPrimaries.SMPTE432 if frame.color_primaries == ColorPrimaries.SMPTE432 else ColorPrimaries.BT2020
    matrix = SWSCALE_SPACES.get(int(frame.colorspace), int(Colorspace.BT2020))
    encoded = _converted(frame, "gbrp16le", matrix)  # PyAV's rgb48le has wrong colours
    return tone_mapped(encoded, int(frame.color_trc), int(primaries))


def tone_mapped(encoded: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    """Return encoded values (H, W, 3) uint16 as (H, W, 3) uint8 of BT.709 SDR.

    Light above 203 nits is clipped, so that the picture below is the one that was graded for SDR. The system gamma of
    HLG is applied to each channel, as zimg does.
    """
    linear = cv2.transform(_linear_table(transfer)[encoded], _to_bt709(primaries))
    indices = np.sqrt(np.clip(linear, 0, 1, out=linear), out=linear)
    indices *= LEVELS - 1
    indices += 0.5
    return _display_table()[indices.astype(np.uint16)]


def _converted(frame: av.VideoFrame, pixel_format: str, matrix: int) -> np.ndarray:
    """Return a frame as full-range RGB (H, W, 3) of another pixel format."""
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return frame.to_ndarray(
        format=pixel_format, src_colorspace=matrix, dst_colorspace=int(Colorspace.ITU709),
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG, dst_color_range=ColorRange.JPEG,
        interpolation=EXACT_COLOURS,
    )


@lru_cache
def _linear_table(transfer: int) -> np.ndarray:
    """Return light (65536,) float32 of each encoded value; 1 is white."""
    value = np.linspace(0, 1, 65536)
    if transfer == ColorTrc.ARIB_STD_B67:
        a, b, c = 0.17883277, 0.28466892, 0.55991073  # ITU-R BT.2100, table 5
        scene = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
        return (scene**1.2 * HLG_NITS / WHITE_NITS).astype(np.float32)
    if transfer == ColorTrc.SMPTE2084:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128  # ITU-R BT.2100, table 4
        root = value ** (1 / m2)
        light = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
        return (light * PQ_NITS / WHITE_NITS).astype(np.float32)
    return (value**DISPLAY_GAMMA).astype(np.float32)


@lru_cache
def _display_table() -> np.ndarray:
    """Return display values (LEVELS,) uint8 of light, whose square root is evenly spaced."""
    light = np.linspace(0, 1, LEVELS) ** 2
    return np.rint(255 * light ** (1 / DISPLAY_GAMMA)).astype(np.uint8)


@lru_cache
def _to_bt709(primaries: int) -> np.ndarray:
    """Return the matrix (3, 3) from linear light of some primaries to BT.709's."""
    return np.linalg.solve(_to_xyz(ColorPrimaries.BT709), _to_xyz(primaries)).astype(np.float32)


def _to_xyz(primaries: int) -> np.ndarray:
    """Return the matrix (3, 3) from linear light of some primaries to CIE XYZ."""
    def xyz(x: float, y: float) -> list[float]:
        return [x / y, 1.0, (1 - x - y) / y]

    columns = np.array([xyz(*point) for point in CHROMATICITIES[ColorPrimaries(primaries)]]).T
    return columns * np.linalg.solve(columns, xyz(*WHITE_POINT))
