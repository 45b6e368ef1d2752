"""How a face is seen in a clip, from its landmarks: size, turn, and whether it is upright and inside the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BROWS, CHIN = (105, 334), 152
OUTER_EYE_CORNERS = (33, 263)  # the person's right eye, the left eye
OUTLINE = (10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152,
           377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356, 389, 251, 284, 332, 297, 338)
"""Landmarks of the face's border, from the forehead's middle round the person's right side."""
SMALL_FACE = 150  # pixels from brows to chin; less gives a soft result
MAX_OUTSIDE = 0.1  # share of the outline beyond the picture's edge, from which a frame's face is cut off
MANY_FRAMES = 0.2  # share of frames from which a remark is made


@dataclass(frozen=True)
class FaceView:
    """How the face is seen in each of T frames; NaN without a face.

    size: (T,) pixels from brows to chin.
    yaw, roll: (T,) degrees; yaw is positive towards the person's left, roll clockwise in the picture.
    outside: (T,) share of the face's outline beyond the picture's edges.
    """

    size: NDArray[np.float64]
    yaw: NDArray[np.float64]
    roll: NDArray[np.float64]
    outside: NDArray[np.float64]

    @staticmethod
    def of(points: NDArray[np.float32], width: int, height: int) -> FaceView:
        """Return how landmarks (T, 478, 3) are seen in a picture of a width and a height."""
        eyes = points[:, OUTER_EYE_CORNERS[1]].astype(np.float64) - points[:, OUTER_EYE_CORNERS[0]]
        brows = points[:, BROWS].mean(1)
        outline = points[:, OUTLINE, :2].astype(np.float64)
        beyond = ((outline < 0) | (outline > [width, height])).any(2)
        share = np.where(np.isfinite(outline[:, 0, 0]), beyond.mean(1), np.nan)
        return FaceView(
            size=np.linalg.norm((points[:, CHIN] - brows)[:, :3].astype(np.float64), axis=1),
            yaw=np.degrees(np.arctan2(eyes[:, 2], np.hypot(eyes[:, 0], eyes[:, 1]))),
            roll=np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0])),
            outside=share,
        )


def view_notes(view: FaceView) -> list[str]:
    """Return what the user should know where the face is seen badly in many of the frames."""
    notes = []
    size = float(np.nanmedian(view.size))
    if size < SMALL_FACE:
        notes.append(f"The face is only {size:.0f} pixels high from brows to chin; with less than {SMALL_FACE} the "
                     "result is soft. Film from nearer, or use the file in its full size.")
    seen = np.isfinite(view.size)
    if (view.outside[seen] > MAX_OUTSIDE).mean() > MANY_FRAMES:
        notes.append("The face is partly outside the picture. Choose another part of the clip.")
    if (np.abs(view.roll[seen]) > 90).mean() > MANY_FRAMES:
        notes.append("The face is upside down. Turn the clip.")
    return notes
