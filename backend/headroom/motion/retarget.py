"""General motion for another face model: the bundled expressions said in its own.

Networks and the regression half end in a linear layer, so another basis of expressions is another last layer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headroom.face.model import FaceModel, bundled_model
from headroom.face.topology import LOWER_INNER_LIP, UPPER_INNER_LIP
from headroom.motion.model.model import SpeakerStyle, MotionModel
from headroom.motion.train.general import general_model

_NOISE_MM, _EVIDENCE = 0.5, 0.2
"""How far landmarks of two models are off, and how much of them counts, since neighbours err together."""


def general_model_for(face: FaceModel, lip_opening: np.ndarray, lid_opening: np.ndarray) -> MotionModel | None:
    """The bundled model of many people in the expressions of `face`; None where its weights are missing.

    lip_opening, lid_opening: (64,) of `face`, millimetres per unit of expression.
    """
    if (own := general_model(lip_opening)) is not None:
        return own
    bundled = bundled_model()
    theirs = general_model(bundled.opening_direction(UPPER_INNER_LIP, LOWER_INNER_LIP))
    return theirs and retarget_model(theirs, expression_map(bundled, face), lip_opening, lid_opening)


def expression_map(known: FaceModel, other: FaceModel) -> np.ndarray:
    """(64, 64): other's expression = this @ known's, as near as the landmarks that both have can tell."""
    shared = sorted(set(known.landmark_ids.tolist()) & set(other.landmark_ids.tolist()))
    theirs, ours = (model.expression_basis[[model.vertex_of(landmark) for landmark in shared]].astype(np.float64)
                    for model in (known, other))
    theirs, ours = theirs.reshape(3 * len(shared), -1), ours.reshape(3 * len(shared), -1)
    weight = _EVIDENCE / _NOISE_MM**2
    return np.linalg.solve(weight * ours.T @ ours + np.eye(ours.shape[1]), weight * ours.T @ theirs)


def retarget_model(model: MotionModel, between: np.ndarray, lip_opening: np.ndarray, lid_opening: np.ndarray) -> MotionModel:
    """`model` for a face with other expressions: `between` (64, 64) as above, openings (64,) mm per unit of them."""
    style = _style(model.style, between, lip_opening, lid_opening)
    # both ends are normalised, each by its own deviations
    last = between * model.style.expression_deviation / style.expression_deviation[:, None]
    readout = model.readout
    if readout is not None:
        cross = None if readout.cross is None else (readout.cross @ last.T).astype(np.float32)
        readout = replace(readout, weights=(readout.weights @ last.T).astype(np.float32), cross=cross)
    return replace(model, networks=tuple(network.turned(last) for network in model.networks), style=style,
                   readout=readout)


def _style(known: SpeakerStyle, between: np.ndarray, lip_opening: np.ndarray, lid_opening: np.ndarray) -> SpeakerStyle:
    deviation = np.sqrt((between**2) @ known.expression_deviation**2)
    return replace(
        known,
        expression_mean=(between @ known.expression_mean).astype(np.float32),
        # a mode that never moves is not divided by nothing
        expression_deviation=np.maximum(deviation, 1e-6).astype(np.float32),
        rest=(between @ known.rest).astype(np.float32),
        blink=(known.blink @ between.T).astype(np.float32),
        lip_opening=np.asarray(lip_opening, np.float32),
        lid_opening=np.asarray(lid_opening, np.float32),
        gaze_modes=np.zeros(0, np.float32),
        gaze=known.gaze[:, :0],
    )
