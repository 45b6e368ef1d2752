"""Which vertices of a face model are MediaPipe's landmarks: the model is drawn, and the landmarks are found on it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from headroom.common.errors import InputError
from headroom.face import topology as top
from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.light import AMBIENT
from headroom.face.model import FaceModel, bundled_model
from headroom.face.raster import Rasterizer
from headroom.face.texture import albedo_texture
from headroom.track.landmarks.detect import find_landmarks

_SIDE, _TEXTURE = 640, 1024
_TURNS_DEGREES = ((0, 0), (0, 0), (0, 15), (0, -15), (10, 0), (-10, 0))
"""Pitch and yaw of the views; the first is for the landmark network to settle."""

_GAP_MM, _MOST_COEFFICIENTS = 14.0, 8.0
"""How far the lips are opened to see where each of them ends, and the length of the coefficients that may take."""

_OUTLINE_MM, _SMOOTHING = 25.0, 30000.0
"""Landmarks this near to the outline are not seen well; how stiffly the bundled model is bent onto the others."""

_NEAR_MM, _BEHIND_MM = 3.0, 6.0
"""A landmark lies on a vertex this near to it in the picture that is not this far behind the frontmost."""


def find_vertices(model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """The vertex (L,) of every landmark in `control_landmarks()`, and coefficients (E,) that open the mouth.

    InputError when the picture of the model does not look like a face. The lips are looked for once more with the
    mouth open: where they touch, upper and lower cannot be told apart.
    """
    ids, landmark_bias = top.control_landmarks(), _landmark_bias()
    vertices = cKDTree(model.mean).query(_on_surface(model, model.mean)[ids] - landmark_bias)[1]
    wide = opening_coefficients(model, vertices[0], vertices[17])
    if wide.any():
        lips = np.isin(ids, _lips())
        opened = model.shape(np.zeros(model.identity_basis.shape[2]), wide)
        vertices[lips] = cKDTree(opened).query(_on_surface(model, opened)[ids[lips]])[1]
    return _with_outline(model, vertices, ids), wide


def opening_coefficients(model: FaceModel, upper: int, lower: int) -> np.ndarray:
    """(E,) the smallest expression that moves vertex `upper` 14 mm away from `lower`; zeros if that takes too much."""
    gain = model.expression_basis[upper, 1] - model.expression_basis[lower, 1]
    length = float(gain @ gain)
    if length < (_GAP_MM / _MOST_COEFFICIENTS) ** 2:
        return np.zeros_like(gain)
    return gain * (_GAP_MM / length)


def _lips() -> list[int]:
    from mediapipe.python.solutions import face_mesh_connections as connections

    return top.points_of(connections.FACEMESH_LIPS)


def _with_outline(model: FaceModel, vertices: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The vertices (L,) of landmarks (L,), those near the outline put where they lie on the bundled model.

    In a picture the outline is wherever the surface turns away, so views of a face say nothing of its pose_vertices. The
    bundled model is bent smoothly onto the other landmarks, and carries its outline along.
    """
    from mediapipe.python.solutions import face_mesh_connections as connections

    bundled = bundled_model()
    known = bundled.resting_place(ids)
    outline = np.isin(ids, top.points_of(connections.FACEMESH_FACE_OVAL))
    near = cKDTree(known[outline]).query(known)[0] < _OUTLINE_MM
    bend = RBFInterpolator(known[~near], model.mean[vertices[~near]], smoothing=_SMOOTHING)
    vertices = vertices.copy()
    vertices[near] = cKDTree(model.mean).query(bend(known[near]))[1]
    return vertices


@lru_cache(maxsize=1)
def _landmark_bias() -> np.ndarray:
    """(L, 3) mm by which the landmark network errs on a drawn face, as the bundled model shows, whose own are known."""
    bundled, ids = bundled_model(), top.control_landmarks()
    known = bundled.resting_place(ids)
    return _on_surface(bundled, bundled.mean)[ids] - known


def _on_surface(model: FaceModel, shape: np.ndarray) -> np.ndarray:
    """The point (478, 3) of shape (V, 3) under each landmark, the mean of several views."""
    camera, distance = _camera(shape)
    raster = Rasterizer(model, camera, Crop(0, 0, _SIDE), _SIDE)
    raster.set_look(albedo_texture(model, model.albedo_mean, _TEXTURE), _light())
    centred = shape - (shape.min(0) + shape.max(0)) / 2
    views = [pose_vertices(centred, np.radians([pitch, yaw, 0.0]), np.array([0.0, 0.0, -distance]))
             for pitch, yaw in _TURNS_DEGREES]
    try:
        seen = find_landmarks([_over_grey(raster.render(view)) for view in views], 1.0)
    except InputError as error:
        raise InputError("No face was found on this face model; check that its files are complete.") from error
    places, sums = np.zeros((seen.points.shape[1], 3)), np.zeros((seen.points.shape[1], 1))
    for view, points in list(zip(views, seen.points))[1:]:
        if np.isfinite(points[0, 0]):
            vertices, weights = _under(model, view, camera, points[:, :2])
            places += weights[:, None] * shape[vertices]
            sums += weights[:, None]
    return places / sums


def _camera(shape: np.ndarray) -> tuple[Camera, float]:
    """A camera that sees the face about as large as a portrait shows it, and how far away it stands, mm."""
    height = float(np.ptp(shape[:, 1]))
    distance = 900.0
    return Camera(0.6 * _SIDE / height * distance, _SIDE, _SIDE), distance


def _light() -> np.ndarray:
    """γ (9, 3) of a soft light from above and in front, so that the face has form."""
    light = AMBIENT * 0.7
    light[1], light[2] = 0.2, 0.4
    return light


def _over_grey(render: np.ndarray) -> np.ndarray:
    """(R, R, 3) uint8 of an RGBA render."""
    alpha = render[..., 3:].astype(np.float32) / 255
    return np.rint(render[..., :3] * alpha + 110 * (1 - alpha)).astype(np.uint8)


def _under(model: FaceModel, view: np.ndarray, camera: Camera, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The visible vertex (L,) nearest to each pixel (L, 2), and how squarely it is seen; view (V, 3), camera axes."""
    towards = -view / np.linalg.norm(view, axis=1, keepdims=True)
    facing = (model.normals(view) * towards).sum(1)
    shown = np.flatnonzero(facing > 0.05)
    scale = camera.focal_px / -float(view[:, 2].mean())
    tree = cKDTree(camera.project(view[shown]))
    nearest = tree.query(pixels)[1]
    vertices = shown[nearest]
    for landmark, close in enumerate(tree.query_ball_point(pixels, _NEAR_MM * scale)):
        if close:
            inside = shown[close]
            front = inside[view[inside, 2] > view[inside, 2].max() - _BEHIND_MM]
            away = np.linalg.norm(camera.project(view[front]) - pixels[landmark], axis=1)
            vertices[landmark] = front[np.argmin(away)]
    return vertices, np.maximum(facing[vertices], 0.05) ** 2
