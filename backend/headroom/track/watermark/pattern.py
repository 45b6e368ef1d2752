"""The pattern of the watermark, and where it lies on a face.

The pattern is a sum of cosine waves over a square canvas that is tied to the face's landmarks. Every wave has its own
phase, from a key, and all phases turn once in a period of time. A face's own texture stays in place, so it hardly
matters at the frequency at which the pattern turns.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

SIDE = 128  # px, of the canvas
PERIOD_SECONDS = 0.7
LEAST_SECONDS = 2 * PERIOD_SECONDS  # of a face that can be looked at
LOWEST, HIGHEST = 5.0, 24.0  # cycles across the canvas, which is 1.25 times as wide as a face
KEY = b"Headroom watermark 1"
"""What the phases follow from. Everybody may find the mark, so this is no secret."""
UNIT = 64.0  # canvas pixels between the outer eye corners
CENTRE = (0.0, 0.37)  # of the canvas, in the coordinates of `LANDMARKS`
RADII = (0.74, 0.95)  # of the ellipse that the pattern fills, in the same unit
SOFT_EDGE = 0.25  # share of the radii over which it fades out

LANDMARKS = {
    1: (0.00, 0.43), 4: (0.00, 0.35), 5: (0.00, 0.25), 6: (0.00, 0.02), 10: (0.00, -0.63), 21: (-0.74, -0.25),
    33: (-0.50, 0.00), 50: (-0.54, 0.39), 54: (-0.67, -0.39), 63: (-0.58, -0.24), 66: (-0.33, -0.28),
    67: (-0.39, -0.59), 70: (-0.64, -0.17), 93: (-0.77, 0.44), 101: (-0.38, 0.29), 103: (-0.56, -0.51),
    105: (-0.47, -0.28), 107: (-0.17, -0.26), 109: (-0.21, -0.63), 118: (-0.50, 0.22), 127: (-0.79, 0.10),
    133: (-0.19, 0.01), 145: (-0.36, 0.04), 159: (-0.37, -0.06), 162: (-0.78, -0.09), 168: (0.00, -0.06),
    195: (0.00, 0.17), 197: (0.00, 0.10), 205: (-0.44, 0.48), 234: (-0.78, 0.27), 251: (0.74, -0.25),
    263: (0.50, 0.00), 280: (0.54, 0.39), 284: (0.67, -0.39), 293: (0.58, -0.24), 296: (0.33, -0.28),
    297: (0.39, -0.59), 300: (0.64, -0.17), 323: (0.77, 0.44), 330: (0.38, 0.29), 332: (0.56, -0.51),
    334: (0.47, -0.28), 336: (0.17, -0.26), 338: (0.21, -0.63), 347: (0.50, 0.22), 356: (0.79, 0.10),
    362: (0.19, 0.01), 374: (0.36, 0.04), 386: (0.37, -0.06), 389: (0.78, -0.09), 425: (0.44, 0.48), 454: (0.78, 0.27)}
"""MediaPipe's number of a landmark that speech hardly moves -> its place on the mean face seen from the front.

The unit is the distance between the outer eye corners, +x to the right in the picture, +y down, from their middle.
"""
_NUMBERS = np.array(list(LANDMARKS))
_PLACES = (np.array(list(LANDMARKS.values())) - CENTRE) * UNIT + (SIDE - 1) / 2


@dataclass(frozen=True)
class Pattern:
    """The waves of a key on the canvas.

    band: (S, S) bool, the cosine transform's coefficients that carry the pattern.
    phases: (S, S) radians, of every coefficient.
    mask: (S, S) 0..1, the part of the canvas that is marked.
    cosine, sine: (S, S) the pattern at the start and after a quarter of a period; the mean of their absolute values is
        1 where the mask is above 0.5.
    """

    band: NDArray[np.bool_]
    phases: NDArray[np.float64]
    mask: NDArray[np.float64]
    cosine: NDArray[np.float32]
    sine: NDArray[np.float32]

    def at(self, seconds: float) -> NDArray[np.float32]:
        """Return the pattern (S, S) at a time."""
        angle = 2 * np.pi * seconds / PERIOD_SECONDS
        turned: NDArray[np.float32] = self.cosine * np.float32(np.cos(angle)) + self.sine * np.float32(np.sin(angle))
        return turned

    def coefficients(self, picture: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Return the coefficients (N,) of the band of a complex picture (S, S) of the canvas."""
        masked = picture * self.mask
        return (dctn(masked.real, norm="ortho") + 1j * dctn(masked.imag, norm="ortho"))[self.band]

    @property
    def band_phases(self) -> NDArray[np.float64]:
        """(N,) radians, the phases of the band's coefficients."""
        return self.phases[self.band]

    @property
    def radii(self) -> NDArray[np.float64]:
        """(N,) spatial frequency of the band's coefficients, cycles across the canvas."""
        return _frequencies()[self.band]


@lru_cache(maxsize=1)
def bundled_pattern() -> Pattern:
    """Return the pattern that Headroom draws and looks for."""
    frequencies, phases, mask = _frequencies(), _phases(), _mask()
    band = (frequencies >= LOWEST) & (frequencies < HIGHEST)
    waves = [idctn(band * turned(phases), norm="ortho") * mask for turned in (np.cos, np.sin)]
    size = np.abs(waves[0][mask > 0.5]).mean()
    cosine, sine = (np.asarray(wave / size, np.float32) for wave in waves)
    return Pattern(band, phases, mask, cosine, sine)


def canvas_matrix(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the affine map (2, 3) from pixels of a frame to pixels of the canvas that fits a face's landmarks best.

    points: (478, 3), x and y in frame pixels, (0.5, 0.5) is the centre of the first. The map is OpenCV's, where the
        centre of the first pixel is (0, 0).
    """
    places = points[_NUMBERS, :2].astype(np.float64) - 0.5
    solution, *_ = np.linalg.lstsq(np.column_stack([places, np.ones(len(places))]), _PLACES, rcond=None)
    return np.ascontiguousarray(solution.T)


def canvas_bounds(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the greatest x and y, pixels of the frame, of the canvas; see `canvas_matrix`."""
    corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1]], float)
    inside = corners @ cv2.invertAffineTransform(matrix).T
    return inside.min(axis=0), inside.max(axis=0)


def _frequencies() -> NDArray[np.float64]:
    """(S, S) cycles across the canvas of the cosine transform's coefficients."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.hypot(rows, columns) / 2


def _phases() -> NDArray[np.float64]:
    """(S, S) radians; from a digest, because random generators may change between releases."""
    blocks = (hashlib.sha256(KEY + number.to_bytes(4, "big")).digest() for number in range(SIDE * SIDE // 16))
    values = np.frombuffer(b"".join(blocks), ">u2").reshape(SIDE, SIDE)
    return values * (2 * np.pi / 65536)


def _mask() -> NDArray[np.float64]:
    """(S, S) 0..1: an ellipse over forehead, cheeks and chin with a soft edge."""
    rows, columns = (np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2) / UNIT
    depth = np.clip((1 - np.hypot(columns / RADII[0], rows / RADII[1])) / SOFT_EDGE, 0, 1)
    return depth * depth * (3 - 2 * depth)
