"""A performance of a subject divided into the controls of its rig and the detail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headroom.face.controls.solve import ControlSpace
from headroom.face.performance import Performance
from headroom.motion.style.speaker_style import SpeakerStyle
from headroom.subject.rig import Rig


def with_face_controls(performance: Performance, rig: Rig, style: SpeakerStyle) -> Performance:
    """Return the performance with controls, and with the share of motion that they leave to the detail.

    A rig without controls leaves it as it is.
    """
    if len(rig.controls) == 0:
        return performance
    space = ControlSpace.of(rig.controls, rig.expression, style.lip_opening, style.lid_opening)
    controls = space.solve(performance.expression, performance.fps)
    share = detail_share(performance.expression, performance.expression - controls @ rig.controls, rig.expression)
    return replace(performance, controls=controls, detail_share=share)


def detail_share(expression: NDArray[np.float32], detail: NDArray[np.float32], basis: NDArray[np.float32]) -> float:
    """Return the motion of the vertices in the detail (T, E) as a fraction of that in the expression (T, E).

    Motion is the mean distance from the mean shape. basis: (E, V, 3) mm per unit.
    """
    rows = basis.reshape(len(basis), -1)

    def motion(coefficients: NDArray[np.float32]) -> float:
        moved = (coefficients - coefficients.mean(0))[:: max(1, len(coefficients) // 200)] @ rows
        return float(np.linalg.norm(moved.reshape(len(moved), -1, 3), axis=2).mean())

    whole = motion(expression)
    return motion(detail) / whole if whole > 0 else 0.0


def notes_of_controls(performance: Performance) -> list[str]:
    """Return how much of the motion the controls make, as a note for the user."""
    if performance.detail_share is None:
        return []
    return [f"The controls make {100 * (1 - performance.detail_share):.0f} % of the face's motion; "
            "the detail keys make the rest."]
