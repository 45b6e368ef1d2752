"""Poses of a head by everything that turns with it: hairline, temples, ears and hair.

The face's landmarks and skin leave a head's turn uncertain by a degree or two, because expression and identity can
explain it as well. At the ears and the hairline a degree is easily seen. So the detail that a clip's frames show on the
head's surface is averaged, and every frame is aligned to it by Gauss-Newton steps (Lucas and Kanade 1981). What the
frame tells of its pose is given to the tracker as information, which it weighs against the landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.prefetch import parallel_map
from headroom.common.resample import resampled
from headroom.face.camera import Camera, projection_derivative, rotation_and_derivatives, rotation_matrix
from headroom.face.head_depth import CELL_MM
from headroom.face.pose_information import PoseInformation
from headroom.plate.head_surface import HeadSurface
from headroom.plate.head_views import HeadViews
from headroom.plate.matte import person_alpha

AVERAGED_FRAMES = 40
MIN_FRAMES = 4
ON_HEAD_MM = 4.0  # beyond the head's outline, up to which the surface is the head
JAW = 0.15
"""Height in the face, 0 at the chin and 1 at the hairline, above which all turns with the head, unlike the neck."""
DETAIL_MM = 1.0  # sigma of the finest detail that is compared
COARSEST = 5.0  # of these sigmas: what is coarser is light, which changes
CONTRAST_AREA = 8.0  # of these sigmas: over which the contrast is evened out
FAINT = 3.0  # levels of 255, contrast that counts as none
PIXELS_PER_MM = 1.2  # of the frames that are compared, at most
NOISE = 0.2  # standard deviation of a cell's detail, contrasts
OUTLIER = 0.3  # contrasts, difference from which on something else may be in front
AVERAGE_ROUNDS = 5  # of the robust mean
FULLY_SEEN = 0.2  # part of the averaged frames that must show a point
STEPS = 3  # of Gauss-Newton
ROTATION_PRIOR, ACROSS_PRIOR, DEPTH_PRIOR = 0.01, 2.0, 10.0
"""Standard deviations of the steps together, radians and millimetres: poses are nearly right already."""

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class HeadDetail:
    """The detail that a person's frames show on the head's surface.

    points, normals: (N, 3), millimetres, model axes.
    detail: (N,) brightness without its coarse part, over the contrast around.
    weight: (N,) 0..1, how well it is known.
    """

    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    detail: NDArray[np.float32]
    weight: NDArray[np.float32]

    def align(self, views: HeadViews) -> PoseInformation:
        """Return what the usable frames tell of their poses; of others there is no information."""
        information = PoseInformation.none(views.rotation, views.translation)

        def align_frame(number: int) -> None:
            picture = _DetailPicture.of(views, number, self.points)
            pose, normal, right = self._aligned(views.camera, picture, information.pose[number])
            information.pose[number], information.normal[number], information.right[number] = pose, normal, right

        for _ in parallel_map(align_frame, np.flatnonzero(views.usable)):
            pass
        return information

    def _aligned(self, camera: Camera, picture: _DetailPicture, start: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the pose (6,) of one frame, and its normal equations (6, 6) and (6,) there."""
        prior = np.diag(1 / np.square([ROTATION_PRIOR] * 3 + [ACROSS_PRIOR] * 2 + [DEPTH_PRIOR]))
        pose = start
        for _ in range(STEPS):
            normal, right = self._equations(camera, picture, pose)
            pose = pose + np.linalg.solve(normal + prior, right - prior @ (pose - start))
        return pose, *self._equations(camera, picture, pose)

    def _equations(self, camera: Camera, picture: _DetailPicture, pose: Floats) -> tuple[Floats, Floats]:
        """Return JᵀWJ (6, 6) and JᵀWr (6,) of a frame's pose (6,)."""
        matrix, by_angle = rotation_and_derivatives(pose[:3])
        posed = self.points @ matrix.T + pose[3:]
        detail, by_u, by_v, alpha = picture.sample(camera.project(posed)).T
        residual = self.detail - detail
        frontal = _seen_frontally(self.normals @ matrix.T, posed)
        weight = alpha * frontal * self.weight / NOISE**2 / (1 + (residual / OUTLIER) ** 2)
        by_pixel = np.stack([by_u, by_v], axis=1)[:, None]
        by_position = (by_pixel @ projection_derivative(camera.focal_px, posed))[:, 0]
        by_rotation = np.stack([(by_position * (self.points @ each.T)).sum(axis=1) for each in by_angle], axis=1)
        rows = np.concatenate([by_rotation, by_position], axis=1)
        weighted = (rows * weight[:, None]).T
        return weighted @ rows, weighted @ residual


def find_head_detail(surface: HeadSurface, views: HeadViews) -> HeadDetail | None:
    """Return the mean detail of the head in some of the frames; None where too few show it.

    surface: of the head, with its measured depth.
    """
    numbers = views.evenly_spaced(AVERAGED_FRAMES)
    if len(numbers) < MIN_FRAMES:
        return None
    points, normals = _points_of_head(surface)
    seen, weights = [], []
    for number in numbers:
        posed = views.posed(number, points)
        values = _DetailPicture.of(views, number, points).sample(views.camera.project(posed))
        seen.append(values[:, 0])
        weights.append(values[:, 3] * _seen_frontally(normals @ rotation_matrix(views.rotation[number]).T, posed))
    return HeadDetail(points, normals, *_robust_mean(np.stack(seen), np.stack(weights)))


def _points_of_head(surface: HeadSurface) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return points and normals, each (N, 3), of the cells beyond the face that turn with the head."""
    x, y = surface.places()
    in_face = y[surface.in_face]
    height_in_face = (y - in_face.min()) / np.ptp(in_face)
    chosen = (surface.head_distance < ON_HEAD_MM) & (height_in_face > JAW) & ~surface.in_face
    by_y, by_x = np.gradient(surface.height, CELL_MM)
    normals = np.dstack([-by_x, -by_y, np.ones_like(by_x)])
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.dstack([x, y, surface.height])[chosen].astype(np.float32), normals[chosen].astype(np.float32)


def _seen_frontally(normals: Floats, posed: Floats) -> Floats:
    """Return 1 where a surface faces the camera, falling to 0 before its outline, for normals and points (N, 3)."""
    cosine = -(normals * posed).sum(axis=1) / np.linalg.norm(posed, axis=1)
    return np.clip(2.5 * cosine - 0.5, 0, 1)


def _robust_mean(values: Floats, weights: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean (N,) of values (K, N) without outliers, and its weight (N,): 1 where most agree on it."""
    robust = weights
    for _ in range(AVERAGE_ROUNDS + 1):
        mean = (robust * values).sum(axis=0) / np.maximum(robust.sum(axis=0), 1e-3)
        robust = weights / (1 + ((values - mean) / OUTLIER) ** 2)
    total = weights.sum(axis=0)
    variance = (weights * (values - mean) ** 2).sum(axis=0) / np.maximum(total, 1e-3)
    known = np.clip(total / (FULLY_SEEN * len(values)), 0, 1)
    return mean.astype(np.float32), (known / (1 + variance / OUTLIER**2)).astype(np.float32)


@dataclass(frozen=True)
class _DetailPicture:
    """The detail around a head in one frame.

    planes: (h, w, 4) float32: detail, its change per frame pixel to the right and down, and where the person is, 0..1.
    corner: left and top, frame pixels. scale: pixels of the planes per frame pixel, across and down.
    """

    planes: NDArray[np.float32]
    corner: NDArray[np.int64]
    scale: NDArray[np.float64]

    @staticmethod
    def of(views: HeadViews, number: int, points: Floats) -> _DetailPicture:
        """Return the detail of frame `number` around the points (N, 3), model axes, of the head."""
        camera, shape = views.camera, views.frames[number].shape
        shrink = min(1.0, PIXELS_PER_MM / views.pixels_per_mm())
        sigma = DETAIL_MM * views.pixels_per_mm() * shrink
        pixels = camera.project(views.posed(number, points))
        margin = 2 * CONTRAST_AREA * sigma / shrink
        left, top = np.clip(pixels.min(axis=0) - margin, 0, np.array(shape[1::-1]) - 2).astype(int)
        right, bottom = np.clip(pixels.max(axis=0) + margin, (left + 2, top + 2), shape[1::-1]).astype(int)
        size = [max(round(side * shrink), 2) for side in (right - left, bottom - top)]
        frame = cv2.resize(views.frames[number][top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
        scale = np.array(size) / [right - left, bottom - top]
        cells = np.divide(views.mattes[number].shape[1::-1], shape[1::-1])  # of the matte per frame pixel
        alpha = person_alpha(resampled(views.mattes[number], tuple(cells * (left, top)), tuple(cells / scale),
                                       tuple(size), cv2.BORDER_REPLICATE))
        detail = _even_detail(cv2.transform(frame, np.full((1, 3), 1 / 3)).astype(np.float32), alpha, sigma)
        by_u, by_v = cv2.Sobel(detail, -1, 1, 0, scale=scale[0] / 8), cv2.Sobel(detail, -1, 0, 1, scale=scale[1] / 8)
        inner = cv2.erode(alpha, np.ones((2 * round(2 * sigma) + 1,) * 2, np.uint8))
        return _DetailPicture(np.dstack([detail, by_u, by_v, inner]), np.array([left, top]), scale)

    def sample(self, pixels: Floats) -> NDArray[np.float32]:
        """Return the planes (N, 4) at frame pixels (N, 2); 0 outside."""
        x, y = (((pixels - self.corner) * self.scale).T - 0.5).astype(np.float32)[..., None]
        return np.asarray(cv2.remap(self.planes, x, y, cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0)), np.float32)[:, 0]


def _even_detail(grey: NDArray[np.float32], alpha: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the detail (h, w) of brightness (h, w) inside of the person, over the contrast around.

    alpha: (h, w), 0..1, where the person is; the background takes no part. sigma: of the finest detail, pixels.
    """
    def blurred(factor: float) -> NDArray[np.float32]:
        weight = cv2.GaussianBlur(alpha, (0, 0), factor * sigma)
        return np.asarray(cv2.GaussianBlur(grey * alpha, (0, 0), factor * sigma) / np.maximum(weight, 1e-3), np.float32)

    detail = blurred(1) - blurred(COARSEST)
    contrast = np.sqrt(cv2.GaussianBlur(detail**2, (0, 0), CONTRAST_AREA * sigma)) + FAINT
    return np.asarray(detail / contrast, np.float32)
