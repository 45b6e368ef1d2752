"""Effects of expression coefficients: how far each opens lips and eyelids and moves the surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.face.model import FaceModel
from headroom.face.topology import BROW_MIDDLES, EYE_LIDS, LOWER_INNER_LIP, UPPER_INNER_LIP


@dataclass(frozen=True)
class FaceDirections:
    """Effects of one unit of each of the E expression coefficients of a face model.

    lip_opening: (E,) float32, millimetres by which the inner lips move apart.
    lid_opening: (E,) float32, millimetres by which the eyelids move apart; gaze modes count as zero, because lids that
    follow the gaze do not open.
    vertex_motion: (E,) float32, mean distance that the vertices move, millimetres.
    gaze_modes: indices of the coefficients that turn the eyes left and up; empty for models without gaze.
    brow_modes: indices of the coefficients that move the brows alone; empty for models without such.
    brow_raise: millimetres by which one unit of each of these raises the brows.
    """

    lip_opening: np.ndarray
    lid_opening: np.ndarray
    vertex_motion: np.ndarray
    gaze_modes: tuple[int, ...] = ()
    brow_modes: tuple[int, ...] = ()
    brow_raise: tuple[float, ...] = ()

    @staticmethod
    def of(model: FaceModel) -> FaceDirections:
        """Measure the directions of a face model at its landmarks."""
        right, left = (model.opening_direction(upper, lower) for upper, lower in EYE_LIDS)
        lids = (right + left) / 2
        lids[list(model.gaze_modes)] = 0
        return FaceDirections(
            lip_opening=model.opening_direction(UPPER_INNER_LIP, LOWER_INNER_LIP),
            lid_opening=lids,
            vertex_motion=np.linalg.norm(model.expression_basis, axis=1).mean(0),
            gaze_modes=model.gaze_modes,
            brow_modes=model.brow_modes,
            brow_raise=_brow_raise(model) if model.brow_modes else (),
        )


def _brow_raise(model: FaceModel) -> tuple[float, ...]:
    """Return by how many millimetres one unit of each brow mode raises the middles of the brows."""
    middles = [model.vertex_of(landmark) for landmark in BROW_MIDDLES]
    height = model.expression_basis[middles, 1].mean(0)
    return tuple(height[list(model.brow_modes)].tolist())
