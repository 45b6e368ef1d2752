"""Effects of expression coefficients: how far each moves lips, eyelids and the surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.face.model import FaceModel
from headroom.face.topology import (
    BROW_MIDDLES,
    EYE_LIDS,
    LIP_MIDDLES,
    LOWER_INNER_LIP,
    MOUTH_CORNERS,
    UPPER_INNER_LIP,
)


@dataclass(frozen=True)
class FaceDirections:
    """Effects of one unit of each of the E expression coefficients of a face model.

    lip_opening: (E,) float32, millimetres by which the inner lips move apart.
    lip_width: (E,) float32, millimetres by which the corners of the mouth move apart.
    lip_protrusion: (E,) float32, millimetres by which the middles of the lips move forward.
    lid_opening: (E,) float32, millimetres by which the eyelids move apart; gaze modes count as zero, because lids that
    follow the gaze do not open.
    vertex_motion: (E,) float32, mean distance that the vertices move, millimetres.
    gaze_modes: indices of the coefficients that turn the eyes left and up; empty for models without gaze.
    brow_modes: indices of the coefficients that move the brows alone; empty for models without such.
    brow_raise: millimetres by which one unit of each of these raises the brows.
    """

    lip_opening: np.ndarray
    lip_width: np.ndarray
    lip_protrusion: np.ndarray
    lid_opening: np.ndarray
    vertex_motion: np.ndarray
    gaze_modes: tuple[int, ...] = ()
    brow_modes: tuple[int, ...] = ()
    brow_raise: tuple[float, ...] = ()

    @property
    def lip_shape(self) -> np.ndarray:
        """(E, 2) millimetres of width and protrusion of the lips."""
        return np.stack([self.lip_width, self.lip_protrusion], 1)

    @property
    def lips(self) -> np.ndarray:
        """(E, 3) millimetres of opening, width and protrusion of the lips."""
        return np.column_stack([self.lip_opening, self.lip_shape])

    @staticmethod
    def of(model: FaceModel) -> FaceDirections:
        """Measure the directions of a face model at its landmarks."""
        right, left = (model.opening_direction(upper, lower) for upper, lower in EYE_LIDS)
        lids = (right + left) / 2
        lids[list(model.gaze_modes)] = 0
        basis = model.expression_basis
        right_corner, left_corner = (basis[model.vertex_of(landmark), 0] for landmark in MOUTH_CORNERS)
        return FaceDirections(
            lip_opening=model.opening_direction(UPPER_INNER_LIP, LOWER_INNER_LIP),
            lip_width=left_corner - right_corner,
            lip_protrusion=np.mean([basis[model.vertex_of(landmark), 2] for landmark in LIP_MIDDLES], 0),
            lid_opening=lids,
            vertex_motion=np.linalg.norm(basis, axis=1).mean(0),
            gaze_modes=model.gaze_modes,
            brow_modes=model.brow_modes,
            brow_raise=_brow_raise(model) if model.brow_modes else (),
        )


def _brow_raise(model: FaceModel) -> tuple[float, ...]:
    """Return by how many millimetres one unit of each brow mode raises the middles of the brows."""
    middles = [model.vertex_of(landmark) for landmark in BROW_MIDDLES]
    height = model.expression_basis[middles, 1].mean(0)
    return tuple(height[list(model.brow_modes)].tolist())
