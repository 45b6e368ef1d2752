"""Stands in for headroom.pipeline: the speech file says in words what a job should do."""

import hashlib
import os
import time

import numpy as np

from headroom.common.errors import InputError
from headroom.common.progress import no_progress
from headroom.face.performance import Performance


def device_name():
    return "a fake device"


def learn(clip, subject, settings, *, progress=no_progress):
    """A subject whose files hold the clip and what was asked."""
    progress(0.5, f"Learning from {clip.name}")
    (subject / "größe & Name").mkdir(parents=True)
    (subject / "größe & Name" / "Ä clip.bin").write_bytes(clip.read_bytes())
    asked = " ".join(str(value) for value in settings.model_dump().values())
    (subject / "subject.toml").write_text(asked, encoding="utf-8")
    return ["A note."]


def perform(subject, speech, settings, *, progress=no_progress):
    """`count`, `wait`, `stuck`, `die`, `bug`, `print` or `fail: reason`, read from the speech file."""
    order, _, rest = speech.read_text(encoding="utf-8").partition(":")
    progress(0.1, f"Worker {os.getpid()} in {speech.parent.parent}")
    match order:
        case "count":
            for step in range(20):
                progress(step / 20, f"Step {step}")
                time.sleep(0.01)
        case "wait":
            while True:
                progress(0.5, "Waiting to be stopped")
                time.sleep(0.01)
        case "stuck":
            while True:
                pass
        case "die":
            os.abort()
        case "bug":
            raise KeyError("a programming mistake")
        case "print":
            print("words for stdout", flush=True)
        case "fail":
            raise InputError(rest or f"{speech} is silent.")
    motion = np.full((4, 3), settings.seed, dtype=np.float32)
    performance = Performance(25.0, np.zeros((4, 64), dtype=np.float32), motion, motion)
    return performance, [f"{speech.name} heard", f"by {os.getpid()}", settings.pose]


class FoundPlates:
    """As much of a PlateMatch as a match job needs."""

    def __init__(self, **arrays):
        self.arrays = arrays

    def save(self, path):
        np.savez(path, **self.arrays)


def match_plates(subject, pose, settings, *, fixed_positions=None, progress=no_progress):
    frames = len(pose)
    return FoundPlates(plate=np.arange(frames, dtype=np.int32), rotation=pose.rotation, translation=pose.translation,
                       distance=np.full(frames, settings.plate_fit, dtype=np.float32),
                       position=np.arange(frames) if fixed_positions is None else fixed_positions)


def paint(render, crops):
    """Whether a render had to be painted; `slow` ones take their time."""
    words = render.read_bytes()
    done = crops / hashlib.sha256(words).hexdigest()
    if done.exists():
        return False
    if words.startswith(b"slow"):
        time.sleep(0.2)
    done.touch()
    return True


def refine_frames(subject, shot, settings, comparisons=None, *, progress=no_progress):
    renders, painted = shot.renders, 0
    if settings.first + len(renders) > len(shot.match.plate) or settings.context >= len(renders):
        raise InputError("The renders do not fit the matched frames. Render the shot again.")
    for number, render in enumerate(renders[settings.context:]):
        progress(number / len(renders), f"Worker {os.getpid()} paints")
        painted += paint(render, shot.crops)
        if settings.compare:
            comparisons.mkdir(exist_ok=True)
            (comparisons / f"{number:06d}.png").write_bytes(b"before|" + render.read_bytes())
    return painted


def refine(subject, shot, movie, settings, *, speech=None, progress=no_progress):
    """A movie that is its renders one after the other, then how many of them had to be painted now."""
    painted = 0
    for number, render in enumerate(shot.renders):
        progress(number / len(shot.renders), f"Worker {os.getpid()} paints")
        painted += paint(render, shot.crops)
    movie.write_bytes(b"".join(render.read_bytes() for render in shot.renders)
                      + (speech.read_bytes() if speech else b"") + b" %d" % painted)
    return len(shot.renders)
