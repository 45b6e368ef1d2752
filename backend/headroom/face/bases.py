"""The linear bases of the bundled face model: expression, gaze, identity and albedo, from aligned faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.face import topology as top
from headroom.face.eyeballs import RADIUS_MM
from headroom.face.model import GAZE, GAZE_DEGREES

IDENTITY_MODES = 80
REGION_MODES = (("Mouth", 40), ("Eyes", 10), ("Brows", 12))
"""Regions of the expression basis and their numbers of principal modes; two gaze modes follow those of the eyes."""
GAZE_MODE_NAMES = ("Gaze Left", "Gaze Up")
"""Names of the two modes that turn both eyes to the subject's left and up."""

_SMOOTH_MODES = 60
_SMOOTH_LENGTH_MM = 32.0
_SMOOTH_STD_MM = 2.0
"""Number, length scale and standard deviation of the smooth modes that complete the identity basis."""
_ALBEDO_STD = 0.05
_CLOSING_MM = 2.0
"""Where the lids are closer than at rest by this, they hide the iris, and the landmark network guesses its position."""
_ANTISYMMETRIC = 1e-4
"""A mode that opens by less than this fraction of its largest motion moves left and right against each other."""
_MIRROR = (-1, 1, 1)


@dataclass(frozen=True)
class ExpressionSamples:
    """Offsets from the neutral faces in frames of all people.

    offsets: (N, C, 3) mm.
    weights: (N,) of the frames.
    """

    offsets: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class ExpressionBasis:
    """Modes (C, 3, 64), mm, with their names and regions."""

    modes: np.ndarray
    names: list[str]
    regions: list[str]


def expression_basis(samples: ExpressionSamples, mean: np.ndarray, pairs: np.ndarray) -> ExpressionBasis:
    """Return two gaze modes of `GAZE_DEGREES`, and each region's principal modes of the rest, one deviation long.

    mean: (C, 3) mean face.
    pairs: (C,) index of each point's mirror image. The samples count mirrored too, so that modes are symmetric.
    """
    masks = _region_masks(mean)
    gaze, offsets = _gaze_modes(samples, masks["Eyes"], pairs)
    weights = samples.weights
    modes, names, regions = [], [], []
    for region, count in REGION_MODES:
        weighted = offsets * masks[region][None, :, None] * weights[:, None, None]
        rows = np.concatenate([weighted, weighted[:, pairs] * _MIRROR]).reshape(2 * len(weighted), -1)
        covariance = rows.T @ rows / (2 * (weights**2).sum())
        values, vectors = np.linalg.eigh(covariance)
        basis = vectors[:, ::-1][:, :count] * np.sqrt(np.maximum(values[::-1][:count], 1e-12))
        basis = basis.reshape(top.CONTROLS, 3, count)
        modes.append(basis * _signs(basis, region, mean))
        names += [f"{region} {i + 1:02d}" for i in range(count)]
        regions += [region] * count
        if region == "Eyes":
            modes.append(gaze)
            names += GAZE_MODE_NAMES
            regions += [GAZE] * len(GAZE_MODE_NAMES)
    return ExpressionBasis(np.concatenate(modes, axis=2), names, regions)


def identity_basis(faces: np.ndarray, mean: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the modes (C, 3, 80), mm: principal modes of the people's differences and of a smooth prior.

    faces: (P, C, 3) the people's neutral faces less the mean.
    """
    rows = np.concatenate([faces, faces[:, pairs] * _MIRROR]).reshape(2 * len(faces), -1)
    smooth = np.kron(_smooth_modes(mean, _SMOOTH_MODES), np.eye(3)) * _SMOOTH_STD_MM
    rigid = _rigid_motions(mean)
    smooth -= rigid @ (rigid.T @ smooth)
    return _principal_modes(rows, smooth, IDENTITY_MODES).reshape(top.CONTROLS, 3, IDENTITY_MODES)


def albedo_basis(landmark_colours: np.ndarray, mean: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean colour (C, 3) and colour modes (C, 3, 80), display values.

    landmark_colours: (P, 478, 3) the people's mean colours, 0..1.
    """
    colours = landmark_colours[:, top.control_landmarks()]
    rings = [top.inner_lips(), top.lid_loop(right=True), top.lid_loop(right=False)]
    shades = [top.CAVITY_SHADE, top.SOCKET_SHADE, top.SOCKET_SHADE]
    hidden = [colours[:, ring].mean(1, keepdims=True) * shade for ring, shade in zip(rings, shades)]
    colours = np.concatenate([colours, *hidden], axis=1)
    colours = colours / colours.mean((1, 2), keepdims=True) * colours.mean()
    both = np.concatenate([colours, colours[:, pairs]])
    average = both.mean(0)
    smooth = np.kron(_smooth_modes(mean, _SMOOTH_MODES), np.eye(3)) * _ALBEDO_STD
    rows = (both - average).reshape(len(both), -1)
    return average, _principal_modes(rows, smooth, IDENTITY_MODES).reshape(top.CONTROLS, 3, -1)


def _region_masks(mean: np.ndarray) -> dict[str, np.ndarray]:
    """Return smooth weights (C,) of each region that sum to one at every point."""
    below = 1 / (1 + np.exp((mean[:, 1] - mean[2, 1] - 8) / 4))
    eyes = np.zeros(len(mean))
    for centre in top.IRISES:
        away = (mean - mean[centre]) / [19, 12, 30]
        eyes = np.maximum(eyes, np.exp(-0.5 * (away**2).sum(1) ** 2))
    eyes[[*top.IRISES, *top.SOCKETS]] = 1
    return {"Mouth": below, "Eyes": (1 - below) * eyes, "Brows": (1 - below) * (1 - eyes)}


def _gaze_modes(samples: ExpressionSamples, eyes: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return modes (C, 3, 2) that turn both eyes left and up, and offsets (N, C, 3) without gaze, the irises at rest.

    The modes include the lids' motion with the gaze. They are regressed, because principal modes hold little gaze: an
    iris is one point beside many of the lids, and people seldom look aside.

    eyes: (C,) weights of the region.
    """
    offsets = samples.offsets
    gaze = _gaze_offsets(offsets)
    both_gazes = np.concatenate([gaze, gaze * [-1, 1]])
    both = np.concatenate([offsets, offsets[:, pairs] * _MIRROR]) * eyes[None, :, None]
    squared = np.tile(samples.weights, 2)[:, None] ** 2
    normal = (both_gazes * squared).T @ both_gazes
    per_mm = np.linalg.solve(normal, (both_gazes * squared).T @ both.reshape(len(both), -1))
    remaining = offsets - (gaze @ per_mm).reshape(offsets.shape)
    remaining[:, top.IRISES] = 0
    unit_mm = RADIUS_MM * np.sin(np.radians(GAZE_DEGREES))
    return (per_mm * unit_mm).T.reshape(top.CONTROLS, 3, len(GAZE_MODE_NAMES)), remaining


def _gaze_offsets(offsets: np.ndarray) -> np.ndarray:
    """Return (N, 2) mm by which the irises are left and up of their rest position between the eyes' corners.

    Zero where the lids are closed.
    """
    gaze = np.mean([offsets[:, iris] - offsets[:, corners].mean(1)
                    for iris, corners in zip(top.IRISES, top.EYE_CORNERS)], axis=0)[:, :2]
    opening = np.mean([offsets[:, a, 1] - offsets[:, b, 1] for a, b in top.EYE_LIDS], axis=0)
    return gaze * (opening > -_CLOSING_MM)[:, None]


def _signs(modes: np.ndarray, region: str, mean: np.ndarray) -> np.ndarray:
    """Return signs (count,) with which positive coefficients open the mouth, open the eyes and raise the brows.

    Mirrored samples make every mode symmetric or antisymmetric; a positive antisymmetric mode raises the left side.
    """
    if region == "Mouth":
        measure = modes[top.UPPER_INNER_LIP, 1] - modes[top.LOWER_INNER_LIP, 1]
    elif region == "Eyes":
        measure = sum(modes[a, 1] - modes[b, 1] for a, b in top.EYE_LIDS)
    else:
        measure = modes[list(top.BROW_MIDDLES), 1].sum(0)
    left_raised = (modes[:, 1] * mean[:, :1]).sum(0)
    largest = np.abs(modes).max((0, 1))
    measure = np.where(np.abs(measure) > _ANTISYMMETRIC * largest, measure, left_raised)
    return np.where(measure < 0, -1.0, 1.0)


def _rigid_motions(mean: np.ndarray) -> np.ndarray:
    """Return (3 C, 7) orthonormal: translations, small rotations and scale of the mean face, which the pose covers."""
    centred = mean - mean.mean(0)
    translations = [np.tile(axis, (len(mean), 1)) for axis in np.eye(3)]
    rotations = [np.cross(axis, centred) for axis in np.eye(3)]
    motions = np.stack([motion.ravel() for motion in (*translations, *rotations, centred)], 1)
    return np.linalg.qr(motions)[0]


def _smooth_modes(mean: np.ndarray, count: int) -> np.ndarray:
    """Return the leading modes (C, count) of a Gaussian kernel on the mean face, one standard deviation long."""
    distance = ((mean[:, None] - mean[None]) ** 2).sum(2)
    values, vectors = np.linalg.eigh(np.exp(-distance / (2 * _SMOOTH_LENGTH_MM**2)))
    return vectors[:, ::-1][:, :count] * np.sqrt(np.maximum(values[::-1][:count], 0))


def _principal_modes(samples: np.ndarray, prior: np.ndarray, count: int) -> np.ndarray:
    """Return the principal modes (N, count) of the covariance of samples (P, N) plus that of prior modes (N, K)."""
    factors = np.concatenate([samples.T / np.sqrt(len(samples)), prior], axis=1)
    vectors, values, _ = np.linalg.svd(factors, full_matrices=False)
    # the sign of a singular vector is arbitrary; a fixed weighted sum that is hardly ever zero fixes it
    signs = np.sign(np.cos(np.arange(len(vectors)) ** 2) @ vectors)
    return (vectors * signs)[:, :count] * values[:count]
