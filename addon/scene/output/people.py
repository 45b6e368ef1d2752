"""The heads of a scene that are shown in one picture, and where each lies in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.errors import InputError
from ...core.messages import message
from ...core.placement import Placement, middle, placement
from ...core.rig import Rig
from ..build.shot import Shot, shots_in


def heads_together(shot: Shot) -> list[Shot]:
    """Return the heads that are rendered together with a shot, the one whose camera is the scene's first.

    Others whose face is hidden in renders are left out.
    """
    shots = [each for each in shots_in(shot.scene) if each.root == shot.root or not each.face.hide_render]
    first = next((each for each in shots if each.camera == shot.scene.camera), shot)
    return [first, *(each for each in shots if each.root != first.root)]


def placements(shots: Sequence[Shot]) -> list[Placement]:
    """Return where the frame of each head's clip lies in that of the first.

    An artist places a head by moving its root. Raises InputError for one that is behind the camera.
    """
    if len(shots) == 1:  # whose rig need not be read
        return [Placement()]
    return [placed for _, placed in _placed_rigs(shots)]


def middles(shots: Sequence[Shot]) -> list[float]:
    """Return where each head is in the picture, pixels from the left. Raises InputError as `placements` does."""
    return [middle(rig, placed) for rig, placed in _placed_rigs(shots)]


def _placed_rigs(shots: Sequence[Shot]) -> list[tuple[Rig, Placement]]:
    """Return the rig of each head, read once, and where its frame lies."""
    shots[0].scene.view_layers[0].update()
    first, to_first = shots[0].subject.rig(), shots[0].root.matrix_world.inverted_safe()
    placed = [(first, Placement())]
    for shot in shots[1:]:
        matrix = np.array(to_first @ shot.root.matrix_world)
        matrix[:3, 3] *= 1000  # scene units are metres
        rig = shot.subject.rig()
        if (matrix[:3, :3] @ rig.rest_translation + matrix[:3, 3])[2] > -1:
            raise InputError(message("{shot} is behind the camera of {first}. Move its empty in front of it.",
                                     shot=shot.root.name, first=shots[0].root.name))
        placed.append((rig, placement(first, rig, matrix)))
    return placed
