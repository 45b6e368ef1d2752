"""What the networks hear: MFCC, or log-mel and phones, in rows every 10 ms; one window of 28 rows per 25 Hz frame.

Row r covers the samples 160 r .. 160 r + 400 (25 ms). The window of frame t is the rows 4 t - 12 .. 4 t + 15, which is
40 t - 120 .. 40 t + 160 ms and a little more: 280 ms centred on the frame (paper §3.2 and the authors' code). N frames
have N feature_windows; where the sound has not begun or is over there is silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.fft import dct

from headroom.media.audio import SAMPLE_RATE
from headroom.motion.audio import phones

FRAME_RATE = 25.0  # Hz, of the motion networks
ROW_SAMPLES = 160  # 10 ms
WINDOW_SAMPLES = 400  # 25 ms
ROWS_PER_FRAME = 4
FRAME_SAMPLES = ROW_SAMPLES * ROWS_PER_FRAME
WINDOW_ROWS = 28
ROWS_BEFORE = 12  # rows of a window that lie before its frame
CHUNK_ROWS = 6000  # one minute: the most sound that is looked at in one go
FFT_SIZE = 512
PRE_EMPHASIS = 0.97
LIFTER = 22
SPEECH_DEPTH_DB = 30.0  # rows this far below the loud ones are pauses
FLOOR_DB = 60.0  # below the loud rows nothing is heard


@dataclass(frozen=True)
class FeatureConfig:
    kind: str = "logmel"  # "logmel" or "mfcc" (the paper's)
    bands: int = 40  # mel bands; 26 is the paper's
    cepstra: int = 12  # of MFCC, without the log energy
    normalise: bool = True  # each column of sound to mean 0 and deviation 1 over the speech of the utterance
    phones: bool = True  # beside log-mel also how likely each phone is

    @property
    def sound_columns(self) -> int:
        """Values per row that are heard; the chances of phones follow them."""
        return self.cepstra if self.kind == "mfcc" else self.bands

    @property
    def columns(self) -> int:
        """A, values per row."""
        return self.sound_columns + (phones.COUNT if self.has_phones else 0)

    @property
    def has_phones(self) -> bool:
        return self.phones and self.kind == "logmel"


@dataclass(frozen=True)
class UtteranceStats:
    """How one utterance is levelled: gathered over all of it first, then applied to any piece of it.

    loud_db: level of its loud rows. mean, deviation: of the sound's columns over the rows with speech.
    cepstra: (13,) their mean over all rows that are not digital silence.
    """

    loud_db: float
    mean: np.ndarray
    deviation: np.ndarray
    cepstra: np.ndarray


def frame_count(samples: np.ndarray) -> int:
    """Frames at 25 Hz that `samples` (N,) last, at least 1."""
    return max(1, round(len(samples) / FRAME_SAMPLES))


def utterance_stats(samples: np.ndarray, config: FeatureConfig, warp: float = 1.0) -> UtteranceStats:
    """One pass over `samples` (N,), 16 kHz, a minute at a time: loudness, speaker and microphone of the utterance."""
    levels, loud = loudness(samples)
    count = len(levels)
    total, squares, heard = np.zeros(config.sound_columns), np.zeros(config.sound_columns), 0
    cepstra, audible = np.zeros(phones.CEPSTRA), 0
    for first in range(0, count, CHUNK_ROWS):
        last = min(first + CHUNK_ROWS, count)
        power, present = _power(samples, first, last, config, loud), levels[first:last]
        values = _heard(power, config, warp)[present > loud - SPEECH_DEPTH_DB].astype(np.float64)
        total, squares, heard = total + values.sum(0), squares + (values**2).sum(0), heard + len(values)
        if config.has_phones:
            rows_of_sound = phones.row_cepstra(power, warp)[present > loud - FLOOR_DB]
            cepstra, audible = cepstra + rows_of_sound.sum(0, dtype=np.float64), audible + len(rows_of_sound)
    mean = total / max(heard, 1)
    deviation = np.sqrt(np.maximum(squares / max(heard, 1) - mean**2, 1e-4))
    return UtteranceStats(loud, *(a.astype(np.float32) for a in (mean, deviation, cepstra / max(audible, 1))))


def loudness(samples: np.ndarray) -> tuple[np.ndarray, float]:
    """Levels of all rows of `samples` (N,) in dB of full scale, and that of the loud ones."""
    count = max(1, -(-len(samples) // ROW_SAMPLES))
    levels = np.concatenate([row_levels(samples, first, min(first + CHUNK_ROWS, count))
                             for first in range(0, count, CHUNK_ROWS)])
    return levels, float(np.percentile(levels[levels > levels.max() - FLOOR_DB], 95))


def feature_windows(samples: np.ndarray, first: int, last: int, config: FeatureConfig, stats: UtteranceStats) -> np.ndarray:
    """Windows (last - first, 28, A) float32 of the frames first..last-1 of `samples` (N,), 16 kHz."""
    start, end = rows_of_frames(first, last)
    view = np.lib.stride_tricks.sliding_window_view(feature_rows(samples, start, end, config, stats), WINDOW_ROWS, axis=0)
    return np.ascontiguousarray(view[::ROWS_PER_FRAME].transpose(0, 2, 1))


def rows_of_frames(first: int, last: int) -> tuple[int, int]:
    """The rows start..end-1 that the feature_windows of the frames first..last-1 are made of."""
    return first * ROWS_PER_FRAME - ROWS_BEFORE, (last - 1) * ROWS_PER_FRAME - ROWS_BEFORE + WINDOW_ROWS


def feature_rows(samples: np.ndarray, first: int, last: int, config: FeatureConfig, stats: UtteranceStats,
         warp: float = 1.0) -> np.ndarray:
    """Levelled features (last - first, A) float32 of rows; `warp` stretches the frequency axis like another throat."""
    around = phones.CONTEXT if config.has_phones else 0
    power = _power(samples, first - around, last + around, config, stats.loud_db)
    values = _heard(power[around:len(power) - around], config, warp)
    if config.normalise:
        values = (values - stats.mean) / stats.deviation
    if not config.has_phones:
        return values
    posteriors = phones.bundled_phones().posteriors(phones.row_cepstra(power, warp) - stats.cepstra)
    return np.concatenate([values, posteriors], 1)


def speech_levels(samples: np.ndarray, first: int, last: int, loud_db: float) -> np.ndarray:
    """Loudness (last - first,) of each frame in dB below `loud_db`, the utterance's loud rows, 0 and less."""
    levels = row_levels(samples, first * ROWS_PER_FRAME, last * ROWS_PER_FRAME)
    return np.clip(levels.reshape(-1, ROWS_PER_FRAME).max(1) - loud_db, -FLOOR_DB, 0)


def row_levels(samples: np.ndarray, first: int, last: int) -> np.ndarray:
    """Mean power (last - first,) of the rows in dB of full scale, -120 in digital silence."""
    return 10 * np.log10((_frames(samples, first, last) ** 2).mean(1) + 1e-12)


def _power(samples: np.ndarray, first: int, last: int, config: FeatureConfig, loud_db: float) -> np.ndarray:
    """Power spectra (last - first, 257) float32 of the rows; the sound is brought to one loudness."""
    frames = _frames(samples, first, last) * np.float32(10 ** (-loud_db / 20))
    emphasised = np.concatenate([frames[:, :1] * (1 - PRE_EMPHASIS), frames[:, 1:] - PRE_EMPHASIS * frames[:, :-1]], 1)
    shape = np.hanning(WINDOW_SAMPLES).astype(np.float32) if config.kind == "logmel" else np.float32(1)
    return (np.abs(np.fft.rfft(emphasised * shape, FFT_SIZE)) ** 2).astype(np.float32)


def _heard(power: np.ndarray, config: FeatureConfig, warp: float) -> np.ndarray:
    """Features (T, sound columns) float32 of power spectra (T, 257), above a common floor."""
    mel = power / np.float32(FFT_SIZE) @ _filters(config.bands, warp)
    log = np.log(mel + np.float32(10 ** (-FLOOR_DB / 10) * 0.1))
    if config.kind == "logmel":
        return log
    cepstra = dct(log, type=2, axis=1, norm="ortho")[:, 1:1 + config.cepstra]
    return (cepstra * (1 + LIFTER / 2 * np.sin(np.pi * np.arange(1, 1 + config.cepstra) / LIFTER))).astype(np.float32)


def _frames(samples: np.ndarray, first: int, last: int) -> np.ndarray:
    """Overlapping pieces (last - first, 400) of `samples`, zeros outside."""
    start, end = first * ROW_SAMPLES, (last - 1) * ROW_SAMPLES + WINDOW_SAMPLES
    piece = np.zeros(end - start, np.float32)
    low, high = max(start, 0), min(end, len(samples))
    if high > low:
        piece[low - start:high - start] = samples[low:high]
    return np.lib.stride_tricks.sliding_window_view(piece, WINDOW_SAMPLES)[::ROW_SAMPLES]


@lru_cache(maxsize=32)
def _filters(bands: int, warp: float) -> np.ndarray:
    """Triangular mel filters (257, bands) over 60 Hz .. 7.6 kHz, where speech and every microphone are."""
    mel = np.linspace(_mel(60.0), _mel(7600.0), bands + 2)
    corners = 700 * (10 ** (mel / 2595) - 1)
    bins = np.arange(FFT_SIZE // 2 + 1)[:, None] * SAMPLE_RATE / FFT_SIZE * warp
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def _mel(hertz: float) -> float:
    return 2595 * np.log10(1 + hertz / 700)
