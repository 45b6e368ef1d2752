"""Tracking of synthetic people, who are rendered with the bundled model from known coefficients.

The model ends at the hairline, and a landmark network is trained on whole heads. So every face is rendered on a head:
an ellipsoid of hair, a neck, shoulders and a plain background, blurred and noisy like footage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from headroom.face.alignment import aligned
from headroom.face.camera import Camera, Crop, pose_vertices, rotation_matrix
from headroom.face.light import AMBIENT
from headroom.face.model import FaceModel
from headroom.face.raster import Rasterizer
from headroom.face.texture import albedo_texture
from headroom.plate.head_surface import HeadSurface
from headroom.track.landmarks.detect import find_landmarks
from headroom.track.solve.fit import Fit
from headroom.track.tracker import fit_frames, tracker_input

FPS, SIZE = 25.0, 640
"""Frames per second, and the side of the square pictures in pixels."""
_MAX_YAW = np.radians(30)
_EYES_PX = 105.0
"""Distance of the eyes in the pictures, of a face of 230 pixels."""
_EYES_MM = 63.0


@dataclass(frozen=True)
class Person:
    """Coefficients of one synthetic person.

    identity, texture: (I,). light: (9, 3). hair, background: (3,) colours 0..1.
    expression: (T, E). rotation, translation: (T, 3).
    """

    camera: Camera
    identity: np.ndarray
    texture: np.ndarray
    light: np.ndarray
    hair: np.ndarray
    background: np.ndarray
    expression: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray


@dataclass(frozen=True)
class Errors:
    """Mean errors of one person.

    rotation: degrees. expression, identity: mm. landmarks: % of the eye distance.
    found: fraction of frames with a face.
    rotation_moving, expression_moving: without the person's mean error.
    """

    rotation: float
    rotation_moving: float
    expression: float
    expression_moving: float
    identity: float
    landmarks: float
    found: float


def random_person(model: FaceModel, seed: int, frames: int, one_sided: bool = False) -> Person:
    """Return a person with coefficients of one standard deviation, whose head turns from -30 to 30 degrees of yaw.

    one_sided: turn the head at random by up to 30 degrees, which is mostly to one side in so short a clip.
    """
    rng = np.random.default_rng(seed)
    focal = SIZE * rng.uniform(1.3, 2.6)
    motion = _smooth(rng, frames, 3, 0.3)
    yaw = np.tanh(motion[:, 1]) if one_sided else np.sign(motion[0, 1]) * np.cos(np.linspace(0, np.pi, frames))
    rotation = np.stack([np.radians(6) * motion[:, 0], _MAX_YAW * yaw, np.radians(4) * motion[:, 2]], 1)
    depth = focal * _EYES_MM / _EYES_PX
    light = AMBIENT * rng.uniform(0.8, 1.0)
    light[1:4] += np.array([[0.15], [0.35], [0.0]]) + rng.normal(0, 0.2, (3, 1)) + rng.normal(0, 0.02, (3, 3))
    return Person(
        camera=Camera(focal, SIZE, SIZE),
        identity=rng.normal(size=model.identity_basis.shape[2]),
        # weaker, because independent modes of full strength give unnaturally blotchy skin
        texture=rng.normal(size=model.albedo_basis.shape[2]) * 0.3,
        light=light.astype(np.float32),
        hair=np.array([0.20, 0.15, 0.11]) * rng.uniform(0.5, 2.2),
        background=rng.uniform(0.35, 0.8) + rng.normal(0, 0.05, 3),
        expression=_smooth(rng, frames, model.expression_basis.shape[2], 0.08),
        rotation=rotation,
        translation=[0, 0, -depth] + _smooth(rng, frames, 3, 0.4) * [8, 5, 10],
    )


def pictures(model: FaceModel, person: Person) -> Iterator[np.ndarray]:
    """Yield the frames (SIZE, SIZE, 3) uint8 of a person."""
    raster = Rasterizer(model, person.camera, Crop(0, 0, SIZE), SIZE)
    raster.set_appearance(albedo_texture(model, np.maximum(model.albedo(person.texture), 0.02), 512), person.light)
    skin = np.median(model.albedo(person.texture), 0)
    skull = HeadSurface.of(model.shape(person.identity)[model.skin]).head_points
    for frame, noise in enumerate(np.random.default_rng(0).integers(1 << 30, size=len(person.expression))):
        pose = person.rotation[frame], person.translation[frame]
        render = raster.render(pose_vertices(model.shape(person.identity, person.expression[frame]), *pose))
        body = _body(person, skin, person.camera.project(pose_vertices(skull, *pose)))
        alpha = cv2.GaussianBlur(render[..., 3:].astype(np.float32) / 255, (0, 0), 2)[..., None]
        alpha = np.minimum(alpha, render[..., 3:] / 255)
        picture = body * (1 - alpha) + render[..., :3] * alpha
        picture += np.random.default_rng(noise).normal(0, 2, picture.shape)
        yield np.clip(np.rint(cv2.GaussianBlur(picture, (0, 0), 0.7)), 0, 255).astype(np.uint8)


def errors(model: FaceModel, person: Person) -> Errors:
    """Render the person, track the pictures, and compare with the known coefficients."""
    frames = list(pictures(model, person))
    landmarks = find_landmarks(frames, FPS)
    fit = fit_frames(model, tracker_input(frames, landmarks, FPS, model))
    relative = rotation_matrix(fit.rotation) @ np.swapaxes(rotation_matrix(person.rotation), 1, 2)
    offsets = (fit.expression - person.expression) @ model.expression_basis.reshape(-1, fit.expression.shape[1]).T
    offsets = offsets.reshape(len(offsets), -1, 3)
    return Errors(
        rotation=float(_angle(relative).mean()),
        rotation_moving=float(_angle(relative @ _mean_rotation(relative).T).mean()),
        expression=float(np.linalg.norm(offsets, axis=2).mean()),
        expression_moving=float(np.linalg.norm(offsets - offsets.mean(0), axis=2).mean()),
        identity=_identity_error(model, fit, person),
        landmarks=float(np.nanmean(fit.error)) * 100,
        found=float(landmarks.found.mean()),
    )


def _body(person: Person, skin: np.ndarray, skull: np.ndarray) -> np.ndarray:
    """Return (SIZE, SIZE, 3) float, 0..255: background, shoulders, neck and hair around the projected skull (K, 2)."""
    picture = np.full((SIZE, SIZE, 3), person.background, np.float64)
    hull = cv2.convexHull(skull.astype(np.float32))[:, 0]
    (left, top), (right, bottom) = hull.min(0), hull.max(0)
    middle, wide, low = (left + right) / 2, right - left, bottom - 0.12 * (bottom - top)
    shade = float(person.light[0].mean() * 0.282)

    def fill(points, colour):
        cv2.fillPoly(picture, [np.rint(points).astype(np.int32)], [float(c) for c in colour], cv2.LINE_AA)

    shoulders = [(-1.3, 1.5), (-1.0, 0.32), (-0.3, 0.1), (0.3, 0.1), (1.0, 0.32), (1.3, 1.5)]
    fill([(middle + x * wide, low + y * wide) for x, y in shoulders], person.background * 0.35)
    neck = [(-0.27, -0.3), (0.27, -0.3), (0.32, 0.22), (0, 0.42), (-0.32, 0.22)]
    fill([(middle + x * wide, low + y * wide) for x, y in neck], skin * shade * 0.75)
    fill(hull, person.hair)
    return cv2.GaussianBlur(picture, (0, 0), 3) * 255


def _identity_error(model: FaceModel, fit: Fit, person: Person) -> float:
    """Return the mean distance, mm, of the neutral faces' vertices after a similarity."""
    fitted, target = (model.shape(identity).astype(float) for identity in (fit.identity, person.identity))
    return float(np.linalg.norm(aligned(fitted, target) - target, axis=1).mean())


def _angle(matrices: np.ndarray) -> np.ndarray:
    """Return the angles (T,), degrees, of rotations (T, 3, 3)."""
    return np.degrees(np.arccos(np.clip((np.trace(matrices, axis1=1, axis2=2) - 1) / 2, -1, 1)))


def _mean_rotation(matrices: np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) closest to the mean of rotations (T, 3, 3)."""
    left, _, right = np.linalg.svd(matrices.mean(0))
    return left @ right


def _smooth(rng: np.random.Generator, frames: int, channels: int, seconds: float) -> np.ndarray:
    """Return random motion (T, C) of unit standard deviation that changes within `seconds`."""
    long = gaussian_filter1d(rng.normal(size=(frames + 400, channels)), seconds * FPS, axis=0)
    return (long / long.std(0))[200 : 200 + frames]
