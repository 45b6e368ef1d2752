"""The subject or the speech of a shot, found again at another place; keys, takes and strips stay."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from ...core.errors import InputError
from ...core.messages import message
from ...core.outputs import require_file
from ...core.subject import Subject
from ..build.shot import Shot
from .controls import head_of


def relink_subject(shot: Shot, folder: Path) -> None:
    """Make `folder` the subject's folder, also for its pictures; raises InputError where the keys do not fit it."""
    subject, old = Subject.open(folder), shot.subject_folder
    units = np.array(shot.root["headroom_key_units"], dtype=np.float32)
    new_units = np.asarray(subject.rig().key_units, dtype=np.float32)
    if units.shape != new_units.shape or not np.allclose(units, new_units, rtol=1e-4):
        raise InputError(message("The keys of {shot} do not fit the subject in {folder}. Choose the folder that was "
                                 "moved, or open this one as a new head.", folder=folder, shot=shot.root.name))
    shot.root["headroom_subject"] = str(subject.folder.absolute())
    for image in bpy.data.images:
        path = Path(bpy.path.abspath(image.filepath))
        moved = subject.folder.absolute() / path.name
        if image.filepath and path.parent == old and moved.is_file():
            image.filepath = str(moved)


def relink_speech(shot: Shot, speech: Path) -> None:
    """Make the file `speech` the shot's speech, for its takes and its sound as well."""
    require_file(speech, "speech")
    old = shot.speech
    shot.root["headroom_speech"] = str(speech.absolute())
    for take in head_of(shot.root).takes:
        if take.speech and Path(bpy.path.abspath(take.speech)) == old:
            take.speech = str(speech.absolute())
    for sound in bpy.data.sounds:
        if old is not None and Path(bpy.path.abspath(sound.filepath)) == old:
            sound.filepath = str(speech.absolute())
