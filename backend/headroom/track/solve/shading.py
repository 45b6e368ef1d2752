"""How bright the skin should be in a frame, how bright it is, and how the difference changes with the coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.face.camera import Camera, rotation_and_derivatives
from headroom.face.light import MIN_SHADING, harmonics, harmonics_derivative
from headroom.track.solve.face_patch import FacePatch
from headroom.track.solve.fit import Fit
from headroom.track.solve.residuals import projection_derivative
from headroom.track.solve.skin_points import SkinPoints

RIM = 0.4
"""Cosine from which the skin is seen too slantingly."""


@dataclass(frozen=True)
class PosedSkin:
    """Skin points in a frame: places and normals (N, 3) in camera axes, the same in model axes, pixels (N, 2), and how
    squarely they are seen (N,), 0 from the rim on.
    """

    placed: np.ndarray
    normals: np.ndarray
    points: np.ndarray
    facing: np.ndarray
    pixels: np.ndarray
    square: np.ndarray

    @staticmethod
    def of(skin: SkinPoints, fit: Fit, neutral: np.ndarray, frame: int) -> "PosedSkin":
        """neutral: (V, 3) the fit's face at rest."""
        points, facing = skin.surface(neutral, fit.expression[frame])
        rotation = rotation_and_derivatives(fit.rotation[frame])[0]
        placed, normals = points @ rotation.T + fit.translation[frame], facing @ rotation.T
        towards = -(placed * normals).sum(1) / np.linalg.norm(placed, axis=1)
        square = np.clip((towards - RIM) / (1 - RIM), 0, 1)
        return PosedSkin(placed, normals, points, facing, fit.camera.project(placed), square)


@dataclass(frozen=True)
class ShadingResiduals:
    """missing (N,): the seen brightness less the shown one. weights (N,): how squarely a point is seen, 0 where the
    picture is white. albedo, shading (N,), harmonics (N, 9). The derivatives of the difference that are left:
    by_surface (N, 6) by place and normal in model axes, by_place (N, 3) in camera axes, by_rotation (N, 3), by_focal
    (N,).
    """

    missing: np.ndarray
    weights: np.ndarray
    albedo: np.ndarray
    shading: np.ndarray
    harmonics: np.ndarray
    by_surface: np.ndarray
    by_place: np.ndarray
    by_rotation: np.ndarray
    by_focal: np.ndarray

    @staticmethod
    def of(fit: Fit, frame: int, posed: PosedSkin, window: FacePatch, albedo: np.ndarray, light: np.ndarray) -> "ShadingResiduals":
        """albedo (N,) and light (9,) are grey display values."""
        seen, along_u, along_v, true = window.at(posed.pixels)
        phi = harmonics(posed.normals).astype(np.float32)
        shading = np.maximum(phi @ light, MIN_SHADING).astype(np.float32)
        rotation, derivatives = rotation_and_derivatives(fit.rotation[frame])
        by_place = -_along(along_u, along_v, fit.camera, posed.placed)
        by_normal = albedo[:, None] * (harmonics_derivative(posed.normals) * light[:, None]).sum(1)
        by_rotation = [
            (by_place * (posed.points @ d.T)).sum(1) + (by_normal * (posed.facing @ d.T)).sum(1) for d in derivatives
        ]
        u, v = (posed.pixels - [fit.camera.width / 2, fit.camera.height / 2]).T
        return ShadingResiduals(
            missing=seen - albedo * shading,
            weights=posed.square * true,
            albedo=albedo,
            shading=shading,
            harmonics=phi,
            by_surface=np.concatenate([by_place @ rotation, by_normal @ rotation], axis=1).astype(np.float32),
            by_place=by_place,
            by_rotation=np.stack(by_rotation, 1),
            by_focal=by_place[:, 2] * fit.translation[frame, 2] - along_u * u - along_v * v,
        )

    def by_motion(self, skin: SkinPoints) -> np.ndarray:
        """(N, E + 6) by expression, rotation and translation."""
        return np.concatenate([self._carried(skin.expression_basis), self.by_rotation, self.by_place], axis=1)

    def by_face(self, skin: SkinPoints) -> np.ndarray:
        """(N, I + 1) by identity and the logarithm of the focal length, the head moving away as that grows."""
        return np.concatenate([self._carried(skin.identity_basis), self.by_focal[:, None]], axis=1)

    def by_light(self) -> np.ndarray:
        """(N, 9)."""
        return self.albedo[:, None] * self.harmonics

    def evidence(self, noise: float, agreement: float) -> np.ndarray:
        """(N,) weights of the squared differences; what is far beyond the noise counts less."""
        trust = 1 / (1 + (self.missing / (3 * noise)) ** 2)
        return (self.weights * trust * (agreement / noise**2)).astype(np.float32)

    def left_over(self) -> np.ndarray:
        """Differences at the points that are seen well."""
        return np.abs(self.missing[self.weights > 0.2])

    def _carried(self, basis: np.ndarray) -> np.ndarray:
        """(N, C): carried on to the coefficients of a basis (N, 6, C)."""
        return np.matmul(self.by_surface[:, None], basis)[:, 0]


def _along(along_u: np.ndarray, along_v: np.ndarray, camera: Camera, placed: np.ndarray) -> np.ndarray:
    """(N, 3) brightness per millimetre in camera axes."""
    by_camera = projection_derivative(camera.focal_px, placed)
    return along_u[:, None] * by_camera[:, 0] + along_v[:, None] * by_camera[:, 1]
