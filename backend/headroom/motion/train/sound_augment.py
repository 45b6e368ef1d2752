"""Augmentation of a clip's sound: rooms, microphones, noise, music and other voices, as real recordings have them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from headroom.media.audio import SAMPLE_RATE

Degradation = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Takes a sound (N,) float32 at 16 kHz and returns one of the same length, in step with it."""

LEVELS_DB = (5.0, 30.0)  # range of speech level over the level of noise, music or voices
MAX_DEGRADATIONS = 2  # of one variant


def degrade(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return `samples` (N,) at 16 kHz after one or a few random degradations, as float32."""
    count = int(rng.integers(1, MAX_DEGRADATIONS + 1))
    for index in rng.permutation(len(DEGRADATIONS))[:count]:
        samples = DEGRADATIONS[index](samples, rng)
    return samples.astype(np.float32)


def mix(samples: np.ndarray, other: np.ndarray, level_db: float) -> np.ndarray:
    """Add `other` (N,) to `samples` (N,), `level_db` below their level."""
    scale = np.sqrt(np.mean(samples**2) / max(float(np.mean(other**2)), 1e-20)) * 10 ** (-level_db / 20)
    return (samples + other * scale).astype(np.float32)


def with_noise(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add noise between white and brown."""
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    corner = len(samples) * 100 / SAMPLE_RATE  # index of 100 Hz, below which the noise stays flat
    spectrum /= np.maximum(np.arange(len(spectrum)), corner) ** rng.uniform(0, 1)
    return mix(samples, np.fft.irfft(spectrum, len(samples)), rng.uniform(*LEVELS_DB))


def with_music(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add chords of tones with overtones, which change every half second or so and beat like drums."""
    time = np.arange(len(samples)) / SAMPLE_RATE
    music, start = np.zeros(len(samples)), 0
    while start < len(samples):
        end = min(start + int(rng.uniform(0.2, 0.9) * SAMPLE_RATE), len(samples))
        piece = time[start:end] - time[start]
        root = 110 * 2 ** rng.uniform(0, 2)
        for interval in rng.choice([0, 3, 4, 7, 9, 12, 16], 3, replace=False):
            pitch = root * 2 ** (interval / 12)
            for overtone in range(1, 7):
                music[start:end] += np.sin(2 * np.pi * overtone * pitch * piece + rng.uniform(0, 6)) / overtone**1.3 \
                    * np.exp(-piece * rng.uniform(0.5, 3))
        beat = rng.standard_normal(end - start) * np.exp(-piece * rng.uniform(15, 60))
        music[start:end] += beat * rng.uniform(0, 4)
        start = end
    return mix(samples, music, rng.uniform(*LEVELS_DB))


def with_voices(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add voices in the background: the sound itself, shifted, reversed and at another speed."""
    voices = np.zeros(len(samples))
    for _ in range(int(rng.integers(1, 5))):
        speed = 2 ** rng.uniform(-0.4, 0.4)
        voice = np.interp(np.arange(0, len(samples), speed), np.arange(len(samples)), samples)
        voice = voice[::-1] if rng.random() < 0.5 else voice
        voices += np.resize(np.roll(voice, int(rng.integers(len(voice)))), len(samples))
    return mix(samples, voices, rng.uniform(*LEVELS_DB))


def in_room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add the reverberation of a room, far from the microphone or near to it."""
    time = np.arange(int(0.5 * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * np.exp(-6.9 * time / rng.uniform(0.15, 0.8))
    tail *= rng.uniform(0.1, 1.0) / np.linalg.norm(tail)
    tail[0] = 1.0
    return fftconvolve(samples, tail)[:len(samples)].astype(np.float32)


def through_band(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keep a band of frequencies, down to that of a telephone, and tilt it."""
    band = rng.uniform(20, 350), np.exp(rng.uniform(np.log(3000), np.log(7500)))
    filtered = sosfilt(butter(3, band, "bandpass", fs=SAMPLE_RATE, output="sos"), samples)
    tilted = filtered + rng.uniform(-0.6, 1.5) * np.diff(filtered, prepend=0)
    return tilted.astype(np.float32)


def clipped(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Clip the loudest parts."""
    limit = np.quantile(np.abs(samples), rng.uniform(0.85, 0.995))
    return np.clip(samples, -limit, limit).astype(np.float32) if limit > 0 else samples


DEGRADATIONS: tuple[Degradation, ...] = (with_noise, with_music, with_voices, in_room, through_band, clipped)
