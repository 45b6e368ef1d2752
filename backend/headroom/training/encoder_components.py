"""Main components of the speech encoder's vectors: the projection that makes them shorter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch

from headroom.motion.audio.features import SPEECH_RANGE_DB
from headroom.motion.audio.loudness import loudness
from headroom.motion.audio.speech_encoder import VECTOR_SAMPLES, SpeechEncoder, encode

MAX_VECTORS = 3000  # of one recording, one minute


def with_components(encoder: SpeechEncoder, recordings: Iterable[np.ndarray], components: int) -> SpeechEncoder:
    """Return a copy of an encoder without a projection whose vectors are projected on the main components of speech.

    recordings: sounds (N,) at 16 kHz of different people.
    components: numbers in a vector afterwards; their mean variance over the speech of one recording is 1.

    The mean of each recording does not count, because features subtract it.
    """
    covariance, count = np.zeros((encoder.columns, encoder.columns)), 0
    for samples in recordings:
        levels, loud_db = loudness(samples)
        last = min(len(samples) // VECTOR_SAMPLES, MAX_VECTORS)
        vectors = encode(encoder, samples, 0, last, loud_db)
        spoken = vectors[levels[:2 * last:2] > loud_db - SPEECH_RANGE_DB].astype(np.float64)
        centred = spoken - spoken.mean(0)
        covariance, count = covariance + centred.T @ centred, count + len(spoken)
    variances, axes = np.linalg.eigh(covariance / count)
    kept = axes[:, ::-1][:, :components] / np.sqrt(variances[::-1][:components].mean())
    projected = SpeechEncoder(replace(encoder.shape, components=components))
    projected.load_state_dict({**encoder.state_dict(), "projection.weight": torch.from_numpy(kept.T.copy()).float()})
    return projected.requires_grad_(False).eval()
