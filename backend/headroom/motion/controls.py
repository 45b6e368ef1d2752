"""What can be dialled of a performance: how strongly, how late and how smoothly head, mouth and upper face are played.

The add-on's live controls mean the same: gain is about the take's median, lag is later when positive, a Gaussian is cut
at three deviations and held at the ends, and offsets are added last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from headroom.common.errors import InputError
from headroom.face.performance import Performance

KERNEL_SIGMAS = 3.0
LEAST_SIGMA = 0.1  # samples: less is no smoothing
UPPER = ("Eyes", "Gaze", "Brows")  # regions of the face model that are played together


@dataclass(frozen=True)
class Layer:
    """How one part of the face is played. The defaults leave a prediction as it is."""

    gain: float = 1.0  # of the motion about the take's median, which stays where it is
    lag: float = 0.0  # seconds, later when positive
    smoothing: float = 0.0  # seconds, standard deviation of a Gaussian


@dataclass(frozen=True)
class Head(Layer):
    pitch: float = 0.0  # degrees, added
    yaw: float = 0.0
    roll: float = 0.0
    x: float = 0.0  # millimetres, added
    y: float = 0.0
    z: float = 0.0
    hold: float = 0.0  # 1 keeps the head in the take's median pose


@dataclass(frozen=True)
class Mouth(Layer):
    open: float = 0.0  # added to the mouth's first coefficient, which opens it


@dataclass(frozen=True)
class Upper(Layer):
    lids: float = 0.0  # added to the eyes' first coefficient, which lifts the lids
    brows: float = 0.0  # added to the brows' first coefficient, which raises them
    left: float = 0.0  # added to the gaze, units of 10 degrees to the subject's left
    up: float = 0.0


@dataclass(frozen=True)
class Controls:
    head: Head = field(default_factory=Head)
    mouth: Mouth = field(default_factory=Mouth)
    upper: Upper = field(default_factory=Upper)


UNTOUCHED = Controls()
NAMES = tuple(f"{part.name}.{each.name}" for part in fields(Controls) for each in fields(getattr(UNTOUCHED, part.name)))


def parse_controls(settings: Sequence[str]) -> Controls:
    """Controls of texts like "mouth.gain=1.2"; InputError for names and values that are none."""
    controls = UNTOUCHED
    for setting in settings:
        name, _, text = setting.partition("=")
        if name.strip() not in NAMES:
            raise InputError(f"There is no control {name.strip()!r}; choose one of {', '.join(NAMES)}.")
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not np.isfinite(value):
            raise InputError(f"{setting!r} gives {name.strip()} no number; choose one, as in {name.strip()}=0.5.")
        layer, each = name.strip().split(".")
        controls = replace(controls, **{layer: replace(getattr(controls, layer), **{each: value})})
    return controls


def apply_controls(performance: Performance, controls: Controls, regions: Sequence[str]) -> Performance:
    """`performance` as the controls play it. regions: (64,) of the face model's expression modes."""
    fps, where, expression = performance.fps, np.array(regions), performance.expression.copy()
    parts: tuple[tuple[np.ndarray, Layer], ...] = \
        ((where == "Mouth", controls.mouth), (np.isin(where, UPPER), controls.upper))
    for chosen, part in parts:
        expression[:, chosen] = play_layer(expression[:, chosen], fps, part)
    mouth, upper = controls.mouth, controls.upper
    offsets = {"Mouth": [mouth.open], "Eyes": [upper.lids], "Gaze": [upper.left, upper.up], "Brows": [upper.brows]}
    for region, values in offsets.items():
        for mode, offset in zip(np.flatnonzero(where == region), values):
            expression[:, mode] += np.float32(offset)
    head = controls.head
    layer = replace(head, gain=0.0) if head.hold else head
    turn = np.radians([head.pitch, head.yaw, head.roll]).astype(np.float32)
    shift = np.array([head.x, head.y, head.z], np.float32)
    return Performance(fps, expression, play_layer(performance.rotation, fps, layer) + turn,
                       play_layer(performance.translation, fps, layer) + shift)


def play_layer(values: np.ndarray, fps: float, layer: Layer) -> np.ndarray:
    """Channels (T, C) as a layer plays them, float32; before and after the take its ends hold."""
    values = values.astype(np.float64)  # so that a gain of 1 gives back what came
    usual = np.median(values, axis=0)
    dialled = usual + layer.gain * (smooth(values, layer.smoothing * fps) - usual)
    seconds = np.arange(len(values)) / fps
    if layer.lag:
        dialled = np.stack([np.interp(seconds - layer.lag, seconds, channel) for channel in dialled.T], 1)
    return dialled.astype(np.float32)


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Channels (T, C) under a Gaussian of `sigma` samples; the ends are held beyond the take."""
    if sigma < LEAST_SIGMA:
        return values
    radius = int(np.ceil(KERNEL_SIGMAS * sigma))
    return gaussian_filter1d(values, sigma, axis=0, mode="nearest", radius=radius)
