"""Main components of the speech encoder's vectors: the projection that makes them shorter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from headroom.common.errors import InputError
from headroom.common.progress import Progress, no_progress
from headroom.media.video import probe
from headroom.motion.audio.encoder_file import encoder_of
from headroom.motion.audio.features import SPEECH_RANGE_DB
from headroom.motion.audio.loudness import loudness
from headroom.motion.audio.speech_encoder import VECTOR_SAMPLES, SpeechEncoder, encode
from headroom.subject.clip import clip_speech
from headroom.training.corpus import CorpusClip

MAX_SECONDS = 60.0  # of one recording


def clip_sounds(clips: Sequence[CorpusClip], progress: Progress = no_progress) -> Iterator[np.ndarray]:
    """Read the sounds (N,) at 16 kHz of clips; clips without sound are left out."""
    for number, clip in enumerate(clips):
        progress(number / len(clips), "Reading speech")
        video = probe(clip.path)
        try:
            yield clip_speech(clip.path, video, (0.0, min(video.seconds, MAX_SECONDS)))
        except InputError:
            continue


def with_components(encoder: SpeechEncoder, recordings: Iterable[np.ndarray], components: int) -> SpeechEncoder:
    """Return a copy of an encoder without a projection whose vectors are projected on the main components of speech.

    recordings: sounds (N,) at 16 kHz of different people.
    components: numbers in a vector afterwards; their mean variance over the speech of one recording is 1.

    The mean of each recording does not count, because features subtract it. Raises InputError without recordings.
    """
    covariance, count = np.zeros((encoder.columns, encoder.columns)), 0
    for samples in recordings:
        levels, loud_db = loudness(samples)
        last = len(samples) // VECTOR_SAMPLES
        vectors = encode(encoder, samples, 0, last, loud_db)
        spoken = vectors[levels[:2 * last:2] > loud_db - SPEECH_RANGE_DB].astype(np.float64)
        centred = spoken - spoken.mean(0)
        covariance, count = covariance + centred.T @ centred, count + len(spoken)
    if count == 0:
        raise InputError("No clip of the speech has sound; choose other clips.")
    variances, axes = np.linalg.eigh(covariance / count)
    kept = axes[:, ::-1][:, :components] / np.sqrt(variances[::-1][:components].mean())
    projection = torch.from_numpy(kept.T.copy()).float()
    return encoder_of({**encoder.state_dict(), "projection.weight": projection},
                      replace(encoder.shape, components=components))
