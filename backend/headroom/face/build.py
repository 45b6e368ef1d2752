"""The bundled face model's builder, from tracked faces of several people.

Landmarks are treated as a scaled parallel projection: x and y from the picture, z from the landmark network. Every
frame is aligned to its person's face by the points that move little, and each person's face to the mean of all people.
The remaining motion is expression; the differences between people are identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.common.errors import InputError
from headroom.face import topology as top
from headroom.face.alignment import align_frames, aligned, mean_face, stillness
from headroom.face.bases import ExpressionSamples, albedo_basis, expression_basis, identity_basis
from headroom.face.mesh import orient_triangles
from headroom.face.model import ControlModel

_STEP_MM, _STEP_COLOUR, _STEP_UV = 1e-3, 1e-5, 1e-6
"""Values are rounded to multiples of these, which exceed the rounding errors of the linear algebra."""


@dataclass(frozen=True)
class PersonLandmarks:
    """One person in front of one camera.

    points: (T, 478, 3) landmarks in pixels, as `headroom.track.landmarks.detect` finds them, without missing frames;
        T is 1 for a photo, which shows the face at rest.
    colours: (478, 3) mean colour at each landmark over the clip, display values 0..1.
    """

    points: np.ndarray
    colours: np.ndarray


def build_model(people: list[PersonLandmarks]) -> ControlModel:
    """Build the bundled model's control points from clips and photos of different people.

    Raises InputError when fewer than two of them are clips.
    """
    if sum(len(person.points) > 1 for person in people) < 2:
        raise InputError("A face model needs clips of at least two people; name more clips.")
    shapes = [top.landmarks_to_controls(person.points.astype(np.float64) * [1, -1, -1]) for person in people]
    clips = [align_frames(shape) for shape in shapes]
    mean, neutrals = mean_face([_neutral(frames) for frames in clips])
    pairs = top.mirror_pairs(mean)
    expression = expression_basis(_expression_samples(clips, neutrals), mean, pairs)
    identity = identity_basis(np.stack(neutrals) - mean, mean, pairs)
    albedo_mean, albedo = albedo_basis(np.stack([person.colours for person in people]), mean, pairs)
    return ControlModel(
        triangles=orient_triangles(top.control_triangles(), mean),
        uv=_rounded(_texture_coordinates(mean, expression.modes), _STEP_UV),
        mean=_rounded(mean, _STEP_MM),
        identity_basis=_rounded(identity, _STEP_MM),
        expression_basis=_rounded(expression.modes, _STEP_MM),
        albedo_mean=_rounded(albedo_mean, _STEP_COLOUR),
        albedo_basis=_rounded(albedo, _STEP_COLOUR),
        landmark_ids=top.control_landmarks(),
        names=np.array(expression.names),
        regions=np.array(expression.regions),
    )


def _neutral(frames: np.ndarray) -> np.ndarray:
    """Return the face at rest (C, 3): the mean of the quarter of frames with the narrowest mouth among open eyes."""
    if len(frames) == 1:
        return frames[0]
    lips = np.linalg.norm(frames[:, top.UPPER_INNER_LIP] - frames[:, top.LOWER_INNER_LIP], axis=1)
    lids = np.mean([np.linalg.norm(frames[:, a] - frames[:, b], axis=1) for a, b in top.EYE_LIDS], axis=0)
    open_eyed = lids > np.quantile(lids, 0.3)
    chosen = open_eyed & (lips <= np.quantile(lips[open_eyed], 0.25))
    return frames[chosen].mean(0)


def _expression_samples(clips: list[np.ndarray], neutrals: list[np.ndarray]) -> ExpressionSamples:
    """Return every frame's offset from its person's neutral face, in the size of the mean face."""
    offsets, weights = [], []
    for neutral, frames in zip(neutrals, clips):
        frames = np.stack([aligned(frame, neutral, stillness(frames)) for frame in frames])
        moved = frames - _neutral(frames)
        offsets.append(moved)
        weights.append(np.full(len(moved), 1 / np.sqrt(len(moved) + 50)))
    return ExpressionSamples(np.concatenate(offsets), np.concatenate(weights))


def _rounded(values: np.ndarray, step: float) -> np.ndarray:
    """Return float32 multiples of a step, so that the same clips give the same file in any order of summation."""
    return (np.rint(values / step) * step + 0.0).astype(np.float32)  # + 0: no minus zero


def _texture_coordinates(mean: np.ndarray, expression: np.ndarray) -> np.ndarray:
    """Return uv (C, 2) of the mean face with its mouth wide open, unrolled from a cylinder about the vertical axis.

    The open mouth gives its cavity texture of its own without a seam.
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
