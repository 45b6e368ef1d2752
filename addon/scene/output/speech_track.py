"""The audio track of a speech file that Blender plays: the first one, so another becomes a file of its own."""

from __future__ import annotations

import filecmp
import itertools
import os
from dataclasses import replace
from pathlib import Path

import bpy

from ...core import backend_jobs
from ...core.backend_jobs import Connect
from ...core.files import publish, write_errors
from ...core.messages import message
from ...core.take_settings import TakeSettings
from ...core.tasks import InBackground, Task
from .shot_frames import PACKAGE
from .work_folder import work_folder


def speech_folder(blend: Path | None, name: str) -> Path:
    """Return the folder for sound files that the add-on makes of speech: beside `blend`, which may not exist yet.

    name: of the folder in the extension's own, where there is no .blend.
    """
    if blend is not None:
        return blend.parent
    return Path(bpy.utils.extension_path_user(PACKAGE, path=name, create=True))


def open_blend() -> Path | None:
    """Return the open file; None where it was never saved."""
    return Path(bpy.data.filepath) if bpy.data.filepath else None


def with_own_file(take: TakeSettings, connect: Connect, folder: Path | None = None) -> Task:
    """Write the chosen audio track to a file of its own. Returns the settings of a take of that file, and a note.

    Settings without a chosen track stay as they are.

    folder: for the file; None for that of the open .blend, otherwise the extension's.
    """
    if not take.audio_track or take.speech is None:
        return take, ""
    folder, speech = folder or speech_folder(open_blend(), "tracks"), take.speech
    with work_folder() as made:
        sound = made / "track.wav"
        yield InBackground(lambda token: backend_jobs.write_track(connect(), speech, take.audio_track, sound, token))
        path = _stored(sound, folder, f"{speech.stem}_track_{take.audio_track}")
    return replace(take, speech=path, audio_track=0), _written_note(take.audio_track, speech, path)


def _written_note(track: int, speech: Path, path: Path) -> str:
    return message("Audio track {track} of {speech} was written to {path}, where the .blend finds it.",
                   track=track, speech=speech.name, path=path)


def _stored(sound: Path, folder: Path, stem: str) -> Path:
    """Return the file in `folder` with the content of `sound`: one that exists, or a new one. None is replaced."""
    for number in itertools.count(1):
        path = folder / f"{stem}{'' if number == 1 else f'_{number}'}.wav"
        if not os.path.lexists(path):
            break
        with write_errors(path):
            if path.is_file() and filecmp.cmp(sound, path, shallow=False):
                return path
    publish(sound, path)
    return path
