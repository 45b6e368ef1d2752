"""`headroom perform --plot`: a picture of a performance beside the sound and the phones that it was predicted from."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headroom.common.files import atomic_write
from headroom.face.performance import Performance
from headroom.face.phone_track import SILENCE, PhoneTrack
from headroom.face.topology import LOWER_INNER_LIP, UPPER_INNER_LIP
from headroom.media.audio import SAMPLE_RATE, audio_on_disk
from headroom.subject.folder import Subject

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_SECONDS = 120.0
"""Longest part of a speech that one picture shows."""
ROW_SECONDS = 6.0
"""Longest part that is drawn side by side, so that the names of short phones have room."""
MIN_LABEL_SECONDS = 0.02
"""Shortest part of a phone that gets a name; a shorter one is cut off by the end of a row."""
ROW_WIDTH, ROW_HEIGHT, MARGIN = 18.0, 3.4, 0.7  # inches
DOTS_PER_INCH = 100
ENVELOPE_SAMPLES = 80  # 5 ms, about a dot of a full row

VOWELS = {"AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"}
CLOSURES = {"B", "M", "P"}
COLOURS = {"vowel": "#f4b183", "consonant": "#a9c4e6", "closed lips": "#e06666"}
"""Kind of phone -> colour; silence has none."""
POSE_COLOURS = {"pitch": "#1b7837", "yaw": "#762a83", "roll": "#7f7f7f"}
_NO_PHONES = PhoneTrack(np.zeros(0, str), np.zeros(0), np.zeros(0), np.zeros(0, np.float32))


@dataclass(frozen=True)
class _Curves:
    """What is drawn.

    envelope: (n, 2) float32, least and greatest sample of each 5 ms.
    lips: (T,) opening in millimetres. pose: (T, 3) pitch, yaw and roll in degrees. fps: of both.
    """

    envelope: NDArray[np.float32]
    lips: NDArray[np.float64]
    pose: NDArray[np.float64]
    fps: float
    phones: PhoneTrack
    seconds: float


def plot_performance(
    subject: Path, speech: Path, performance: Performance, picture: Path, audio_track: int | None = None
) -> list[str]:
    """Draw waveform, phones, lip opening and head pose over time as a PNG; return what the user should know.

    Speech is drawn in rows of equal duration, up to `MAX_SECONDS`.

    audio_track: number of the speech file's audio track, from 1; None for the first with sound.
    """
    seconds = min(performance.seconds, MAX_SECONDS)
    opening = lip_opening_mm(Subject.open(subject), performance.expression)
    curves = _Curves(_envelope(speech, seconds, audio_track), opening,
                     np.degrees(performance.rotation.astype(np.float64)), performance.fps,
                     performance.phones or _NO_PHONES, seconds)
    figure = _draw(curves, speech.name)
    with atomic_write(picture) as temporary:
        figure.savefig(temporary, format="png")
    notes = []
    if performance.seconds > seconds:
        notes.append(f"The plot shows the first {seconds:.0f} s of the speech's {performance.seconds:.0f} s.")
    return notes


def lip_opening_mm(person: Subject, expression: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the distance (T,) between the person's inner lips, millimetres, for expression (T, E)."""
    model = person.model
    upper, lower = (model.vertex_of(landmark) for landmark in (UPPER_INNER_LIP, LOWER_INNER_LIP))
    neutral = model.shape(person.track.identity)
    closed = float(neutral[upper, 1] - neutral[lower, 1])
    return closed + expression.astype(np.float64) @ model.opening_direction(UPPER_INNER_LIP, LOWER_INNER_LIP)


def phone_kind(symbol: str) -> str | None:
    """Return the kind of a phone, a key of `COLOURS`; None for silence."""
    if symbol == SILENCE:
        return None
    return "vowel" if symbol in VOWELS else "closed lips" if symbol in CLOSURES else "consonant"


def _envelope(speech: Path, seconds: float, audio_track: int | None) -> NDArray[np.float32]:
    with audio_on_disk(speech, track=audio_track) as samples:
        part = np.asarray(samples[:ceil(seconds * SAMPLE_RATE)], np.float32)
    blocks = np.pad(part, (0, -len(part) % ENVELOPE_SAMPLES)).reshape(-1, ENVELOPE_SAMPLES)
    return np.stack([blocks.min(1), blocks.max(1)], 1)


def _draw(curves: _Curves, title: str) -> Figure:
    from matplotlib.figure import Figure  # not pyplot, which would choose a window system

    rows = max(1, ceil(curves.seconds / ROW_SECONDS))
    duration, height = curves.seconds / rows, rows * ROW_HEIGHT + 2 * MARGIN
    figure = Figure(figsize=(ROW_WIDTH, height), dpi=DOTS_PER_INCH)
    grid = figure.add_gridspec(rows, 1, hspace=0.2, left=0.05, right=0.985, bottom=MARGIN / height,
                               top=1 - MARGIN / height)
    for row in range(rows):
        cells = grid[row].subgridspec(3, 1, hspace=0.0, height_ratios=[1.3, 1, 1])
        sound, lips, pose = axes = [figure.add_subplot(cells[number]) for number in range(3)]
        for each in axes:
            _shade_phones(each, curves.phones)
            each.set_xlim(row * duration, (row + 1) * duration)
            each.tick_params(labelbottom=each is pose, labelsize=8)
            each.grid(axis="x", alpha=0.3)
        _draw_sound(sound, curves)
        _draw_motion(lips, pose, curves)
        if row == 0:
            handles, labels = _legend(pose)
            figure.legend(handles, labels, loc="upper right", bbox_to_anchor=(0.99, 1 - 0.15 / height), ncols=6,
                          fontsize=9, frameon=False)
    pose.set_xlabel("seconds", fontsize=9)
    figure.suptitle(title, fontsize=11, x=0.05, ha="left", y=1 - 0.3 / height, va="top")
    return figure


def _shade_phones(axes: Axes, phones: PhoneTrack) -> None:
    """Colour the background by the kinds of phones."""
    for kind, colour in COLOURS.items():
        spans = [(start, end - start) for symbol, start, end in zip(phones.labels, phones.starts, phones.ends)
                 if phone_kind(symbol) == kind]
        axes.broken_barh(spans, (0, 1), transform=axes.get_xaxis_transform(), facecolors=colour, alpha=0.55,
                         edgecolor="white", linewidth=0.5)


def _draw_sound(axes: Axes, curves: _Curves) -> None:
    """Draw the waveform, and above it the phones' names at two alternating heights, so that neighbours do not touch."""
    seconds = (np.arange(len(curves.envelope)) + 0.5) * ENVELOPE_SAMPLES / SAMPLE_RATE
    axes.fill_between(seconds, *curves.envelope.T, color="#303030", linewidth=0.3)
    loudest = float(np.abs(curves.envelope).max()) or 1.0
    axes.set_ylim(-1.1 * loudest, 1.9 * loudest)
    axes.set_yticks([])
    axes.set_ylabel("sound", fontsize=9)
    low, high = axes.get_xlim()
    phones = curves.phones
    for number in range(len(phones)):
        start, end = max(phones.starts[number], low), min(phones.ends[number], high)
        if phones.labels[number] != SILENCE and end - start > MIN_LABEL_SECONDS:
            axes.text((start + end) / 2, loudest * (1.62 if number % 2 else 1.25), phones.labels[number],
                      ha="center", va="center", fontsize=8)


def _draw_motion(lips: Axes, pose: Axes, curves: _Curves) -> None:
    seconds = np.arange(len(curves.lips)) / curves.fps
    shown = seconds < curves.seconds
    lips.plot(seconds[shown], curves.lips[shown], color="#b00000", linewidth=1.2)
    lips.set_ylim(*_limits(curves.lips[shown]))
    lips.set_ylabel("lips (mm)", fontsize=9)
    for axis, (name, colour) in enumerate(POSE_COLOURS.items()):
        pose.plot(seconds[shown], curves.pose[shown, axis], color=colour, linewidth=1.2, label=name)
    pose.set_ylim(*_limits(curves.pose[shown]))
    pose.set_ylabel("head (°)", fontsize=9)


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return limits that hold all values (...) with some space, the same for every row."""
    low, high = float(values.min()), float(values.max())
    space = max(0.1 * (high - low), 0.1)
    return low - space, high + space


def _legend(pose: Axes) -> tuple[list[Artist], list[str]]:
    """Return handles and labels of the kinds of phones and of the pose's curves."""
    from matplotlib.patches import Patch

    lines, names = pose.get_legend_handles_labels()
    return [*(Patch(facecolor=colour, alpha=0.55) for colour in COLOURS.values()), *lines], [*COLOURS, *names]
