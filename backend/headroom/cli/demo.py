"""The whole pipeline on the bundled sample: a subject, a movie in which it says another speech, and its .blend."""

from __future__ import annotations

from pathlib import Path

from headroom.cli.blender import find_blender
from headroom.cli.console import out
from headroom.cli.shot import ShotOptions, make_shot
from headroom.common.choices import Engine
from headroom.common.outputs import unused_file
from headroom.common.paths import shipped_file
from headroom.common.progress import Progress, no_progress, subprogress

CONSENT = "synthetic person"  # see samples/README.md
MOVIE, BLEND = "shot.mp4", "shot.blend"


def run_demo(output: Path, engine: Engine = "auto", progress: Progress = no_progress
             ) -> tuple[list[Path], list[str]]:
    """Learn the sample and make its shot; return the paths in `output` that were written, and notes for the user.

    The shot's first second is a movie of its own until the shot is complete.
    """
    from headroom import pipeline
    from headroom.cli.training_monitor import terminal_monitor
    from headroom.common.settings import LearnSettings

    find_blender()  # fails at once instead of after the minutes of learning
    clip, speech = shipped_file("samples", "sample.mp4"), shipped_file("samples", "speech.wav")
    subject, movie, blend = output / "subject", output / MOVIE, output / BLEND
    settings = LearnSettings(name="Robin", consent=CONSENT)
    with terminal_monitor() as monitor:
        notes = pipeline.learn(clip, subject, settings, progress=subprogress(progress, 0, 0.6), monitor=monitor)
    start = unused_file(output, "first_second", ".mp4")
    write_first_second(subject, speech, start, subprogress(progress, 0.6, 0.65))
    out.print(f"First second of the shot: {start}", markup=False, soft_wrap=True)
    shot = make_shot(subject, speech, movie, ShotOptions(blend=blend, engine=engine), subprogress(progress, 0.65, 1))
    start.unlink(missing_ok=True)
    return [subject, movie, blend], [*notes, *shot.notes]


def write_first_second(subject: Path, speech: Path, movie: Path, progress: Progress = no_progress) -> None:
    """Write the first second of a speech as a movie, without Blender, so that a result is seen early."""
    from headroom import pipeline
    from headroom.common.settings import PersonSettings, RefineSettings
    from headroom.evaluation.evaluate import remake_frames
    from headroom.subject.folder import Subject
    from headroom.subject.shot_movie import MovieContent, Speaker, write_movie

    person = Subject.open_for(subject, "")
    fps = person.track.fps
    performance, _ = pipeline.perform(subject, speech, progress=subprogress(progress, 0, 0.4))
    motion = performance.resampled(fps, round(fps))
    frames = (made.frame for made in remake_frames(subject, motion, subprogress(progress, 0.4, 1)))
    settings = RefineSettings(fps=fps)
    content = MovieContent.of([Speaker(person, PersonSettings.of(settings), speech)], settings)
    write_movie(content, frames, movie, settings)
