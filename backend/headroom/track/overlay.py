"""A track drawn over its clip, so that a person can see how good it is."""

from __future__ import annotations

import cv2
import numpy as np

from headroom.face.camera import Camera, rotation_matrix
from headroom.face.light import AMBIENT
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.face.topology import MESH_POINTS
from headroom.track.track import Track

WIRE, DOT, LOST = (120, 230, 255), (255, 196, 0), (255, 72, 60)
AXES = (("x", (255, 84, 84)), ("y", (110, 225, 90)), ("z", (90, 150, 255)))
"""Colours (RGB) of the mesh, of the raw landmarks, of what was lost, and of the head's axes."""

_BRIDGE = 168
"""The landmark between the eyes, where the axes begin."""
_AXIS_MM = 55.0
_SHIFT = 4
"""Binary digits that OpenCV's drawing takes of a fraction of a pixel."""


class Overlay:
    """Draws over the frames of one clip.

    landmarks (T, 478, 3) as found, NaN where there was no face; error (T,) over the eye distance.
    """

    def __init__(self, model: FaceModel, track: Track, landmarks: np.ndarray, error: np.ndarray):
        self.model, self.track, self.landmarks, self.error = model, track, landmarks, error
        self.raster = Rasterizer(model, track.camera, track.crop, track.crop.size)
        clay = AMBIENT * 0.62
        clay[1], clay[2], clay[3] = 0.30, 0.22, -0.25
        self.raster.set_look(np.full((4, 4, 3), 225, np.uint8), clay)
        self.edges = _edges(model)
        eyes = landmarks[:, [33, 263], :2]
        self.unit = max(0.5, float(np.nanmedian(np.linalg.norm(eyes[:, 0] - eyes[:, 1], axis=1))) / 110)
        """Line widths and dots grow with the face."""

    def draw(self, picture: np.ndarray, frame: int) -> np.ndarray:
        """The picture (H, W, 3) uint8 RGB of a frame with mesh, landmarks, axes and label over it."""
        lost = not np.isfinite(self.error[frame])
        vertices = self.track.placed(self.model, frame).astype(np.float32)
        drawn = self._shaded(picture, vertices)
        self._wire(drawn, vertices, LOST if lost else WIRE)
        if not lost:
            _dots(drawn, self.landmarks[frame, :, :2], self.unit)
        self._axes(drawn, vertices[self.model.vertex_of(_BRIDGE)], frame)
        _label(drawn, self._words(frame), LOST if lost else None)
        return drawn

    def _shaded(self, picture: np.ndarray, vertices: np.ndarray) -> np.ndarray:
        """The mesh in clay, half transparent; only the part of the crop that lies in the picture."""
        crop, drawn = self.track.crop, picture.copy()
        height, width = picture.shape[:2]
        left, top = max(crop.x, 0), max(crop.y, 0)
        right, bottom = min(crop.x + crop.size, width), min(crop.y + crop.size, height)
        render = self.raster.render(vertices)[top - crop.y : bottom - crop.y, left - crop.x : right - crop.x]
        alpha = render[..., 3:].astype(np.float32) * (0.35 / 255)
        window = drawn[top:bottom, left:right]
        window[:] = np.rint(window * (1 - alpha) + render[..., :3] * alpha)
        return drawn

    def _wire(self, drawn: np.ndarray, vertices: np.ndarray, colour: tuple[int, int, int]) -> None:
        """The triangles between landmarks that face the camera."""
        towards = -(self.model.normals(vertices) * vertices).sum(1)
        seen = self.edges[(towards[self.edges] > 0).all(1)]
        lines = drawn.copy()
        pixels = _fixed(self.track.camera.project(vertices))
        cv2.polylines(lines, list(pixels[seen]), False, colour, max(1, round(self.unit)), cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(lines, 0.45, drawn, 0.55, 0, dst=drawn)

    def _axes(self, drawn: np.ndarray, origin: np.ndarray, frame: int) -> None:
        camera, turned = self.track.camera, rotation_matrix(self.track.rotation[frame].astype(float))
        for axis in np.argsort(turned[2]):  # the one that points at the camera comes last
            _arrow(drawn, camera, origin, origin + turned[:, axis] * _AXIS_MM, AXES[axis], self.unit)

    def _words(self, frame: int) -> list[str]:
        pitch, yaw, roll = np.degrees(self.track.rotation[frame])
        error = self.error[frame]
        return [
            f"frame {frame}   {frame / self.track.fps:.2f} s",
            f"pitch {pitch:+.1f}   yaw {yaw:+.1f}   roll {roll:+.1f} deg",
            f"landmark error {100 * error:.2f} % of the eye distance" if np.isfinite(error)
            else "no face found: motion carried over",
        ]


def _edges(model: FaceModel) -> np.ndarray:
    """(K, 2) vertices at the ends of the landmark mesh's edges."""
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

    vertex = {int(i): int(v) for i, v in zip(model.landmark_ids, model.landmark_vertices) if i < MESH_POINTS}
    pairs = {(min(a, b), max(a, b)) for a, b in FACEMESH_TESSELATION if a in vertex and b in vertex}
    return np.array([(vertex[a], vertex[b]) for a, b in sorted(pairs)])


def _fixed(points: np.ndarray) -> np.ndarray:
    """Pixels as OpenCV's drawing counts them: the centre of the first is 0."""
    return np.rint((points - 0.5) * (1 << _SHIFT)).astype(np.int32)


def _dots(drawn: np.ndarray, points: np.ndarray, unit: float) -> None:
    radius = round(0.9 * unit * (1 << _SHIFT))
    for x, y in _fixed(points):
        cv2.circle(drawn, (int(x), int(y)), radius, DOT, -1, cv2.LINE_AA, _SHIFT)


def _arrow(drawn: np.ndarray, camera: Camera, start: np.ndarray, end: np.ndarray, axis: tuple[str, tuple],
           unit: float) -> None:
    """An axis with a dark rim, and its letter beyond the tip."""
    name, colour = axis
    ends = camera.project(np.stack([start, end]))
    (x0, y0), (x1, y1) = _fixed(ends)
    for ink, width in (((20, 20, 20), round(5 * unit)), (colour, max(2, round(2.6 * unit)))):
        cv2.line(drawn, (int(x0), int(y0)), (int(x1), int(y1)), ink, width, cv2.LINE_AA, _SHIFT)
    away = ends[1] - ends[0]
    place = ends[1] + away / max(float(np.linalg.norm(away)), 1.0) * 9 * unit
    _text(drawn, name, (round(place[0] - 4 * unit), round(place[1] + 4 * unit)), 0.5 * unit, colour)


def _label(drawn: np.ndarray, lines: list[str], warning: tuple[int, int, int] | None) -> None:
    """Lines of text on a dark panel in the corner; with a warning colour also a frame around the picture."""
    height, width = drawn.shape[:2]
    size = max(0.36, min(width / 1900, height / 1050))
    row, margin = round(34 * size), round(16 * size)
    wide = max(cv2.getTextSize(line, cv2.FONT_HERSHEY_DUPLEX, size, 1)[0][0] for line in lines)
    panel = drawn[margin : margin + row * len(lines) + margin, margin : margin + wide + 2 * margin]
    panel[:] = panel // 3
    for index, line in enumerate(lines):
        last = index == len(lines) - 1
        _text(drawn, line, (2 * margin, margin + row * (index + 1)), size, warning if last and warning else (240,) * 3)
    if warning:
        cv2.rectangle(drawn, (0, 0), (width - 1, height - 1), warning, max(3, round(8 * size)))


def _text(drawn: np.ndarray, words: str, corner: tuple[int, int], size: float, colour) -> None:
    """Words from their bottom left corner, with a dark rim that keeps them readable on any picture."""
    for ink, width in (((20, 20, 20), max(2, round(4 * size))), (colour, max(1, round(1.4 * size)))):
        cv2.putText(drawn, words, corner, cv2.FONT_HERSHEY_DUPLEX, size, ink, width, cv2.LINE_AA)
