"""Closed lips where they must be: at the phones B, M and P, and in pauses; and where the pauses are."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, minimum_filter1d

from headroom.face.phone_track import PhoneTrack
from headroom.motion.audio.loudness import pause_level
from headroom.motion.audio.timing import FRAME_RATE

BILABIALS = ("B", "M", "P")
MIN_CONFIDENCE = 0.2  # of a phone that closes the lips
REACH_SECONDS = 0.04  # before and after a phone in which the lips may close
MAX_OPENING = 1.5  # of the median opening; a phone at which the lips are wider open was misheard
SILENT_DB = -60.0  # of full scale: a recording whose loud parts are quieter is silent
MIN_PAUSE = 8  # frames; shorter silence is part of a word, as before a P
ANTICIPATION, HANGOVER = 2, 2  # frames that the mouth moves before and after sound
GATE_SMOOTHING = 0.8  # frames
SHAPE_IN_PAUSES = 0.25  # weight of the predicted face, apart from the lips' opening, in the pauses of a speech


def close_at_bilabials(opening: np.ndarray, phones: PhoneTrack, closed: float, median: float) -> np.ndarray:
    """Return lip openings (T,) at 25 Hz, millimetres, that reach `closed` at the phones B, M and P.

    The deepest frame at a phone closes, and its neighbours half. Where even that frame is far above `median`, the
    person's median opening, the phone was probably misheard.
    """
    closing = np.zeros(len(opening))
    chosen = np.isin(phones.labels, BILABIALS) & (phones.confidences >= MIN_CONFIDENCE)
    for start, end in zip(phones.starts[chosen], phones.ends[chosen]):
        first = max(0, int((start - REACH_SECONDS) * FRAME_RATE))
        piece = opening[first:int((end + REACH_SECONDS) * FRAME_RATE) + 1]
        if len(piece) and piece.min() < closed + MAX_OPENING * (median - closed):
            deepest = first + int(piece.argmin())
            closing[deepest] = 1
            around = closing[max(0, deepest - 1):deepest + 2]
            np.maximum(around, 0.5, out=around)
    return opening + closing * np.minimum(closed - opening, 0)


def speech_gate(levels: np.ndarray, loud_db: float) -> np.ndarray:
    """Return the weight (T,) of speech: 1 near sound, 0 in pauses.

    levels: (T,) loudness of all frames of a recording, dB below its loud parts, which have `loud_db` of full scale.
    """
    if loud_db < SILENT_DB:
        return np.zeros(len(levels))
    sound = (levels > pause_level(levels)).astype(float)
    filled = minimum_filter1d(maximum_filter1d(sound, MIN_PAUSE, mode="nearest"), MIN_PAUSE, mode="nearest", origin=-1)
    size = ANTICIPATION + HANGOVER + 1
    gate = maximum_filter1d(np.maximum(sound, filled), size, origin=(HANGOVER - ANTICIPATION) // 2)
    return gaussian_filter1d(gate, GATE_SMOOTHING, mode="nearest")


def shape_gate(speech: np.ndarray) -> np.ndarray:
    """Return the weight (T,) of the predicted face, apart from the lips' opening, against the face at rest.

    speech: (T,) by `speech_gate`. In a pause lips close at once, while the shape that they close in stays between the
    predicted one and that of the face at rest. A recording without speech says nothing about the face.
    """
    return speech + SHAPE_IN_PAUSES * (1 - speech) if speech.any() else speech
