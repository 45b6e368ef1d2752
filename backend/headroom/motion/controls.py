"""Controls of a take: how strongly, how late and how smoothly the regions of a face play it.

The live controls of the add-on are defined in the same way (`addon/core/layers.py`). For each channel of a take
x(t), sampled at its own rate, in this order:

1. Smoothing: x is convolved with a normalised Gaussian of standard deviation `smoothing` seconds that is cut off at
   three deviations, rounded up to whole samples. Beyond its ends the take holds its first and last value. A deviation
   below 0.1 samples smooths nothing.
2. Gain: m + `gain` (x - m), where m is the median of the channel over the whole take before smoothing.
3. Lag: x(t - `lag`), later when positive, linear between samples; beyond its ends the take holds its end values.
4. Offsets are added last, so they are neither scaled nor delayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from headroom.common.errors import InputError
from headroom.face.performance import Performance

KERNEL_SIGMAS = 3.0
MIN_SIGMA = 0.1  # samples
UPPER_FACE = ("Eyes", "Gaze", "Brows")  # regions of the face model that share their controls


@dataclass(frozen=True)
class RegionControls:
    """How one region plays the take. The defaults change nothing."""

    gain: float = 1.0  # factor on the motion about the take's median
    lag: float = 0.0  # seconds
    smoothing: float = 0.0  # seconds


@dataclass(frozen=True)
class HeadControls(RegionControls):
    """Controls of the head pose: offsets, and `hold`, where 1 keeps the head in the take's median pose."""

    pitch: float = 0.0  # degrees
    yaw: float = 0.0
    roll: float = 0.0
    x: float = 0.0  # millimetres
    y: float = 0.0
    z: float = 0.0
    hold: float = 0.0


@dataclass(frozen=True)
class MouthControls(RegionControls):
    """Controls of the mouth."""

    open: float = 0.0  # added to the first coefficient of the mouth, which opens it


@dataclass(frozen=True)
class UpperFaceControls(RegionControls):
    """Controls of eyes, gaze and brows."""

    lids: float = 0.0  # added to the first coefficient of the eyes, which lifts the lids
    brows: float = 0.0  # added to the first coefficient of the brows, which raises them
    left: float = 0.0  # added to the gaze, units of 10 degrees
    up: float = 0.0


@dataclass(frozen=True)
class Controls:
    """All controls of a take."""

    head: HeadControls = field(default_factory=HeadControls)
    mouth: MouthControls = field(default_factory=MouthControls)
    upper: UpperFaceControls = field(default_factory=UpperFaceControls)


UNTOUCHED = Controls()
NAMES = tuple(f"{region.name}.{control.name}"
              for region in fields(Controls) for control in fields(getattr(UNTOUCHED, region.name)))


def parse_controls(settings: Sequence[str]) -> Controls:
    """Return the controls of texts like "mouth.gain=1.2"; InputError for unknown names and values."""
    controls = UNTOUCHED
    for setting in settings:
        name, _, text = setting.partition("=")
        name = name.strip()
        if name not in NAMES:
            raise InputError(f"There is no control {name!r}; choose one of {', '.join(NAMES)}.")
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not np.isfinite(value):
            raise InputError(f"{setting!r} has no number; choose one, as in {name}=0.5.")
        region, control = name.split(".")
        controls = replace(controls, **{region: replace(getattr(controls, region), **{control: value})})
    return controls


def apply_controls(performance: Performance, controls: Controls, regions: Sequence[str]) -> Performance:
    """Return `performance` as the controls play it.

    regions: (E,) the region of each expression coefficient, "Mouth", "Eyes", "Gaze" or "Brows".
    """
    fps, region_of = performance.fps, np.array(regions)
    expression = performance.expression.copy()
    for modes, region in ((region_of == "Mouth", controls.mouth), (np.isin(region_of, UPPER_FACE), controls.upper)):
        expression[:, modes] = apply_region_controls(expression[:, modes], fps, region)
    mouth, upper, head = controls.mouth, controls.upper, controls.head
    offsets = {"Mouth": [mouth.open], "Eyes": [upper.lids], "Gaze": [upper.left, upper.up], "Brows": [upper.brows]}
    for name, values in offsets.items():
        for mode, offset in zip(np.flatnonzero(region_of == name), values):
            expression[:, mode] += np.float32(offset)
    pose_controls = replace(head, gain=0.0) if head.hold else head
    rotation_offset = np.radians([head.pitch, head.yaw, head.roll]).astype(np.float32)
    translation_offset = np.array([head.x, head.y, head.z], np.float32)
    return replace(
        performance,
        expression=expression,
        rotation=apply_region_controls(performance.rotation, fps, pose_controls) + rotation_offset,
        translation=apply_region_controls(performance.translation, fps, pose_controls) + translation_offset,
    )


def apply_region_controls(values: np.ndarray, fps: float, controls: RegionControls) -> np.ndarray:
    """Return channels (T, C) float32 smoothed, scaled about their median, and delayed."""
    values = values.astype(np.float64)  # so that a gain of 1 returns the same float32 values
    median = np.median(values, axis=0)
    played = median + controls.gain * (smooth(values, controls.smoothing * fps) - median)
    seconds = np.arange(len(values)) / fps
    if controls.lag:
        played = np.stack([np.interp(seconds - controls.lag, seconds, channel) for channel in played.T], 1)
    return played.astype(np.float32)


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Return channels (T, C) convolved with a Gaussian of `sigma` samples, with held ends."""
    if sigma < MIN_SIGMA:
        return values
    radius = int(np.ceil(KERNEL_SIGMAS * sigma))
    return gaussian_filter1d(values, sigma, axis=0, mode="nearest", radius=radius)
