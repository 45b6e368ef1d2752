"""Accents of a voice: moments at which it is louder and higher than around them.

People nod and raise their brows on stressed syllables, and what marks stress is intensity and pitch together (Krahmer
and Swerts 2007, "The effects of visual beats on prosodic prominence"). Pitch is the highest peak of the autocorrelation
of a window, divided by that of the window function (Boersma 1993).
"""

from __future__ import annotations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import find_peaks

from headroom.media.audio import SAMPLE_RATE
from headroom.motion.audio.timing import FRAME_SAMPLES, cut_samples

PITCH_PER_FRAME = 2  # windows of a frame, 20 ms apart
LOW_HZ, HIGH_HZ = 70.0, 450.0  # of the voices of adults
VOICED = 0.6  # autocorrelation above which a window has a pitch
VOICED_DB = -30.0  # quieter windows have none
OCTAVE_COST = 0.02  # of autocorrelation; the multiples of a period repeat as well as the period does
MAX_SEMITONES = 8.0  # from the voice's median; beyond it the period is mistaken
FLOOR_DB = -40.0  # quieter frames are equally silent
DB, SEMITONES = 6.0, 2.0  # of loudness and of pitch that mark an accent alike
SMOOTHING = 1.5  # frames, of loudness and pitch: syllables, not phones
MIN_PROMINENCE = 1.5  # of an accent, in those units
MIN_GAP = 8  # frames between accents
_STEP = FRAME_SAMPLES // PITCH_PER_FRAME
_WINDOW = 1024  # samples, four and a half periods of the lowest voice
_CHUNK_FRAMES = 250  # analysed at once, which bounds the memory needed


def find_accents(samples: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the prominence (T,) float32 of the accent in each frame at 25 Hz, 0 in the frames that have none.

    samples: (N,) at 16 kHz; may be mapped from disk.
    levels: (T,) loudness of the frames, dB below the loud parts.

    1 is the prominence of a syllable that is 6 dB louder, or 2 semitones higher, than those around it.
    """
    accents = np.zeros(len(levels), np.float32)
    voice = smooth_levels(levels) / DB + smooth_pitch(samples, levels) / SEMITONES
    peaks, found = find_peaks(voice, prominence=MIN_PROMINENCE, distance=MIN_GAP)
    accents[peaks] = found["prominences"]
    return accents


def smooth_levels(levels: np.ndarray) -> np.ndarray:
    """Return loudness (T,), dB, smoothed over syllables."""
    return gaussian_filter1d(np.maximum(levels, FLOOR_DB).astype(np.float64), SMOOTHING, mode="nearest")


def smooth_pitch(samples: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return pitch (T,), semitones from the voice's median, interpolated where there is none; zeros without voice."""
    chunks = [pitch(samples, first, min(first + _CHUNK_FRAMES, len(levels)))
              for first in range(0, len(levels), _CHUNK_FRAMES)]
    semitones, periodicity = np.concatenate(chunks, 1)
    voiced = np.flatnonzero((periodicity > VOICED) & (np.repeat(levels, PITCH_PER_FRAME) > VOICED_DB))
    if not len(voiced):
        return np.zeros(len(levels))
    height = np.clip(semitones[voiced] - np.median(semitones[voiced]), -MAX_SEMITONES, MAX_SEMITONES)
    height = np.interp(np.arange(len(semitones)), voiced, median_filter(height, 5, mode="nearest"))
    return gaussian_filter1d(height.reshape(-1, PITCH_PER_FRAME).mean(1), SMOOTHING, mode="nearest")


def pitch(samples: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return pitch, semitones above 1 Hz, and periodicity, 0..1, of two windows of each frame first..last-1 (2, 2 n).

    Samples outside the recording count as silence.
    """
    windows = _centred_windows(samples, first * PITCH_PER_FRAME, last * PITCH_PER_FRAME)
    hann = np.hanning(_WINDOW).astype(np.float32)
    similarity = _autocorrelation((windows - windows.mean(1, keepdims=True)) * hann) / _autocorrelation(hann[None])
    lags = np.arange(int(SAMPLE_RATE / HIGH_HZ), int(SAMPLE_RATE / LOW_HZ) + 1)
    best = lags[(similarity[:, lags] - OCTAVE_COST * np.log2(lags)).argmax(1)]
    before, peak, after = (similarity[np.arange(len(best)), best + offset] for offset in (-1, 0, 1))
    curvature = np.minimum(before - 2 * peak + after, -1e-6)
    period = best + np.clip((before - after) / (2 * curvature), -0.5, 0.5)  # the vertex of a parabola
    return np.stack([12 * np.log2(SAMPLE_RATE / period), peak])


def _centred_windows(samples: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return the samples (last - first, 1024) float32 around the middles of the steps first..last-1."""
    start = first * _STEP + (_STEP - _WINDOW) // 2
    piece = cut_samples(samples, start, start + (last - first - 1) * _STEP + _WINDOW)
    return np.lib.stride_tricks.sliding_window_view(piece, _WINDOW)[::_STEP]


def _autocorrelation(windows: np.ndarray) -> np.ndarray:
    """Return the autocorrelation (n, 1024 // 2) of windows (n, 1024), 1 at lag 0; zeros for silent windows."""
    spectrum = rfft(windows, next_fast_len(_WINDOW + _WINDOW // 2, real=True))
    correlation = irfft(np.abs(spectrum) ** 2, next_fast_len(_WINDOW + _WINDOW // 2, real=True))[:, :_WINDOW // 2]
    return correlation / np.maximum(correlation[:, :1], 1e-9)
