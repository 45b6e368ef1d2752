"""The shapes of an exported head: the 52 ARKit shapes, with or without the detail that they leave."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headroom.face.performance import Performance
from headroom.subject.rig import Rig

DETAIL = "Detail"
"""Beginning of the names of detail shapes, as in Blender."""
METRES_PER_MM = 0.001


@dataclass(frozen=True, eq=False)
class HeadShapes:
    """The shapes of one head: C controls, then M modes of the face model as detail.

    offsets: (C + M, V, 3) float32, millimetres at 1.
    names, groups: C + M each; the groups are parts of the face.
    directions: (C, E) expression coefficients per unit of each control; (0, E) for a head without controls, whose
        shapes are the modes alone.
    """

    offsets: NDArray[np.float32]
    names: list[str]
    groups: list[str]
    directions: NDArray[np.float32]

    @property
    def has_detail(self) -> bool:
        """Whether a performance is complete with these shapes."""
        return len(self.offsets) > len(self.directions)

    def weights(self, motion: Performance) -> NDArray[np.float32]:
        """Return the values (T, C + M) float32 of the shapes during a performance.

        A performance that was stored without controls moves the detail alone.
        """
        stored = motion.controls if len(self.directions) else None
        controls = np.zeros((len(motion), len(self.directions)), np.float32) if stored is None else stored
        if not self.has_detail:
            return np.asarray(controls, np.float32)
        return np.asarray(np.concatenate([controls, motion.expression - controls @ self.directions], 1), np.float32)


def head_shapes(rig: Rig, detail: bool) -> HeadShapes:
    """Return the controls of a rig, and its modes where `detail` asks for them or it has no controls."""
    modes = HeadShapes(rig.expression, rig.names.tolist(), rig.regions.tolist(), rig.controls)
    if len(rig.controls) == 0:
        return modes
    offsets = np.tensordot(rig.controls, rig.expression, axes=(1, 0)).astype(np.float32)
    controls = HeadShapes(offsets, rig.control_names.tolist(), rig.control_groups.tolist(), rig.controls)
    if not detail:
        return controls
    return replace(controls, offsets=np.concatenate([offsets, rig.expression]),
                   names=controls.names + [f"{DETAIL} {number:02d}" for number in range(1, len(rig.names) + 1)],
                   groups=controls.groups + modes.groups)
