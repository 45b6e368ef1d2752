"""The words of a speech, over time."""

from __future__ import annotations

from dataclasses import dataclass

from headroom.face.labelled_track import LabelledTrack, stored_layout
from headroom.face.phone_track import PhoneTrack


@dataclass(frozen=True, eq=False)
class WordTrack(LabelledTrack):
    """Words one after the other, perhaps with pauses between them; there are none without a transcript.

    labels: (K,) texts, as the transcript has them.
    confidences: (K,) float32, mean posterior of the word's phones, 0..1.
    """

    LAYOUT = stored_layout("word", "texts")


@dataclass(frozen=True, eq=False)
class SpokenWords:
    """A transcript on the timeline.

    words: as the transcript has them.
    phones: those of their pronunciations, and the pauses between them.
    """

    words: WordTrack
    phones: PhoneTrack
