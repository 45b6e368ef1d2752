"""Make the bundled face model from tracked faces of several people.

Landmarks are treated as a scaled parallel projection: x, y from the picture, z from the landmark network. Every
frame is aligned to its person's face by the points that hold still, the person's face to the mean of all; what is
left is expression, and what differs between people is identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.common.errors import InputError
from headroom.face import topology as top
from headroom.face.eyeballs import RADIUS_MM
from headroom.face.model import GAZE, GAZE_DEGREES, ControlModel

IDENTITIES = 80
REGIONS = (("Mouth", 40), ("Eyes", 10), ("Brows", 12))
"""Regions of the expression basis and how many principal modes each gets; two modes of gaze come beside them."""
GAZES = ("Gaze Left", "Gaze Up")
"""Names of the two modes that turn both eyes, as the subject looks."""

EYE_DISTANCE_MM = 63.0
"""Between the iris centres of the mean face: sets the scale."""

_SMOOTH_LENGTH_MM = 32.0
_SMOOTH_STD_MM = 2.0
"""Length and strength of the smooth modes that fill up the identity basis."""
_ALBEDO_STD = 0.05

_SIDES = ((33, 263), (133, 362), (61, 291), (234, 454), (105, 334), (172, 397))
"""Landmarks of the right and the left side that lie opposite each other."""
_CLOSING_MM = 2.0
"""Lids nearer than they rest by this hide the iris: where the landmark network puts it then is no gaze."""
_OPPOSITE = 1e-4
"""A mode that opens by less than this share of its largest motion moves left and right against each other."""
_GRAIN_MM, _GRAIN_COLOUR, _GRAIN_UV = 1e-3, 1e-5, 1e-6
"""Values are stored in whole numbers of these, coarser than what rounding in the linear algebra comes to."""


@dataclass(frozen=True)
class PersonLandmarks:
    """One person in front of one camera.

    points: (T, 478, 3) landmarks in pixels as `headroom.track.landmarks.detect` gives them, without missing frames; T is 1 for
    a photo, which shows the face at rest.
    colours: (478, 3) mean colour at each landmark over the clip, display values 0..1.
    """

    points: np.ndarray
    colours: np.ndarray


def build_model(people: list[PersonLandmarks]) -> ControlModel:
    """The bundled model's control data from clips and photos of several people, one each."""
    if sum(len(face.points) > 1 for face in people) < 2:
        raise InputError("A face model needs clips of at least two people; name more clips.")
    shapes = [top.landmarks_to_controls(face.points.astype(np.float64) * [1, -1, -1]) for face in people]
    aligned = [_align_to_mean(shape) for shape in shapes]
    mean, neutrals = _mean_face([_neutral(frames) for frames in aligned])

    offsets, weights = [], []
    for neutral, frames in zip(neutrals, aligned):
        frames = np.stack([_similar(frame, neutral, _stillness(frames)) for frame in frames])
        own = frames - _neutral(frames)
        offsets.append(own)
        weights.append(np.full(len(own), 1 / np.sqrt(len(own) + 50)))
    pairs = top.mirror_pairs(mean)
    expression, names, regions = _expression_basis(np.concatenate(offsets), np.concatenate(weights), mean, pairs)
    identity = _identity_basis(np.stack(neutrals) - mean, mean, pairs)
    albedo_mean, albedo = _albedo_basis(people, mean, pairs)
    triangles = top.orient_triangles(top.control_triangles(), mean)
    return ControlModel(
        triangles=triangles,
        uv=_rounded(_texture_coordinates(mean, expression), _GRAIN_UV),
        mean=_rounded(mean, _GRAIN_MM),
        identity_basis=_rounded(identity, _GRAIN_MM),
        expression_basis=_rounded(expression, _GRAIN_MM),
        albedo_mean=_rounded(albedo_mean, _GRAIN_COLOUR),
        albedo_basis=_rounded(albedo, _GRAIN_COLOUR),
        landmark_ids=top.control_landmarks(),
        names=np.array(names),
        regions=np.array(regions),
    )


def similarity(source: np.ndarray, target: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation (3, 3), shift (3,) that bring source (C, 3) nearest to target in weighted least squares."""
    w = weights / weights.sum()
    centre_s, centre_t = w @ source, w @ target
    s, t = source - centre_s, target - centre_t
    u, d, v = np.linalg.svd((t * w[:, None]).T @ s)
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ v))])
    rotation = u @ sign @ v
    scale = (d * np.diag(sign)).sum() / (w @ (s**2).sum(1))
    return scale, rotation, centre_t - scale * rotation @ centre_s


def _similar(source: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    scale, rotation, shift = similarity(source, target, weights)
    return scale * source @ rotation.T + shift


def _align_to_mean(frames: np.ndarray) -> np.ndarray:
    """The clip's frames (T, C, 3) on their own mean, weighted to the points that hold still."""
    mean, weights = frames[0], np.ones(frames.shape[1])
    for _ in range(5):
        aligned = np.stack([_similar(frame, mean, weights) for frame in frames])
        mean = aligned.mean(0)
        weights = _stillness(aligned)
    return aligned


def _stillness(aligned: np.ndarray) -> np.ndarray:
    """(C,) weights: high for points that move little against the rest of the face."""
    spread = np.sqrt(((aligned - aligned.mean(0)) ** 2).sum(2).mean(0))
    return 1 / (spread**2 + (np.median(spread) ** 2 or 1))  # in a photo all hold still


def _neutral(aligned: np.ndarray) -> np.ndarray:
    """(C, 3) the face at rest: the mean of the quarter of frames with the lips nearest together, the eyes open."""
    if len(aligned) == 1:
        return aligned[0]
    lips = np.linalg.norm(aligned[:, top.UPPER_INNER_LIP] - aligned[:, top.LOWER_INNER_LIP], axis=1)
    lids = np.mean([np.linalg.norm(aligned[:, a] - aligned[:, b], axis=1) for a, b in top.EYE_LIDS], axis=0)
    open_eyed = lids > np.quantile(lids, 0.3)
    chosen = open_eyed & (lips <= np.quantile(lips[open_eyed], 0.25))
    return aligned[chosen].mean(0)


def _mean_face(neutrals: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The mean face, upright, symmetric and in millimetres, and the people's faces aligned to it."""
    everyone = np.ones(top.CONTROLS)
    mean = neutrals[0]
    for _ in range(5):
        mean = _upright(np.mean([_similar(face, mean, everyone) for face in neutrals], axis=0))
    return mean, [_similar(face, mean, everyone) for face in neutrals]


def _upright(mean: np.ndarray) -> np.ndarray:
    """The mean face mirrored onto itself, eyes level, in millimetres, its origin between the ears and the nose."""
    mean = mean * EYE_DISTANCE_MM / np.linalg.norm(mean[top.IRISES[1]] - mean[top.IRISES[0]])
    right, left = (mean[list(points)] for points in zip(*_SIDES))
    across = (left - right).sum(0)
    x = across / np.linalg.norm(across)
    brow_to_chin = mean[10] - mean[152]
    y = brow_to_chin - x * (brow_to_chin @ x)
    y /= np.linalg.norm(y)
    turn = np.stack([x, y, np.cross(x, y)]).T
    middle = (left + right).mean(0) / 2 @ turn
    mean = mean @ turn - [middle[0], 0, 0]
    mean -= [0, mean[168, 1] - 20, np.quantile(mean[:, 2], 0.1) - 10]
    pairs = top.mirror_pairs(mean)
    return (mean + mean[pairs] * [-1, 1, 1]) / 2


def _region_masks(mean: np.ndarray) -> dict[str, np.ndarray]:
    """Smooth weights (C,) of each region that sum to one everywhere."""
    below = 1 / (1 + np.exp((mean[:, 1] - mean[2, 1] - 8) / 4))
    eyes = np.zeros(len(mean))
    for centre in top.IRISES:
        away = (mean - mean[centre]) / [19, 12, 30]
        eyes = np.maximum(eyes, np.exp(-0.5 * (away**2).sum(1) ** 2))
    eyes[[*top.IRISES, *top.SOCKETS]] = 1
    return {"Mouth": below, "Eyes": (1 - below) * eyes, "Brows": (1 - below) * (1 - eyes)}


def _expression_basis(offsets, weights, mean, pairs):
    """Modes (C, 3, 64) of the face's motion with names and regions: two of gaze, `GAZE_DEGREES` long, and each region's
    principal modes, one standard deviation long, in what those leave.
    """
    masks = _region_masks(mean)
    gaze, offsets = _gaze_modes(offsets, weights, masks["Eyes"], pairs)
    bases, names, regions = [], [], []
    for region, count in REGIONS:
        moved = offsets * masks[region][None, :, None] * weights[:, None, None]
        both = np.concatenate([moved, moved[:, pairs] * [-1, 1, 1]]).reshape(2 * len(moved), -1)
        covariance = both.T @ both / (2 * (weights**2).sum())
        values, vectors = np.linalg.eigh(covariance)
        modes = vectors[:, ::-1][:, :count] * np.sqrt(np.maximum(values[::-1][:count], 1e-12))
        modes = modes.reshape(top.CONTROLS, 3, count)
        bases.append(modes * _signs(modes, region, mean))
        names += [f"{region} {i + 1:02d}" for i in range(count)]
        regions += [region] * count
        if region == "Eyes":
            bases.append(gaze)
            names += GAZES
            regions += [GAZE] * len(GAZES)
    return np.concatenate(bases, axis=2), names, regions


def _gaze_modes(offsets, weights, eyes, pairs):
    """Modes (C, 3, 2) in which both eyes turn left and up, with what lids do along, and offsets (N, C, 3) without them,
    in which irises hold still.

    Principal modes hold hardly any gaze: an iris is one point beside the many of the lids, and looking aside is rare.
    eyes: (C,) weights of the region.
    """
    looks = _looks(offsets)
    looks_both = np.concatenate([looks, looks * [-1, 1]])
    moved = np.concatenate([offsets, offsets[:, pairs] * [-1, 1, 1]]) * eyes[None, :, None]
    squared = np.tile(weights, 2)[:, None] ** 2
    normal = (looks_both * squared).T @ looks_both
    by_mm = np.linalg.solve(normal, (looks_both * squared).T @ moved.reshape(len(moved), -1))
    left = offsets - (looks @ by_mm).reshape(offsets.shape)
    left[:, top.IRISES] = 0
    unit_mm = RADIUS_MM * np.sin(np.radians(GAZE_DEGREES))
    return (by_mm * unit_mm).T.reshape(top.CONTROLS, 3, len(GAZES)), left


def _looks(offsets: np.ndarray) -> np.ndarray:
    """(N, 2) mm by which both irises are left (the subject's) and up of where they rest between the eyes' corners;
    nothing where the lids are closed.
    """
    looks = np.mean([offsets[:, iris] - offsets[:, corners].mean(1)
                     for iris, corners in zip(top.IRISES, top.EYE_CORNERS)], axis=0)[:, :2]
    opening = np.mean([offsets[:, a, 1] - offsets[:, b, 1] for a, b in top.EYE_LIDS], axis=0)
    return looks * (opening > -_CLOSING_MM)[:, None]


def _signs(modes: np.ndarray, region: str, mean: np.ndarray) -> np.ndarray:
    """Signs (count,) such that plus opens the mouth, opens the eyes, raises the brows.

    Mirrored faces make every mode the same or opposite left and right; in an opposite one plus raises the left side.
    """
    if region == "Mouth":
        measure = modes[top.UPPER_INNER_LIP, 1] - modes[top.LOWER_INNER_LIP, 1]
    elif region == "Eyes":
        measure = sum(modes[a, 1] - modes[b, 1] for a, b in top.EYE_LIDS)
    else:
        measure = modes[[105, 334], 1].sum(0)
    left_raised = (modes[:, 1] * mean[:, :1]).sum(0)
    largest = np.abs(modes).max((0, 1))
    measure = np.where(np.abs(measure) > _OPPOSITE * largest, measure, left_raised)
    return np.where(measure < 0, -1.0, 1.0)


def _identity_basis(faces: np.ndarray, mean: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(C, 3, 80): what the people differ in, then smooth Gaussian-process modes of what they leave out."""
    both = np.concatenate([faces, faces[:, pairs] * [-1, 1, 1]]).reshape(2 * len(faces), -1)
    smooth = np.kron(_smooth_modes(mean, 60), np.eye(3)) * _SMOOTH_STD_MM
    rigid = _rigid_moves(mean)
    smooth -= rigid @ (rigid.T @ smooth)
    return _filled(both, smooth, IDENTITIES).reshape(top.CONTROLS, 3, IDENTITIES)


def _rigid_moves(mean: np.ndarray) -> np.ndarray:
    """(3 C, 7) orthonormal: shifts, small turns and scale of the mean face, which belong to the pose."""
    centred = mean - mean.mean(0)
    shifts = [np.tile(axis, (len(mean), 1)) for axis in np.eye(3)]
    turns = [np.cross(axis, centred) for axis in np.eye(3)]
    moves = np.stack([move.ravel() for move in (*shifts, *turns, centred)], 1)
    return np.linalg.qr(moves)[0]


def _albedo_basis(people: list[PersonLandmarks], mean: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean colour (C, 3) and colour modes (C, 3, 80)."""
    chosen = top.control_landmarks()
    colours = np.stack([face.colours[chosen] for face in people])
    rings = [top.inner_lips(), top.lid_loop(right=True), top.lid_loop(right=False)]
    shades = [top.CAVITY_SHADE, top.SOCKET_SHADE, top.SOCKET_SHADE]
    hidden = [colours[:, ring].mean(1, keepdims=True) * shade for ring, shade in zip(rings, shades)]
    colours = np.concatenate([colours, *hidden], axis=1)
    colours = colours / colours.mean((1, 2), keepdims=True) * colours.mean()
    both = np.concatenate([colours, colours[:, pairs]])
    average = both.mean(0)
    smooth = np.kron(_smooth_modes(mean, 60), np.eye(3)) * _ALBEDO_STD
    return average, _filled((both - average).reshape(len(both), -1), smooth, IDENTITIES).reshape(top.CONTROLS, 3, -1)


def _smooth_modes(mean: np.ndarray, count: int) -> np.ndarray:
    """(C, count) the leading modes of a Gaussian kernel over the mean face, scaled by their standard deviations."""
    distance = ((mean[:, None] - mean[None]) ** 2).sum(2)
    values, vectors = np.linalg.eigh(np.exp(-distance / (2 * _SMOOTH_LENGTH_MM**2)))
    return vectors[:, ::-1][:, :count] * np.sqrt(np.maximum(values[::-1][:count], 0))


def _filled(samples: np.ndarray, smooth: np.ndarray, count: int) -> np.ndarray:
    """(N, count) principal modes of samples' covariance plus the smooth prior's."""
    factors = np.concatenate([samples.T / np.sqrt(len(samples)), smooth], axis=1)
    vectors, values, _ = np.linalg.svd(factors, full_matrices=False)
    # the sign of a singular vector is nobody's choice; any fixed sum that hardly ever comes to zero fixes it
    signs = np.sign(np.cos(np.arange(len(vectors)) ** 2) @ vectors)
    return (vectors * signs)[:, :count] * values[:count]


def _rounded(values: np.ndarray, grain: float) -> np.ndarray:
    """float32 in whole grains, so that the same clips give the same file whatever order sums are taken in."""
    return (np.rint(values / grain) * grain + 0.0).astype(np.float32)  # + 0: no minus zero


def _texture_coordinates(mean: np.ndarray, expression: np.ndarray) -> np.ndarray:
    """(C, 2) the mean face, its mouth wide open, unrolled from a cylinder about its vertical axis.

    With the mouth open its cavity has texture of its own, and no seam is needed.
    """
    wide = mean.copy()
    lips = expression[top.UPPER_INNER_LIP, 1] - expression[top.LOWER_INNER_LIP, 1]
    mode = int(np.argmax(lips))
    wide += expression[:, :, mode] * (16.0 / lips[mode])
    axis_z = mean[:, 2].max() - 85.0
    angle = np.arctan2(wide[:, 0], np.maximum(wide[:, 2] - axis_z, 5.0))
    flat = np.stack([angle * 80.0, wide[:, 1]], 1)
    for socket, right in zip(top.SOCKETS, (True, False)):
        flat[socket] = flat[top.lid_loop(right)].mean(0)
    low, high = flat.min(0), flat.max(0)
    size = (high - low).max() * 1.04
    return (flat - (low + high) / 2) / size + 0.5
