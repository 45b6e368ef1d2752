"""The main job on the bundled sample: a person is learnt, given new words, and comes out as a movie and a .blend."""

from __future__ import annotations

from pathlib import Path

from headroom.cli.blender import find_blender, make_shot
from headroom.common.paths import shipped_file
from headroom.common.progress import Progress, no_progress, subprogress

CONSENT = "synthetic person"  # samples/README.md: nobody is shown


def run(output: Path, progress: Progress = no_progress) -> list[Path]:
    """Learn the sample, make its shot; returns what was written into the folder `output`."""
    from headroom import pipeline
    from headroom.common.settings import LearnSettings

    find_blender()  # before the minutes of learning
    clip, speech = shipped_file("samples", "sample.mp4"), shipped_file("samples", "speech.wav")
    subject, movie, blend = output / "subject", output / "shot.mp4", output / "shot.blend"
    pipeline.learn(clip, subject, LearnSettings(name="Robin", consent=CONSENT), progress=subprogress(progress, 0, 0.6))
    make_shot(subject, speech, movie, blend=blend, progress=subprogress(progress, 0.6, 1))
    return [subject, movie, blend]
