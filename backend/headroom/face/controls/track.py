"""Controls and head pose over time, for any face: what other programs exchange."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headroom.face.phone_track import PhoneTrack
from headroom.face.word_track import WordTrack


@dataclass(frozen=True, eq=False)
class ControlTrack:
    """The controls and the head pose of some face at a constant rate; sample i is at i / fps seconds.

    controls: (T, 52) float32, 0..1, in the order of `CONTROL_NAMES`.
    rotation: (T, 3) float32, pitch, yaw, roll in radians; None where the head was not captured.
    translation: (T, 3) float32, millimetres, camera axes; None where it was not captured.
    phones: those of the speech; None where there are none.
    words: those of the speech; None where no transcript was given.
    """

    fps: float
    controls: np.ndarray
    rotation: np.ndarray | None = None
    translation: np.ndarray | None = None
    phones: PhoneTrack | None = None
    words: WordTrack | None = None
