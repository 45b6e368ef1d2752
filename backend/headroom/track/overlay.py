"""The overlay: a track drawn over its clip, which shows how well it fits."""

from __future__ import annotations

import cv2
import numpy as np

from headroom.face.camera import rotation_matrix
from headroom.face.light import AMBIENT
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.face.topology import MESH_POINTS
from headroom.track.track import Track

MESH_COLOUR, LANDMARK_COLOUR, MISSING_COLOUR = (120, 230, 255), (255, 196, 0), (255, 72, 60)
AXES = (("x", (255, 84, 84)), ("y", (110, 225, 90)), ("z", (90, 150, 255)))
"""The head's axes and their colours; all colours are RGB, 0..255."""

_BETWEEN_EYES = 168
"""The landmark at which the axes start."""
_AXIS_MM = 55.0
_SHIFT = 4
"""Number of fractional bits in OpenCV's drawing coordinates."""


class Overlay:
    """Draws over the frames of one clip."""

    def __init__(self, model: FaceModel, track: Track, landmarks: np.ndarray, error: np.ndarray):
        """Prepare the drawing.

        landmarks: (T, 478, 3) as found; NaN where there was no face.
        error: (T,) landmark error, eye distances.
        """
        self.model, self.track, self.landmarks, self.error = model, track, landmarks, error
        self.raster = Rasterizer(model, track.camera, track.crop, track.crop.size)
        clay = AMBIENT * 0.62
        clay[1], clay[2], clay[3] = 0.30, 0.22, -0.25
        self.raster.set_appearance(np.full((4, 4, 3), 225, np.uint8), clay)
        self.edges = _mesh_edges(model)
        eyes = landmarks[:, [33, 263], :2]
        self.unit = max(0.5, float(np.nanmedian(np.linalg.norm(eyes[:, 0] - eyes[:, 1], axis=1))) / 110)
        """Scale of line widths and dots, in proportion to the face."""

    def draw(self, picture: np.ndarray, frame: int) -> np.ndarray:
        """Return a frame's picture (H, W, 3) uint8 RGB with surface, mesh, landmarks, axes and a label over it."""
        missing = not np.isfinite(self.error[frame])
        vertices = self.track.vertices(self.model, frame).astype(np.float32)
        drawn = self._surface(picture, vertices)
        self._mesh(drawn, vertices, MISSING_COLOUR if missing else MESH_COLOUR)
        if not missing:
            _dots(drawn, self.landmarks[frame, :, :2], self.unit)
        self._axes(drawn, vertices[self.model.vertex_of(_BETWEEN_EYES)], frame)
        _label(drawn, self._lines(frame), MISSING_COLOUR if missing else None)
        return drawn

    def _surface(self, picture: np.ndarray, vertices: np.ndarray) -> np.ndarray:
        """Return the picture with the grey surface over it, half transparent, where the crop lies in the picture."""
        crop, drawn = self.track.crop, picture.copy()
        height, width = picture.shape[:2]
        left, top = max(crop.x, 0), max(crop.y, 0)
        right, bottom = min(crop.x + crop.size, width), min(crop.y + crop.size, height)
        render = self.raster.render(vertices)[top - crop.y : bottom - crop.y, left - crop.x : right - crop.x]
        alpha = render[..., 3:].astype(np.float32) * (0.35 / 255)
        region = drawn[top:bottom, left:right]
        region[:] = np.rint(region * (1 - alpha) + render[..., :3] * alpha)
        return drawn

    def _mesh(self, drawn: np.ndarray, vertices: np.ndarray, colour: tuple[int, int, int]) -> None:
        """Draw the edges between landmarks that face the camera."""
        towards = -(self.model.normals(vertices) * vertices).sum(1)
        visible = self.edges[(towards[self.edges] > 0).all(1)]
        lines = drawn.copy()
        pixels = _fixed_point(self.track.camera.project(vertices))
        cv2.polylines(lines, list(pixels[visible]), False, colour, max(1, round(self.unit)), cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(lines, 0.45, drawn, 0.55, 0, dst=drawn)

    def _axes(self, drawn: np.ndarray, origin: np.ndarray, frame: int) -> None:
        camera, rotation = self.track.camera, rotation_matrix(self.track.rotation[frame].astype(float))
        for axis in np.argsort(rotation[2]):  # back to front
            ends = camera.project(np.stack([origin, origin + rotation[:, axis] * _AXIS_MM]))
            _axis(drawn, ends, AXES[axis], self.unit)

    def _lines(self, frame: int) -> list[str]:
        pitch, yaw, roll = np.degrees(self.track.rotation[frame])
        error = self.error[frame]
        return [
            f"frame {frame}   {frame / self.track.fps:.2f} s",
            f"pitch {pitch:+.1f}   yaw {yaw:+.1f}   roll {roll:+.1f} deg",
            f"landmark error {100 * error:.2f} % of the eye distance" if np.isfinite(error)
            else "no face found: motion interpolated",
        ]


def _mesh_edges(model: FaceModel) -> np.ndarray:
    """Return the vertices (K, 2) at the ends of the landmark mesh's edges."""
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

    vertex = {int(i): int(v) for i, v in zip(model.landmark_ids, model.landmark_vertices) if i < MESH_POINTS}
    pairs = {(min(a, b), max(a, b)) for a, b in FACEMESH_TESSELATION if a in vertex and b in vertex}
    return np.array([(vertex[a], vertex[b]) for a, b in sorted(pairs)])


def _fixed_point(points: np.ndarray) -> np.ndarray:
    """Return pixels in OpenCV's fixed-point drawing coordinates, in which the first pixel's centre is 0."""
    return np.rint((points - 0.5) * (1 << _SHIFT)).astype(np.int32)


def _dots(drawn: np.ndarray, points: np.ndarray, unit: float) -> None:
    radius = round(0.9 * unit * (1 << _SHIFT))
    for x, y in _fixed_point(points):
        cv2.circle(drawn, (int(x), int(y)), radius, LANDMARK_COLOUR, -1, cv2.LINE_AA, _SHIFT)


def _axis(drawn: np.ndarray, ends: np.ndarray, axis: tuple[str, tuple], unit: float) -> None:
    """Draw one axis with a dark rim between pixels (2, 2), and its name beyond the end.

    axis: name and colour.
    """
    name, colour = axis
    (x0, y0), (x1, y1) = _fixed_point(ends)
    for ink, width in (((20, 20, 20), round(5 * unit)), (colour, max(2, round(2.6 * unit)))):
        cv2.line(drawn, (int(x0), int(y0)), (int(x1), int(y1)), ink, width, cv2.LINE_AA, _SHIFT)
    along = ends[1] - ends[0]
    x, y = ends[1] + along / max(float(np.linalg.norm(along)), 1.0) * 9 * unit
    _text(drawn, name, (round(x - 4 * unit), round(y + 4 * unit)), 0.5 * unit, colour)


def _label(drawn: np.ndarray, lines: list[str], warning: tuple[int, int, int] | None) -> None:
    """Draw lines of text on a dark panel in the corner.

    warning: colour of the last line and of a border around the picture; None for neither.
    """
    height, width = drawn.shape[:2]
    size = max(0.36, min(width / 1900, height / 1050))
    row, margin = round(34 * size), round(16 * size)
    text_width = max(cv2.getTextSize(line, cv2.FONT_HERSHEY_DUPLEX, size, 1)[0][0] for line in lines)
    panel = drawn[margin : margin + row * len(lines) + margin, margin : margin + text_width + 2 * margin]
    panel[:] = panel // 3
    for index, line in enumerate(lines):
        last = index == len(lines) - 1
        _text(drawn, line, (2 * margin, margin + row * (index + 1)), size, warning if last and warning else (240,) * 3)
    if warning:
        cv2.rectangle(drawn, (0, 0), (width - 1, height - 1), warning, max(3, round(8 * size)))


def _text(drawn: np.ndarray, text: str, corner: tuple[int, int], size: float, colour) -> None:
    """Draw text from its bottom left corner, with a dark rim that makes it readable on any picture."""
    for ink, width in (((20, 20, 20), max(2, round(4 * size))), (colour, max(1, round(1.4 * size)))):
        cv2.putText(drawn, text, corner, cv2.FONT_HERSHEY_DUPLEX, size, ink, width, cv2.LINE_AA)
