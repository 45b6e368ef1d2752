"""The whole pipeline on the bundled sample: a subject, a movie in which it says another speech, and its .blend."""

from __future__ import annotations

from pathlib import Path

from headroom.cli.blender import ShotOptions, find_blender, make_shot
from headroom.common.choices import Engine
from headroom.common.paths import shipped_file
from headroom.common.progress import Progress, no_progress, subprogress

CONSENT = "synthetic person"  # see samples/README.md
MOVIE, BLEND = "shot.mp4", "shot.blend"


def run_demo(output: Path, engine: Engine = "auto", progress: Progress = no_progress
             ) -> tuple[list[Path], list[str]]:
    """Learn the sample and make its shot; return the paths in `output` that were written, and the shot's notes."""
    from headroom import pipeline
    from headroom.cli.training_monitor import terminal_monitor
    from headroom.common.settings import LearnSettings

    find_blender()  # fails at once instead of after the minutes of learning
    clip, speech = shipped_file("samples", "sample.mp4"), shipped_file("samples", "speech.wav")
    subject, movie, blend = output / "subject", output / MOVIE, output / BLEND
    settings = LearnSettings(name="Robin", consent=CONSENT)
    with terminal_monitor() as monitor:
        pipeline.learn(clip, subject, settings, progress=subprogress(progress, 0, 0.6), monitor=monitor)
    shot = make_shot(subject, speech, movie, ShotOptions(blend=blend, engine=engine), subprogress(progress, 0.6, 1))
    return [subject, movie, blend], shot.notes
