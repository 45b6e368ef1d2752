"""Retargeting of the general model to another face model's expressions.

Networks and ridge regression end in a linear layer, so another expression basis needs only another last layer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headroom.face.directions import FaceDirections
from headroom.face.model import FaceModel, bundled_model
from headroom.motion.model.general import general_model
from headroom.motion.model.model import MotionModel
from headroom.motion.style.blinks import Blinks
from headroom.motion.style.speaker_style import SpeakerStyle

_NOISE_MM = 0.5
"""Noise scale of the differences between the landmarks of two face models."""
_INDEPENDENCE = 0.2
"""Fraction of the landmarks that count, because the errors of neighbours are correlated."""


def general_model_for(face: FaceModel) -> MotionModel | None:
    """Return the bundled general model in the expressions of `face`; None where the weights are missing."""
    directions = FaceDirections.of(face)
    if (own := general_model(directions.lip_opening)) is not None:
        return own
    bundled = bundled_model()
    source = general_model(FaceDirections.of(bundled).lip_opening)
    return source and retarget_model(source, expression_map(bundled, face), directions)


def expression_map(source: FaceModel, target: FaceModel) -> np.ndarray:
    """Return the matrix (64, 64) from `source`'s expressions to `target`'s that moves their common landmarks alike."""
    common = sorted(set(source.landmark_ids.tolist()) & set(target.landmark_ids.tolist()))
    source_basis, target_basis = (
        model.expression_basis[[model.vertex_of(landmark) for landmark in common]].astype(np.float64)
        .reshape(3 * len(common), -1) for model in (source, target))
    information = _INDEPENDENCE / _NOISE_MM**2
    return np.linalg.solve(information * target_basis.T @ target_basis + np.eye(target_basis.shape[1]),
                           information * target_basis.T @ source_basis)


def retarget_model(model: MotionModel, matrix: np.ndarray, directions: FaceDirections) -> MotionModel:
    """Return `model` for another face model.

    matrix: (64, 64) from the model's expressions to the other's.
    directions: of the other face model.
    """
    style = _retarget_style(model.style, matrix, directions)
    # input and output of the map are normalised, each by its own deviations
    normalised = matrix * model.style.expression_deviation / style.expression_deviation[:, None]
    return replace(
        model,
        networks=tuple(network.with_expression_map(normalised) for network in model.networks),
        style=style,
        ridge=model.ridge.with_output_map(normalised) if model.ridge else None,
    )


def _retarget_style(style: SpeakerStyle, matrix: np.ndarray, directions: FaceDirections) -> SpeakerStyle:
    """Return `style` in another face model's expressions, without gaze, whose modes have no counterpart."""
    if not style.brow_modes:  # predicted brows stay so
        directions = replace(directions, brow_modes=(), brow_raise=())
    expression = np.tile(style.expression_mean, (len(style.brows), 1))
    expression[:, list(style.brow_modes)] = style.brows
    brows = expression @ matrix.T
    deviation = np.sqrt((matrix**2) @ style.expression_deviation**2)
    return replace(
        style,
        expression_mean=(matrix @ style.expression_mean).astype(np.float32),
        expression_deviation=np.maximum(deviation, 1e-6).astype(np.float32),  # modes that move nothing have none
        rest=(matrix @ style.rest).astype(np.float32),
        blinks=Blinks(style.blinks.rate, (style.blinks.shape @ matrix.T).astype(np.float32)),
        lip_opening=np.asarray(directions.lip_opening, np.float32),
        lid_opening=np.asarray(directions.lid_opening, np.float32),
        lip_shape=directions.lip_shape.astype(np.float32),
        gaze_modes=(),
        gaze=style.gaze[:, :0],
        brow_modes=directions.brow_modes,
        brow_raise=np.array(directions.brow_raise, np.float32),
        brows=brows[:, list(directions.brow_modes)].astype(np.float32),
    )
