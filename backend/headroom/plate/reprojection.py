"""Reprojected plates: a plate's own pixels, carried along the face's surface to the wanted pose and expression.

The track tells which point of the surface each pixel of a plate shows. So the wanted face is drawn with the position
of each of its points in the plate, and takes the colour from there, times the ratio of the two shadings. Mouth and eyes
come from the plates in which they are most like the wanted ones. Around the face, what the expression moves fades out,
so that the neck follows the jaw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.pull_push import downsampled, pull_push
from headroom.common.resample import resampled
from headroom.common.smoothstep import smoothstep
from headroom.face.camera import Camera, Crop
from headroom.face.light import shade
from headroom.face.model import FaceModel
from headroom.face.surface_map import SurfaceMap

MAX_SHADING_RATIO = 1.6
"""Limit of the change of light: the light of a clip is known only roughly, and noise is amplified as well."""
MIN_STRETCH, FULL_STRETCH = 0.15, 0.5
"""Projected area in the plate over the wanted one: below the first a point's colour is not known, from the second on it
is. Surface that is turned away in the plate has a negative area."""
HIDDEN_MM, FULLY_HIDDEN_MM = 4.0, 10.0
"""Depth behind what a plate shows: up to the first a point is seen, from the second on it is hidden."""
EDGE_PIXELS = 3  # of a map of 256, width over which the face fades into its surroundings
SURROUNDING_CELLS = 64  # across the crop, of the displacement around the face
SURROUNDING_REACH = 0.5  # of the face's size, over which the displacement fades out

U, V, RATIO, COVERAGE = range(4)
"""Channels of a source's map: displacement to the plate in frame pixels, ratio of shadings, 1."""
CHANNELS = 4
VALID = 0
"""Channel of the shared map; the weights of the sources after the first follow."""

Rect = tuple[int, int, int, int]
"""Left, top, right and bottom, whole pixels."""


@dataclass(frozen=True)
class ProjectedFace:
    """A face as the camera sees it.

    vertices: (V, 3), camera axes, millimetres.
    pixels: (V, 2), frame pixels.
    areas: (F,) twice the projected area of each triangle, positive where it faces the camera.
    shading: (V,), the mean of the three colours.
    visible: (V,) float32, 0..1, 0 behind another part of the face, such as the nose, and outside of the frame; None
        where it is not known.
    """

    vertices: NDArray[np.floating]
    pixels: NDArray[np.floating]
    areas: NDArray[np.floating]
    shading: NDArray[np.floating]
    visible: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class FaceSource:
    """The face in a plate that colours are taken from.

    weight: (V,) where this source is used instead of those before it; None for everywhere.
    """

    face: ProjectedFace
    weight: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class SurroundingMotion:
    """Displacement around the face that its expression causes, beyond that of the head's pose.

    displacement: (n, n, 2) float32, frame pixels, over the crop; 0 at its border.
    """

    crop: Crop
    displacement: NDArray[np.float32]

    def at(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the displacement (h, w, 2) at frame positions (h, w, 2); 0 outside of the crop."""
        cells = len(self.displacement) / self.crop.size
        x, y = ((points[..., k] - start) * cells - 0.5 for k, start in enumerate((self.crop.x, self.crop.y)))
        sampled = cv2.remap(self.displacement, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR,
                            borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0))
        return np.asarray(sampled, np.float32)


class FaceReprojector:
    """Carries plates along the surface of a face model."""

    def __init__(self, model: FaceModel, camera: Camera, crop: Crop, light: NDArray[np.floating], resolution: int):
        """light: (9, 3) coefficients of the clip. resolution: R, side of the maps, pixels."""
        self.model, self.camera, self.crop, self.light = model, camera, crop, light
        self.resolution = resolution
        self._map = SurfaceMap(model, camera, crop, resolution)

    def projected(self, vertices: NDArray[np.floating]) -> ProjectedFace:
        """Return the face with vertices (V, 3), camera axes, millimetres, as the camera sees it."""
        pixels = self.camera.project(vertices)
        shading = shade(self.model.normals(vertices), self.light).mean(-1)
        return ProjectedFace(vertices, pixels, self._projected_areas(pixels), shading)

    def in_plate(self, vertices: NDArray[np.floating]) -> ProjectedFace:
        """Return the face in a plate, as `projected`, and which of its vertices the plate shows."""
        face = self.projected(vertices)
        depth = self._map.draw(vertices, vertices[None, :, 2:])[0, ..., 0]
        shown = np.where(depth < 0, depth, -np.inf).astype(np.float32)
        shown_depth = cv2.erode(shown, np.ones((3, 3), np.uint8))  # the farthest around it, because edges are not exact
        scale = self.resolution / self.crop.size
        column, row = np.floor((face.pixels - (self.crop.x, self.crop.y)) * scale).astype(int).T
        inside = (column >= 0) & (column < self.resolution) & (row >= 0) & (row < self.resolution)
        behind = np.full(len(vertices), -np.inf)
        behind[inside] = shown_depth[row[inside], column[inside]] - vertices[inside, 2]
        hidden = smoothstep((behind - HIDDEN_MM) / (FULLY_HIDDEN_MM - HIDDEN_MM))
        return replace(face, visible=((1 - hidden) * self._in_frame(face.pixels)).astype(np.float32))

    def draw(self, wanted: ProjectedFace, sources: Sequence[FaceSource]) -> FaceMaps:
        """Draw the maps of a wanted face for its sources, at most four, of which the first covers it all."""
        values = np.ones((len(sources) + 1, len(wanted.vertices), CHANNELS), np.float32)
        shared = values[-1]
        shared[:] = 0
        for number, (source, each) in enumerate(zip(sources, values)):
            each[:, : V + 1] = source.face.pixels - wanted.pixels
            each[:, RATIO] = np.clip(
                wanted.shading / source.face.shading, 1 / MAX_SHADING_RATIO, MAX_SHADING_RATIO)
            valid = self._validity(source.face.areas, wanted.areas)
            if source.face.visible is not None:
                valid = valid * source.face.visible
            if source.weight is None:
                shared[:, VALID] = valid
            else:
                shared[:, VALID] += source.weight * (valid - shared[:, VALID])
                shared[:, number] = source.weight
        drawn = self._map.draw(wanted.vertices, values)
        return FaceMaps(self.crop, drawn[:-1], drawn[-1])

    def _in_frame(self, pixels: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return (V,) whether pixels (V, 2) lie in the frame."""
        return np.all((pixels > 0) & (pixels < (self.camera.width, self.camera.height)), axis=1)

    def _projected_areas(self, pixels: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return twice the area (F,) of triangles of pixels (V, 2), positive where they face the camera."""
        a, b, c = self.model.at_corners(pixels)
        (x, y), (z, w) = b - a, c - a
        return z * y - x * w  # rows run downwards

    def _validity(self, source: NDArray[np.floating], wanted: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return (V,), 0..1: whether the plate shows what is around each vertex, given projected areas (F,)."""
        stretch = source / np.maximum(wanted, 1e-3)
        valid = smoothstep((stretch - MIN_STRETCH) / (FULL_STRETCH - MIN_STRETCH)).astype(np.float32)
        faces = self.model.faces_of_vertex
        return np.asarray(faces @ valid, np.float32) / np.maximum(np.diff(faces.indptr), 1)


@dataclass(frozen=True)
class FaceMaps:
    """Maps of the wanted face over the crop; they are 0 where the face is not drawn.

    sources: (N, R, R, 4) float32 of N sources: displacement, ratio of shadings, and 1.
    shared: (R, R, 4) float32, validity, and the weights of the sources after the first.
    """

    crop: Crop
    sources: NDArray[np.float32]
    shared: NDArray[np.float32]

    @cached_property
    def coverage(self) -> NDArray[np.float32]:
        """(R, R) float32, 1 where the face is drawn."""
        return np.ascontiguousarray(self.sources[0][..., COVERAGE])

    @property
    def valid(self) -> NDArray[np.uint8]:
        """(R, R) uint8, 255 where the reprojected plate shows the wanted surface; also around the face."""
        return (255 * (1 - self.coverage * (1 - self.shared[..., VALID])) + 0.5).astype(np.uint8)

    def surrounding(self, rigid: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> SurroundingMotion:
        """Return the displacement around the face that its expression causes.

        rigid: returns the displacement (h, w, 2) by the head's pose alone at frame positions (h, w, 2).
        """
        side = SURROUNDING_CELLS
        if not self.coverage.any():
            return SurroundingMotion(self.crop, np.zeros((side, side, 2), np.float32))
        factor = len(self.coverage) // side
        cells = downsampled(self.sources[0], factor)[..., [U, V, COVERAGE]]
        centres = (np.arange(side, dtype=np.float32) + 0.5) * (self.crop.size / side)
        points = np.stack(np.meshgrid(centres + self.crop.x, centres + self.crop.y), axis=-1)
        covered = cells[..., 2:]
        difference = cells[..., :2] - covered * rigid(points)
        filled = pull_push(np.dstack([difference, covered]).astype(np.float32))
        outside = cv2.distanceTransform((covered[..., 0] < 0.5).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        reach = SURROUNDING_REACH * float(np.sqrt(covered.sum()))
        fade = smoothstep(1 - outside / reach) * _border_fade(side)
        return SurroundingMotion(self.crop, (filled * fade[..., None]).astype(np.float32))

    def opaque(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return where (H, W) the painted face hides all of a picture of a shape (H, W, ...)."""
        opaque = np.zeros(shape[:2], bool)
        rect = self._visible_rect(shape)
        if rect is not None:
            left, top, right, bottom = rect
            opaque[top:bottom, left:right] = self._alpha_in_frame(rect) >= 1
        return opaque

    def paint(self, pictures: Sequence[NDArray[np.uint8]], picture: NDArray[np.uint8]) -> None:
        """Paint the reprojected face, with the colours of each source's plate, into `picture` (H, W, 3) uint8.

        Beside the face the maps continue what they are at the face's edge.
        """
        from headroom.plate.plate_kernels import SourceMaps, paint_face  # loads numba

        rect = self._visible_rect(picture.shape)
        if rect is not None:
            plates = tuple(np.ascontiguousarray(each) for each in pictures)
            maps = SourceMaps(self.sources, self.shared, self._alpha, self.crop.x, self.crop.y,
                              len(self.coverage) / self.crop.size)
            paint_face(plates, maps, rect, picture)

    @cached_property
    def _alpha(self) -> NDArray[np.float32]:
        """(R, R), 0..1, the face's opacity."""
        return _inner_alpha(self.coverage)

    def _alpha_in_frame(self, rect: Rect) -> NDArray[np.float32]:
        """Return the face's opacity (h, w) at the frame's pixels in `rect`."""
        left, top, right, bottom = rect
        step = len(self._alpha) / self.crop.size  # map pixels per frame pixel
        return resampled(self._alpha, ((left - self.crop.x) * step, (top - self.crop.y) * step), (step, step),
                         (right - left, bottom - top))

    def _visible_rect(self, shape: tuple[int, ...]) -> Rect | None:
        """Return left, top, right and bottom of the pixels, of a frame of a shape (H, W, ...), that show the face."""
        area = self._alpha > 0
        columns, rows = np.flatnonzero(area.any(axis=0)), np.flatnonzero(area.any(axis=1))
        if not len(columns):
            return None
        scale = self.crop.size / len(area)
        left, right = (self.crop.x + edge * scale for edge in (columns[0] - 1, columns[-1] + 2))
        top, bottom = (self.crop.y + edge * scale for edge in (rows[0] - 1, rows[-1] + 2))
        rect = (max(int(left), 0), max(int(top), 0), min(int(right) + 1, shape[1]), min(int(bottom) + 1, shape[0]))
        return rect if rect[2] > rect[0] and rect[3] > rect[1] else None


def _inner_alpha(coverage: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return alpha (R, R), 0..1, that fades to 0 inside the edge of the face."""
    width = max(round(EDGE_PIXELS * len(coverage) / 256), 1)
    blurred = cv2.blur(coverage, (2 * width + 1, 2 * width + 1), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(2 * blurred - 1, 0, 1) * coverage, np.float32)


def _border_fade(side: int) -> NDArray[np.float32]:
    """Return (side, side), 0 at the border of a square and 1 from an eighth of its side on."""
    steps = smoothstep((np.minimum(np.arange(side), np.arange(side)[::-1])) / (side / 8))
    return np.asarray(np.outer(steps, steps), np.float32)
