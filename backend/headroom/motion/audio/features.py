"""Audio features of the motion part, in windows per frame: vectors of the speech encoder, or the paper's MFCC.

A feature extractor turns speech into rows of A columns. `utterance_stats` first measures the recording;
`feature_windows` then computes any range of frames, so a long speech needs little memory. Subjects that older versions
learned have log-mel spectra with phone posteriors.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from headroom.motion.audio import phones
from headroom.motion.audio.cepstra import log_mel, mfcc, power_spectra
from headroom.motion.audio.encoder_file import bundled_encoder
from headroom.motion.audio.loudness import CHUNK_ROWS, loudness
from headroom.motion.audio.speech_encoder import Sections, encode_section, join_sections, sections, vector_count
from headroom.motion.audio.timing import TimeGrid

SPEECH_RANGE_DB = 30.0  # below the loud rows; quieter rows are pauses
STATS_SECTIONS = 3  # sections of the encoder, 24 s, that the mean of a long recording is measured on


@dataclass(frozen=True)
class FeatureConfig:
    """Which features are computed.

    kind: "encoder" are vectors of the speech encoder, "mfcc" the paper's features.
    phones: add phone posteriors to log-mel spectra.
    """

    kind: Literal["encoder", "logmel", "mfcc"] = "encoder"
    bands: int = 40  # mel bands; the paper has 26
    cepstra: int = 12  # MFCC per row, without the zeroth
    normalise: bool = True  # subtract the utterance's mean; spectral columns also get deviation 1
    phones: bool = True

    @property
    def grid(self) -> TimeGrid:
        """Rows of a frame and of its window."""
        return TimeGrid.ENCODER if self.kind == "encoder" else TimeGrid.SPECTRA

    @property
    def spectral_columns(self) -> int:
        """Number of columns of mel bands or MFCC, which come first in a row."""
        return {"encoder": 0, "logmel": self.bands, "mfcc": self.cepstra}[self.kind]

    @property
    def has_phones(self) -> bool:
        """Whether phone posteriors follow the spectral columns."""
        return self.phones and self.kind == "logmel"

    @property
    def columns(self) -> int:
        """Number of columns of a row, A."""
        if self.kind == "encoder":
            return bundled_encoder().columns
        return self.spectral_columns + (phones.COUNT if self.has_phones else 0)


@dataclass(frozen=True)
class UtteranceStats:
    """Statistics of one utterance that normalise its features (CMVN).

    loud_db: level of the loud rows, dB of full scale.
    mean, deviation: (A',) float32 of the encoder's or the spectral columns over the rows with speech.
    cepstra: (13,) float32, mean of the phone model's cepstra over the rows that are not silent.
    sections: what the encoder gave when it was measured, so that short speech is encoded once.
    fingerprint: of the samples that were measured, because other samples may be read with the same statistics.
    """

    loud_db: float
    mean: np.ndarray
    deviation: np.ndarray
    cepstra: np.ndarray
    sections: Sections = field(default_factory=dict)
    fingerprint: tuple[int, int] = (0, 0)


def utterance_stats(samples: np.ndarray, config: FeatureConfig, vtln: float = 1.0) -> UtteranceStats:
    """Measure `samples` (N,) at 16 kHz, one minute at a time."""
    levels, loud_db = loudness(samples)
    if config.kind == "encoder":
        return _encoder_stats(samples, levels, loud_db, vtln)
    total, squares, speech_rows = np.zeros(config.spectral_columns), np.zeros(config.spectral_columns), 0
    for first in range(0, len(levels), CHUNK_ROWS):
        last = min(first + CHUNK_ROWS, len(levels))
        power, chunk_levels = _power(samples, first, last, config, loud_db), levels[first:last]
        values = _spectral(power, config, vtln)[chunk_levels > loud_db - SPEECH_RANGE_DB].astype(np.float64)
        total, squares, speech_rows = total + values.sum(0), squares + (values**2).sum(0), speech_rows + len(values)
    mean = total / max(speech_rows, 1)
    deviation = np.sqrt(np.maximum(squares / max(speech_rows, 1) - mean**2, 1e-4))
    cepstra = phones.mean_cepstra(samples, levels, loud_db, vtln) if config.has_phones else np.zeros(phones.CEPSTRA)
    mean, deviation, cepstra = (array.astype(np.float32) for array in (mean, deviation, cepstra))
    return UtteranceStats(loud_db, mean, deviation, cepstra)


def feature_windows(
    samples: np.ndarray, first: int, last: int, config: FeatureConfig, stats: UtteranceStats
) -> np.ndarray:
    """Return windows (last - first, W, A) float32 of the frames first..last-1 of `samples` (N,) at 16 kHz."""
    rows = feature_rows(samples, *config.grid.rows_of_frames(first, last), config, stats)
    view = np.lib.stride_tricks.sliding_window_view(rows, config.grid.window_rows, axis=0)
    return np.ascontiguousarray(view[::config.grid.rows_per_frame].transpose(0, 2, 1))


def feature_rows(
    samples: np.ndarray, first: int, last: int, config: FeatureConfig, stats: UtteranceStats, vtln: float = 1.0
) -> np.ndarray:
    """Return normalised features (last - first, A) float32 of the rows first..last-1.

    vtln: factor on the frequencies (vocal tract length), the one that `stats` were measured with.
    """
    if config.kind == "encoder":
        return _encoder_rows(samples, first, last, stats, vtln) - stats.mean
    context = phones.CONTEXT if config.has_phones else 0
    power = _power(samples, first - context, last + context, config, stats.loud_db)
    values = _spectral(power[context:len(power) - context], config, vtln)
    if config.normalise:
        values = (values - stats.mean) / stats.deviation
    if not config.has_phones:
        return values
    posteriors = phones.bundled_phones().posteriors(phones.phone_cepstra(power, vtln) - stats.cepstra)
    return np.concatenate([values, posteriors], 1)


def pool_windows(windows: np.ndarray) -> np.ndarray:
    """Average windows (T, W, A) over groups of 40 ms; returns plain columns (T, groups * A)."""
    rows = TimeGrid.of_window(windows.shape[1]).rows_per_frame
    frames, count, columns = windows.shape
    return windows.reshape(frames, count // rows, rows, columns).mean(2).reshape(frames, -1)


def _encoder_stats(samples: np.ndarray, levels: np.ndarray, loud_db: float, vtln: float) -> UtteranceStats:
    """Return the mean of the encoder's vectors over the speech in up to `STATS_SECTIONS` sections of a recording.

    levels: (R,) of the rows every 10 ms, dB of full scale. Sections beyond that number hardly change the mean, and the
    encoder takes most of the time.
    """
    count = vector_count(samples)
    measured = sections(0, count, count)
    if len(measured) > STATS_SECTIONS:
        measured = [measured[round(index)] for index in np.linspace(0, len(measured) - 1, STATS_SECTIONS)]
    total, speech, encoded = np.zeros(bundled_encoder().columns), 0, {}
    for begin, end in measured:
        vectors = encode_section(bundled_encoder(), samples, (begin, end), loud_db, vtln)
        encoded[begin, end] = vectors
        first, last = max(begin, 0), min(end, count)
        spoken = vectors[first - begin:last - begin][levels[2 * first:2 * last:2] > loud_db - SPEECH_RANGE_DB]
        total, speech = total + spoken.astype(np.float64).sum(0), speech + len(spoken)
    mean = (total / max(speech, 1)).astype(np.float32)
    return UtteranceStats(loud_db, mean, np.ones_like(mean), np.zeros(phones.CEPSTRA, np.float32), encoded,
                          _fingerprint(samples))


def _encoder_rows(samples: np.ndarray, first: int, last: int, stats: UtteranceStats, vtln: float) -> np.ndarray:
    """Return the encoder's vectors (last - first, A), of which `stats` knows some."""
    sections_known = stats.sections if stats.fingerprint == _fingerprint(samples) else {}

    def vectors_of(section: tuple[int, int]) -> np.ndarray:
        known = sections_known.get(section)
        return encode_section(bundled_encoder(), samples, section, stats.loud_db, vtln) if known is None else known

    return join_sections(first, last, samples, vectors_of)


def _fingerprint(samples: np.ndarray) -> tuple[int, int]:
    """Return what tells samples (N,) from others: their number, and a checksum of a thousand of them."""
    some = samples[::max(1, len(samples) // 1000)]
    return len(samples), zlib.crc32(np.ascontiguousarray(some).tobytes())


def _power(samples: np.ndarray, first: int, last: int, config: FeatureConfig, loud_db: float) -> np.ndarray:
    """Return power spectra (last - first, 257) of rows; the authors' MFCC have no taper."""
    return power_spectra(samples, first, last, loud_db, tapered=config.kind == "logmel")


def _spectral(power: np.ndarray, config: FeatureConfig, vtln: float) -> np.ndarray:
    """Return the spectral columns (T, A') float32 of power spectra (T, 257)."""
    log_spectra = log_mel(power, config.bands, vtln)
    return mfcc(log_spectra, config.cepstra, first=1) if config.kind == "mfcc" else log_spectra
