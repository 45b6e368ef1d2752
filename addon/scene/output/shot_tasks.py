"""The tasks of a shot up to its movie: learn, perform, import. The panel runs them beside Blender's window.

The command line runs them in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from ...core import backend_jobs
from ...core.backend_jobs import Connect
from ...core.errors import InputError
from ...core.files import atomic_write
from ...core.messages import message
from ...core.mirror import mirrored
from ...core.outputs import require_file, require_new_folder
from ...core.performance import Performance
from ...core.performance_files import read_performance
from ...core.recordings import aligned
from ...core.render_settings import AUTO
from ...core.rig import Rig
from ...core.take_settings import OtherSpeaker, TakeSettings
from ...core.tasks import InBackground, Step, Task, subtask
from .. import compat
from ..anim.channels import POSE_CHANNELS
from ..anim.controls import active_take
from ..anim.shown_channels import show_group
from ..anim.strips import adopt_strip, place_speech, sound_strip, strip_speech
from ..anim.takes import add_take, transcript_of
from ..anim.timeline import set_frame_range
from ..build.shot import Shot, ShotRef, find_shot
from .shot_frames import update_keys, used_subject
from .speech_track import with_own_file
from .work_folder import work_folder


def learn_subject(settings: Mapping[str, Any], connect: Connect) -> Task:
    """Learn a person from a clip into a new subject folder, which appears when it is complete. Returns notes.

    settings: those of a learn job.
    """
    clip, folder = settings["clip"], settings["output"]
    sent = {name: settings[name] for name in ("preset", "albedo", "name", "consent", "face")}
    sent["resolution"] = settings["resolution"] if settings["resolution"] == AUTO else int(settings["resolution"])
    sent |= {name: settings[name] or None for name in ("from_seconds", "to_seconds", "budget_minutes", "audio_track")}
    require_file(clip, "clip")
    if not settings["consent"]:
        raise InputError("Learning a person needs their consent. Confirm that the person shown has agreed.")
    sent |= consent_limits(settings["consent_uses"], settings["consent_until"])
    require_new_folder(folder)
    with atomic_write(folder) as temporary:
        notes = yield InBackground(lambda token: backend_jobs.learn(connect(), clip, temporary, sent, token))
    return tuple(notes)


def consent_limits(uses: str, until: str) -> dict[str, Any]:
    """Return the settings of a learn job that limit the consent; raises InputError when `until` is not a day."""
    named = [use.strip() for use in uses.split(",") if use.strip()]
    limits: dict[str, Any] = {"consent_uses": named} if named else {}
    if until.strip():
        try:
            limits["consent_until"] = date.fromisoformat(until.strip()).isoformat()
        except ValueError as error:
            raise InputError(message("{day} is not a day; write it as in 2027-05-02.", day=until)) from error
    return limits


def perform_shot(shot: Shot, settings: TakeSettings, start_frame: int, connect: Connect, strip: str = "") -> Task:
    """Predict the motion of a speech and put both on the timeline. Returns notes.

    Where the words of the speech are known from a transcript, the lips follow them.

    strip: the name of a sound strip that plays the speech already; it stays where it is.
    """
    require_file(settings.speech, "speech")
    ref = shot.ref
    settings = replace(settings, transcript=settings.transcript or transcript_of(shot, settings.speech))
    task = predict_take(shot, settings, connect, lambda performance: apply_in_steps(
        ref, performance, settings, start_frame, strip))
    return (yield from task)


def predict_take(shot: Shot, settings: TakeSettings, connect: Connect, add: Callable[[Performance], Iterator[float]],
                 others: Sequence[OtherSpeaker] = ()) -> Task:
    """Predict the motion of a take, and let `add` add it, which yields the fraction done. Returns notes."""
    subject = used_subject(shot)
    with work_folder() as folder:
        path = folder / "performance.npz"
        notes = yield InBackground(
            lambda token: backend_jobs.perform(connect(), subject, settings, path, token, others), 0.0, 0.95)
        yield Step(0.95, "Setting keys")
        performance = Performance.load(path)
    for fraction in add(performance):
        yield Step(0.95 + 0.05 * fraction, "Setting keys")
    return tuple(notes)


def perform_takes(shot: Shot, takes: Sequence[TakeSettings], start_frame: int, connect: Connect, strip: str = ""
                  ) -> Task:
    """Run `perform_shot` for each take of one speech. Returns notes, each once."""
    ref = shot.ref
    first, note = yield from subtask(with_own_file(takes[0], connect), 0.0, 0.05)
    notes, done = ([note], 0.05) if note else ([], 0.0)
    for number, settings in enumerate(takes):
        settings = replace(settings, speech=first.speech, audio_track=first.audio_track)
        task = perform_shot(find_shot(ref), settings, start_frame, connect, strip)
        start, end = (done + (1 - done) * part / len(takes) for part in (number, number + 1))
        notes += yield from subtask(task, start, end)
    return tuple(dict.fromkeys(notes))


def import_performance(shot: Shot, path: Path, speech: Path | None, mirror: bool = False) -> Task:
    """Add the performance in a file as a take of a speech, or of none; returns the performance.

    mirror: whether left and right change sides.
    """
    ref, rig, start_frame = shot.ref, shot.subject.rig(), shot.start_frame
    settings = TakeSettings(speech, imported=str(path), mirrored=mirror)
    performance = yield InBackground(lambda token: recorded_performance(settings, rig), 0.0, 0.2)
    for fraction in apply_in_steps(ref, performance, settings, start_frame):
        yield Step(0.2 + 0.8 * fraction, "Setting keys")
    return performance


def recorded_performance(take: TakeSettings, rig: Rig) -> Performance:
    """Read the performance of an imported take as it is played with the take's speech.

    Raises InputError for files that are no performance, and for one that has no mirror image and should be mirrored.
    """
    path = Path(take.imported)
    performance = read_performance(path, rig)
    performance = performance if take.speech is None else aligned(performance, path, take.speech)
    return mirrored(performance, rig) if take.mirrored else performance


def apply_performance(shot: Shot, performance: Performance, settings: TakeSettings, start_frame: int) -> None:
    """Add a performance as a take, place its speech, compose the keys and set the scene's frame range."""
    for _ in apply_in_steps(shot.ref, performance, settings, start_frame):
        pass


def apply_in_steps(ref: ShotRef, performance: Performance, settings: TakeSettings, start_frame: int, strip: str = ""
                   ) -> Iterator[float]:
    """Do what `apply_performance` does in short steps; yields the fraction done. Undo may happen between two steps."""
    shot, speech = find_shot(ref), settings.speech
    existing = sound_strip(shot.scene, strip)
    if existing is not None and strip_speech(existing) == speech:
        adopt_strip(shot, existing)
        start_frame = round(compat.strip_content(existing)[0])
    elif speech is not None:
        place_speech(shot, speech, start_frame)
    shot.root["headroom_start_frame"] = int(start_frame)
    yield from add_in_steps(ref, performance, settings)


def add_in_steps(ref: ShotRef, performance: Performance, settings: TakeSettings) -> Iterator[float]:
    """Add a performance as a take of the shot's speech, and compose the keys; yields the fraction done."""
    is_first = active_take(find_shot(ref).root) is None
    yield 0.0
    for fraction in add_take(ref, performance, settings):
        yield 0.6 * fraction
    yield 0.6
    for _ in update_keys(ref):
        yield 0.8
    yield 1.0
    if is_first:  # seventy curves at once are a black band
        show_group(find_shot(ref), POSE_CHANNELS[0].curve.group)
    set_frame_range(find_shot(ref).scene)
