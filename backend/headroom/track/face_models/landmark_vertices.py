"""The vertices of a face model that are MediaPipe's landmarks: the model is drawn, and landmarks are found on it."""

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

_RESOLUTION, _TEXTURE_SIZE = 640, 1024
_VIEWS_DEGREES = ((0, 0), (0, 0), (0, 15), (0, -15), (10, 0), (-10, 0))
"""Pitch and yaw of the views. The first is not used, because the landmark network needs a frame to settle."""
_DISTANCE_MM = 900.0
_GREY = 110
"""Background of the views."""

_MOUTH_OPENING_MM, _MAX_COEFFICIENTS = 14.0, 8.0
"""How far the mouth is opened to tell the lips apart, and the largest norm of coefficients for that."""

_OUTLINE_MM, _SMOOTHING = 25.0, 30000.0
"""Landmarks this near to the outline are not measured but mapped from the bundled model; smoothing of that map."""

_PICK_MM, _MAX_DEPTH_MM = 3.0, 6.0
"""A landmark picks a vertex within this distance in the picture, unless it is this far behind the frontmost one."""
_MIN_COSINE = 0.05


def find_vertices(model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """Return the vertex (L,) of each landmark in `control_landmarks()`, and coefficients (E,) that open the mouth.

    The lips are found a second time with the mouth open, because touching lips cannot be told apart.

    Raises InputError when the drawn model does not look like a face.
    """
    ids, landmark_bias = top.control_landmarks(), _landmark_bias()
    vertices = cKDTree(model.mean).query(_landmark_positions(model, model.mean)[ids] - landmark_bias)[1]
    open_mouth = mouth_opening_coefficients(model, vertices[0], vertices[17])
    if open_mouth.any():
        lips = np.isin(ids, _lip_landmarks())
        shape = model.shape(np.zeros(model.identity_basis.shape[2]), open_mouth)
        vertices[lips] = cKDTree(shape).query(_landmark_positions(model, shape)[ids[lips]])[1]
    return _with_outline(model, vertices, ids), open_mouth


def mouth_opening_coefficients(model: FaceModel, upper: int, lower: int) -> np.ndarray:
    """Return the smallest expression (E,) that moves vertex `upper` 14 mm up from `lower`; zeros if it is too large."""
    direction = model.expression_basis[upper, 1] - model.expression_basis[lower, 1]
    squared_norm = float(direction @ direction)
    if squared_norm < (_MOUTH_OPENING_MM / _MAX_COEFFICIENTS) ** 2:
        return np.zeros_like(direction)
    return direction * (_MOUTH_OPENING_MM / squared_norm)


def _lip_landmarks() -> list[int]:
    from mediapipe.python.solutions import face_mesh_connections as connections

    return top.points_of(connections.FACEMESH_LIPS)


def _with_outline(model: FaceModel, vertices: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return the vertices (L,) with those near the outline mapped from the bundled model.

    Views cannot locate the outline on the surface, because it is wherever the surface turns away. A smooth map from the
    bundled model to the other landmarks extends to its outline.
    """
    from mediapipe.python.solutions import face_mesh_connections as connections

    bundled = bundled_model().mean_positions(ids)
    outline = np.isin(ids, top.points_of(connections.FACEMESH_FACE_OVAL))
    near = cKDTree(bundled[outline]).query(bundled)[0] < _OUTLINE_MM
    smooth_map = RBFInterpolator(bundled[~near], model.mean[vertices[~near]], smoothing=_SMOOTHING)
    vertices = vertices.copy()
    vertices[near] = cKDTree(model.mean).query(smooth_map(bundled[near]))[1]
    return vertices


@lru_cache(maxsize=1)
def _landmark_bias() -> np.ndarray:
    """Return (L, 3) mm by which the landmark network errs on the bundled model, whose landmarks are known.

    Cached, because it is the same for every import.
    """
    bundled, ids = bundled_model(), top.control_landmarks()
    return _landmark_positions(bundled, bundled.mean)[ids] - bundled.mean_positions(ids)


def _landmark_positions(model: FaceModel, shape: np.ndarray) -> np.ndarray:
    """Return the surface point (478, 3) of a shape (V, 3) under each landmark, the mean over several views."""
    camera = _portrait_camera(shape)
    raster = Rasterizer(model, camera, Crop(0, 0, _RESOLUTION), _RESOLUTION)
    raster.set_appearance(albedo_texture(model, model.albedo_mean, _TEXTURE_SIZE), _soft_light())
    centred = shape - (shape.min(0) + shape.max(0)) / 2
    views = [pose_vertices(centred, np.radians([pitch, yaw, 0.0]), np.array([0.0, 0.0, -_DISTANCE_MM]))
             for pitch, yaw in _VIEWS_DEGREES]
    try:
        landmarks = find_landmarks([_over_grey(raster.render(view)) for view in views], 1.0)
    except InputError as error:
        raise InputError("No face was found on this face model; check that its files are complete.") from error
    count = landmarks.points.shape[1]
    summed, total = np.zeros((count, 3)), np.zeros((count, 1))
    for view, points in list(zip(views, landmarks.points))[1:]:
        if np.isfinite(points[0, 0]):
            vertices, weights = _vertices_at(model, view, camera, points[:, :2])
            summed += weights[:, None] * shape[vertices]
            total += weights[:, None]
    return summed / total


def _portrait_camera(shape: np.ndarray) -> Camera:
    """Return a camera that shows the face, at `_DISTANCE_MM`, as large as in a portrait."""
    height = float(np.ptp(shape[:, 1]))
    return Camera(0.6 * _RESOLUTION / height * _DISTANCE_MM, _RESOLUTION, _RESOLUTION)


def _soft_light() -> np.ndarray:
    """Return γ (9, 3) of a soft light from above and in front, which shades the face."""
    light = AMBIENT * 0.7
    light[1], light[2] = 0.2, 0.4
    return light


def _over_grey(render: np.ndarray) -> np.ndarray:
    """Return an RGBA render over grey (R, R, 3) uint8."""
    alpha = render[..., 3:].astype(np.float32) / 255
    return np.rint(render[..., :3] * alpha + _GREY * (1 - alpha)).astype(np.uint8)


def _vertices_at(
    model: FaceModel, view: np.ndarray, camera: Camera, pixels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the visible vertex (L,) nearest to each pixel (L, 2), and view weights (L,).

    view: (V, 3) vertices in camera axes.
    """
    towards = -view / np.linalg.norm(view, axis=1, keepdims=True)
    cosine = (model.normals(view) * towards).sum(1)
    visible = np.flatnonzero(cosine > _MIN_COSINE)
    scale = camera.focal_px / -float(view[:, 2].mean())
    tree = cKDTree(camera.project(view[visible]))
    vertices = visible[tree.query(pixels)[1]]
    for landmark, close in enumerate(tree.query_ball_point(pixels, _PICK_MM * scale)):
        if close:
            candidates = visible[close]
            front = candidates[view[candidates, 2] > view[candidates, 2].max() - _MAX_DEPTH_MM]
            distance = np.linalg.norm(camera.project(view[front]) - pixels[landmark], axis=1)
            vertices[landmark] = front[np.argmin(distance)]
    return vertices, np.maximum(cosine[vertices], _MIN_COSINE) ** 2
