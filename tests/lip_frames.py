"""Frames in which nothing closes the lips, so that performances of older formats can be compared."""

import numpy as np

from headroom.face.performance import Performance
from headroom.motion.audio.loudness import loudness, speech_levels
from headroom.motion.style.lip_closure import BILABIALS, speech_gate


def open_lip_frames(speech: np.ndarray, performance: Performance) -> np.ndarray:
    """Return the frames (T,) away from pauses and bilabials, in which lips have closed only since motion format 4.

    speech: (N,) at 16 kHz.
    """
    loud_db = loudness(speech)[1]
    frames = speech_gate(speech_levels(speech, 0, len(performance), loud_db), loud_db) > 0.9999
    for symbol, start in zip(performance.phones.labels, performance.phones.starts):
        if symbol in BILABIALS:
            frames[max(0, int(start * 25) - 2):int(start * 25) + 6] = False
    return frames
