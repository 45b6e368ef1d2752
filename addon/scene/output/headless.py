"""Shots without a window: one made from an empty file, or one of a saved file, rendered to a movie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ...core.backend_jobs import Connect
from ...core.errors import InputError
from ...core.files import write_errors
from ...core.messages import message
from ...core.movie_output import MovieOutput
from ...core.outputs import require_file
from ...core.take_settings import TakeSettings
from ...core.tasks import Step, run_task, subtask
from .. import compat
from ..anim.controls import head_of
from ..anim.relink import relink_speech, relink_subject
from ..anim.takes import set_transcript
from ..anim.turns import place_turn
from ..build import templates
from ..build.selection import UNSEEN, select_face
from ..build.shot import Shot, ShotRef, active_shot, find_shot, open_subject, shots_in
from ..build.upgrade import upgrade_file
from .conversation import Conversation, perform_conversation
from .movie_tasks import MovieResult, new_render_settings, render_shot
from .people import heads_together
from .shot_tasks import apply_performance, perform_shot, recorded_performance
from .speech_track import with_own_file
from .work_folder import work_folder


@dataclass(frozen=True)
class NewShot:
    """A shot to make in an empty file.

    take: what is performed: a file of it is played, or else it is predicted.
    key_error: of the sparse keys (`HeadroomHead.key_error`); 0 for a key on every frame.
    use: what the movie is for; empty if not said.
    label: text in a corner of the movie; empty for none.
    people: subject and speech of each of the other people; all speeches begin with the shot.
    blend: the file that the scene is saved to afterwards, beside which sound files that are made lie.
    """

    subject: Path
    take: TakeSettings
    output: MovieOutput
    plate_fit: float
    engine: str
    key_error: float
    use: str
    label: str = ""
    people: Sequence[tuple[Path, Path]] = ()
    blend: Path | None = None


@dataclass(frozen=True)
class SavedShot:
    """A shot of a saved file to render.

    scene: its name; "" is the scene that is open.
    shot: the name of the root; "" is the last shot of the scene.
    use, label: what the movie is for, and the text in its corner; "" is what the file says.
    subject, speech: where they are now; None is where the file says.
    load_ui: whether to open the file's workspaces too, for saving them.
    all_heads: whether the other heads of the scene are in the picture as well.
    """

    file: Path
    scene: str
    shot: str
    output: MovieOutput
    plate_fit: float
    engine: str
    use: str = ""
    label: str = ""
    subject: Path | None = None
    speech: Path | None = None
    load_ui: bool = False
    all_heads: bool = False


def make_shot(new: NewShot, connect: Connect, report: Callable[[Step], None]) -> MovieResult:
    """Build the scene of one shot in the template and render it; the scene stays open."""
    with work_folder() as folder:
        shots, notes = build_shot(new, folder, connect, report)
        return render_heads(shots, new, notes, connect, report)


def render_heads(shots: Sequence[Shot], wanted: NewShot | SavedShot, notes: tuple[str, ...], connect: Connect,
                 report: Callable[[Step], None]) -> MovieResult:
    """Render the heads of the open file; return the result after the notes that there are."""
    task = render_shot(shots, wanted.output, new_render_settings(shots, wanted.plate_fit, wanted.engine), connect)
    result: MovieResult = run_task(subtask(task, 0.15, 1.0), report)
    return replace(result, notes=notes + result.notes)


def build_shot(new: NewShot, folder: Path, connect: Connect, report: Callable[[Step], None]
               ) -> tuple[list[Shot], tuple[str, ...]]:
    """Build the scene of one shot in the template, which stays open; return its heads and notes.

    folder: for sound files that are made, where there is no .blend beside which they lie.
    """
    for speech in (new.take.speech, *(speech for _, speech in new.people)):
        require_file(speech, "speech")
    open_template()
    compat.show_in_sequencer(bpy.context, bpy.context.scene)
    report(Step(0.0, "Building the scene"))
    subjects = [new.subject, *(subject for subject, _ in new.people)]
    shots = [open_subject(bpy.context.scene, subject.absolute()) for subject in subjects]
    for shot in shots:
        head = head_of(shot.root)
        head.use, head.label = new.use, new.label
        head.every_frame = new.key_error <= 0
        if new.key_error > 0:
            head.key_error = new.key_error
    notes = _perform(new, shots, folder, connect, report)
    select_face(bpy.context, shots[0])
    shots[0].root[UNSEEN] = True
    return shots, notes


def _perform(new: NewShot, shots: Sequence[Shot], folder: Path, connect: Connect, report: Callable[[Step], None]
             ) -> tuple[str, ...]:
    """Perform the speeches of a new shot; return notes."""
    folder = folder if new.blend is None else new.blend.absolute().parent
    take, note = run_task(subtask(with_own_file(new.take, connect, folder), 0.0, 0.02), report)
    if take.transcript:
        set_transcript(shots[0], take.transcript)
    notes = _perform_take(replace(new, take=take), shots, folder, connect, report)
    return (note, *notes) if note and new.blend else notes


def _perform_take(new: NewShot, shots: Sequence[Shot], folder: Path, connect: Connect, report: Callable[[Step], None]
                  ) -> tuple[str, ...]:
    """Perform the speeches of a new shot from its first frame on; return notes."""
    shot, start = shots[0], shots[0].scene.frame_start
    if new.take.imported:
        apply_performance(shot, recorded_performance(new.take, shot.subject.rig()), new.take, start)
        return ()
    if len(shots) == 1:
        return run_task(subtask(perform_shot(shot, new.take, start, connect), 0.02, 0.15), report)
    speeches = [new.take.speech, *(speech for _, speech in new.people)]
    for channel, (each, speech) in enumerate(zip(shots, speeches), start=1):
        place_turn(each, speech, channel, start)
    conversation = Conversation(shot, new.take, new.blend and new.blend.absolute(), folder)
    return run_task(subtask(perform_conversation(conversation, connect), 0.02, 0.15), report)


def open_template() -> None:
    """Open the shot template, or an empty file in a build without one. Preferences stay, so this extension too."""
    path, reset = templates.find(templates.SHOT), {"use_empty": True, "use_factory_startup": True}
    bpy.ops.wm.read_homefile(**({"filepath": str(path), "load_ui": True} if path is not None else reset))


def render_file(saved: SavedShot, connect: Connect, report: Callable[[Step], None]) -> MovieResult:
    """Open a saved file and render a shot of it; the file itself is not written."""
    shots = open_heads(saved)
    task = render_shot(shots, saved.output, new_render_settings(shots, saved.plate_fit, saved.engine), connect)
    return run_task(task, report)


def open_heads(saved: SavedShot) -> list[Shot]:
    """Open a saved file and return the heads to render into one picture."""
    shot = open_saved(saved)
    return heads_together(shot) if saved.all_heads else [shot]


def open_saved(saved: SavedShot) -> Shot:
    """Open a saved file and return the shot to render, with the subject, speech, use and label of the job."""
    shot = _open_shot(saved)
    if saved.subject is not None:
        relink_subject(shot, saved.subject)
    if saved.speech is not None:
        relink_speech(shot, saved.speech)
    if saved.use:
        head_of(shot.root).use = saved.use
    if saved.label:
        head_of(shot.root).label = saved.label
    return shot


def save_blend(path: Path) -> None:
    """Save the open file so that it opens on other machines: images and sound packed, movies by relative path.

    Blender itself writes under another name first. It does so beside `path`, because paths in the file are relative.
    """
    for sound in bpy.data.sounds:
        sound.pack()
    path = path.absolute()
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(path), relative_remap=True, copy=True, check_existing=False)
        except RuntimeError as error:
            raise InputError(message("Cannot write {path}: {reason}. Free some disk space or choose another folder.",
                                     path=path, reason=error)) from error


def _open_shot(saved: SavedShot) -> Shot:
    """Open the file of a saved shot and return the shot; raises InputError when there is none."""
    file = saved.file
    require_file(file, "file")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(file), load_ui=saved.load_ui)
    except RuntimeError as error:
        raise InputError(message("Blender cannot open {file}. Choose a .blend file.", file=file)) from error
    newer = upgrade_file()
    if newer:
        raise InputError(message("{file} was saved by a newer version of Headroom. Update the extension.",
                                 file=file.name))
    scene = bpy.data.scenes.get(saved.scene) if saved.scene else bpy.context.scene
    if scene is None:
        raise InputError(message("{file} has no scene {scene}. Choose one of its scenes: {scenes}.", file=file.name,
                                 scene=saved.scene, scenes=", ".join(bpy.data.scenes.keys())))
    shot = find_shot(ShotRef(scene.name, saved.shot)) if saved.shot else active_shot(shots_in(scene))
    if shot is None:
        raise InputError(message("There is no shot in the scene {scene} of {file}. Open a subject there and save.",
                                 scene=scene.name, file=file.name))
    return shot
