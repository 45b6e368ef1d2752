"""Lips from degraded sound: how much of the correlation with the tracked lips remains.

    python benchmarks/degraded_sound.py DATASET... --cache FOLDER
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from data_sets import lip_correlations, synchronised_clips, tracked_clips
from rich.console import Console
from rich.table import Table
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

from headroom.common.paths import MOTION_WEIGHTS
from headroom.media.audio import SAMPLE_RATE
from headroom.motion.model.model import MotionModel
from headroom.motion.train.sound_augment import mix, with_music, with_voices


def noise(sound: np.ndarray, level_db: float) -> np.ndarray:
    return mix(sound, np.random.default_rng(0).standard_normal(len(sound)), level_db)


def room(sound: np.ndarray) -> np.ndarray:
    """A far microphone: the reverberation is as loud as the voice and lasts 0.6 s."""
    time = np.arange(int(0.6 * SAMPLE_RATE)) / SAMPLE_RATE
    tail = np.random.default_rng(0).standard_normal(len(time)) * np.exp(-6.9 * time / 0.6)
    tail /= np.linalg.norm(tail)
    tail[0] = 1.0
    return fftconvolve(sound, tail)[:len(sound)].astype(np.float32)


def telephone(sound: np.ndarray) -> np.ndarray:
    return sosfilt(butter(4, (300, 3400), "bandpass", fs=SAMPLE_RATE, output="sos"), sound).astype(np.float32)


def eight_kilohertz(sound: np.ndarray) -> np.ndarray:
    return resample_poly(resample_poly(sound, 1, 2), 2, 1)[:len(sound)].astype(np.float32)


def clip_peaks(sound: np.ndarray) -> np.ndarray:
    limit = np.quantile(np.abs(sound), 0.9)
    return np.clip(sound, -limit, limit).astype(np.float32)


def music(sound: np.ndarray) -> np.ndarray:
    return mix(sound, with_music(sound, np.random.default_rng(0)) - sound, 10)


def voices(sound: np.ndarray) -> np.ndarray:
    return mix(sound, with_voices(sound, np.random.default_rng(0)) - sound, 10)


DEGRADATIONS = {
    "noise, 10 dB below": lambda sound: noise(sound, 10),
    "music, 10 dB below": music,
    "voices, 10 dB below": voices,
    "far microphone": room,
    "telephone": telephone,
    "8 kHz": eight_kilohertz,
    "clipped": clip_peaks,
    "40 dB quieter, 16 bits": lambda sound: np.round(0.01 * sound * 32767).astype(np.float32) / 32767,
}


def main(
    datasets: Annotated[list[Path], typer.Argument(help="Clips, or folders of clips.")],
    cache: Annotated[Path, typer.Option(help="Folder for tracked clips.")] = Path("benchmark-cache"),
    weights: Annotated[Path, typer.Option(help="General weights.")] = MOTION_WEIGHTS,
    min_frames: Annotated[int, typer.Option(help="Shorter clips are left out.")] = 100,
) -> None:
    model = MotionModel.load(weights)
    clips = list(synchronised_clips(model, tracked_clips(datasets, cache, min_frames)))
    frames = [len(motion) for _, _, motion in clips]
    clean = np.average([lip_correlations(model, sound, motion)[0] for _, sound, motion in clips], weights=frames)
    table = Table(title=f"{len(clips)} clips, {sum(frames) / 25:.0f} s: lip opening, correlation {clean:.3f} if clean")
    for heading in ("sound", "correlation", "of clean"):
        table.add_column(heading, justify="left" if heading == "sound" else "right")
    for name, degrade in DEGRADATIONS.items():
        score = np.average([lip_correlations(model, degrade(sound), motion)[0] for _, sound, motion in clips],
                           weights=frames)
        table.add_row(name, f"{score:.3f}", f"{score / clean:.0%}")
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
