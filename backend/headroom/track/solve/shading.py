"""Brightness residuals of the skin in one frame, and their derivatives by the coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.face.camera import Camera, projection_derivative, rotation_and_derivatives, rotation_matrix
from headroom.face.light import MIN_SHADING, harmonics, harmonics_derivative
from headroom.track.solve.face_patch import FacePatch
from headroom.track.solve.fit import Fit
from headroom.track.solve.skin_points import SkinPoints

MIN_COSINE = 0.4
"""Cosine between normal and view direction below which a point has no weight."""
_WELL_SEEN = 0.2
"""Points with a larger weight count for the noise estimate."""


@dataclass(frozen=True)
class PosedSkin:
    """Skin points in one frame.

    points, normals: (N, 3) in model axes; camera_points, camera_normals: (N, 3) in camera axes.
    pixels: (N, 2) projections.
    view_weight: (N,) 1 for a point seen frontally, falling linearly with the cosine to 0 at `MIN_COSINE`.
    """

    points: np.ndarray
    normals: np.ndarray
    camera_points: np.ndarray
    camera_normals: np.ndarray
    pixels: np.ndarray
    view_weight: np.ndarray

    @staticmethod
    def of(skin: SkinPoints, fit: Fit, neutral: np.ndarray, frame: int) -> PosedSkin:
        """Pose the skin as in a frame of a fit.

        neutral: (V, 3) the fit's neutral face.
        """
        points, normals = skin.surface(neutral, fit.expression[frame])
        rotation = rotation_matrix(fit.rotation[frame])
        camera_points, camera_normals = points @ rotation.T + fit.translation[frame], normals @ rotation.T
        cosine = -(camera_points * camera_normals).sum(1) / np.linalg.norm(camera_points, axis=1)
        view_weight = np.clip((cosine - MIN_COSINE) / (1 - MIN_COSINE), 0, 1)
        return PosedSkin(points, normals, camera_points, camera_normals, fit.camera.project(camera_points), view_weight)


@dataclass(frozen=True)
class ShadingResiduals:
    """Residuals of N skin points in one frame.

    residual: (N,) brightness in the picture less the model's.
    weights: (N,) view weight, 0 where the picture is clipped at white.
    albedo, shading: (N,). harmonics: (N, 9).
    by_surface: (N, 6) derivatives of the model's brightness less the picture's by position and normal in model axes;
        by_position: (N, 3) by position in camera axes; by_rotation: (N, 3); by_focal: (N,).
    """

    residual: np.ndarray
    weights: np.ndarray
    albedo: np.ndarray
    shading: np.ndarray
    harmonics: np.ndarray
    by_surface: np.ndarray
    by_position: np.ndarray
    by_rotation: np.ndarray
    by_focal: np.ndarray

    @staticmethod
    def of(
        fit: Fit, frame: int, posed: PosedSkin, patch: FacePatch, albedo: np.ndarray, light: np.ndarray
    ) -> ShadingResiduals:
        """Compare a frame's skin with its picture.

        albedo: (N,), light: (9,), grey display values.
        """
        grey, along_u, along_v, unclipped = patch.sample(posed.pixels)
        phi = harmonics(posed.camera_normals).astype(np.float32)
        shading = np.maximum(phi @ light, MIN_SHADING).astype(np.float32)
        rotation, derivatives = rotation_and_derivatives(fit.rotation[frame])
        by_position = -_gradient_in_mm(along_u, along_v, fit.camera, posed.camera_points)
        by_normal = albedo[:, None] * (harmonics_derivative(posed.camera_normals) * light[:, None]).sum(1)
        by_rotation = [
            (by_position * (posed.points @ d.T)).sum(1) + (by_normal * (posed.normals @ d.T)).sum(1)
            for d in derivatives
        ]
        u, v = (posed.pixels - [fit.camera.width / 2, fit.camera.height / 2]).T
        return ShadingResiduals(
            residual=grey - albedo * shading,
            weights=posed.view_weight * unclipped,
            albedo=albedo,
            shading=shading,
            harmonics=phi,
            by_surface=np.concatenate([by_position @ rotation, by_normal @ rotation], axis=1).astype(np.float32),
            by_position=by_position,
            by_rotation=np.stack(by_rotation, 1),
            by_focal=by_position[:, 2] * fit.translation[frame, 2] - along_u * u - along_v * v,
        )

    def by_motion(self, skin: SkinPoints) -> np.ndarray:
        """Return derivatives (N, E + 6) by expression, rotation and translation."""
        return np.concatenate([self._by_basis(skin.expression_basis), self.by_rotation, self.by_position], axis=1)

    def by_face(self, skin: SkinPoints) -> np.ndarray:
        """Return derivatives (N, I + 1) by identity and the logarithm of the focal length.

        The head's depth changes in proportion to the focal length.
        """
        return np.concatenate([self._by_basis(skin.identity_basis), self.by_focal[:, None]], axis=1)

    def by_light(self) -> np.ndarray:
        """Return derivatives (N, 9) by the light."""
        return self.albedo[:, None] * self.harmonics

    def robust_weights(self, noise: float, information: float) -> np.ndarray:
        """Return weights (N,) of the squared residuals, lower for residuals far beyond the noise.

        noise: standard deviation, display values.
        information: of one point.
        """
        robust = 1 / (1 + (self.residual / (3 * noise)) ** 2)
        return (self.weights * robust * (information / noise**2)).astype(np.float32)

    def absolute_residuals(self) -> np.ndarray:
        """Return |residual| of the points that are seen well."""
        return np.abs(self.residual[self.weights > _WELL_SEEN])

    def _by_basis(self, basis: np.ndarray) -> np.ndarray:
        """Return derivatives (N, C) by the coefficients of a basis (N, 6, C)."""
        return np.matmul(self.by_surface[:, None], basis)[:, 0]


def _gradient_in_mm(along_u: np.ndarray, along_v: np.ndarray, camera: Camera, points: np.ndarray) -> np.ndarray:
    """Return brightness per millimetre in camera axes (N, 3), from brightness per pixel (N,) along u and v."""
    by_camera = projection_derivative(camera.focal_px, points)
    return along_u[:, None] * by_camera[:, 0] + along_v[:, None] * by_camera[:, 1]
