"""The phones heard in a speech, over time."""

from __future__ import annotations

from dataclasses import dataclass

from headroom.face.labelled_track import LabelledTrack, stored_layout

SILENCE = "SIL"
"""Symbol of pauses, breaths and noise; the others are those of the ARPAbet."""


@dataclass(frozen=True, eq=False)
class PhoneTrack(LabelledTrack):
    """Phones one after the other, without gaps, silence among them; older performances have none.

    labels: (K,) symbols of the ARPAbet without stress, and "SIL".
    confidences: (K,) float32, mean posterior of the phone between its start and its end, 0..1.
    """

    LAYOUT = stored_layout("phone", "symbols")
