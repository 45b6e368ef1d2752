"""Conversion between seconds and scene frames at any frame rate, and the time that a work still takes."""

from __future__ import annotations

NTSC_BASE = 1.001
MIN_ELAPSED, MIN_FRACTION = 15.0, 0.05  # seconds and part of a work before the rest can be estimated


def seconds_left(elapsed: float, fraction: float) -> float | None:
    """Return how long the rest of a work takes at the speed so far; None where that is not known.

    elapsed: seconds since the start. fraction: part that is done, 0..1.
    """
    if elapsed < MIN_ELAPSED or not MIN_FRACTION <= fraction < 1:
        return None
    return elapsed * (1 - fraction) / fraction


def scene_rate(fps: float) -> tuple[int, float]:
    """Return Blender's `(fps, fps_base)` for a rate: 29.97 -> (30, 1.001), 25 -> (25, 1.0), 12.5 -> (13, 1.04)."""
    whole = max(1, round(fps))
    if abs(fps - whole) < 1e-4:
        return whole, 1.0
    ntsc = max(1, round(fps * NTSC_BASE))
    if abs(fps - ntsc / NTSC_BASE) < 5e-3:
        return ntsc, NTSC_BASE
    return whole, whole / fps


def frame_count(seconds: float, fps: float) -> int:
    """Return the number of scene frames in a duration, at least one."""
    return max(1, round(seconds * fps))
