"""The files that a task works on, copied out of the server's blobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.settings import PersonSettings
from headroom.common.stored import FPS, LIMIT, Array, Damaged, read_npz, require_arrays
from headroom.server.inputs import ShotInputs, SpeakerInputs
from headroom.server.task_context import TaskContext
from headroom.server.trees import Tree, plain_name

if TYPE_CHECKING:
    from headroom.face.performance import PoseTrack
    from headroom.plate.shot_renders import PersonInShot, ShotRenders


def read_poses(path: Path) -> tuple[PoseTrack, NDArray[Any] | None]:
    """Return the poses of a shot, and the positions (T,) that frames keep from an earlier match, NaN for the others.

    Version 1 of the API called those positions `held`; queued jobs from then still have such a file.
    """
    from headroom.face.performance import PoseTrack

    try:
        stored = read_npz(path)
        require_arrays(stored, {"fps": FPS, "rotation": Array(("frames", 3)), "translation": Array(("frames", 3))})
    except Damaged as error:
        raise InputError(f"The poses cannot be used, because {error}; render the shot again.") from error
    poses = PoseTrack(float(stored["fps"]), stored["rotation"], stored["translation"])
    fixed = next((stored[name] for name in ("fixed_positions", "held") if name in stored), None)
    if fixed is not None and (fixed.shape != poses.rotation.shape[:1] or fixed.dtype.kind != "f"
                              or (np.abs(fixed) > LIMIT).any()):
        raise InputError("The poses need one fixed position for each frame, NaN for a frame that is matched anew.")
    return poses, fixed


def named_copy(context: TaskContext, sha: str, name: str, role: str) -> Path:
    """Copy a blob into its own folder under the user's file name, which messages and the subject mention."""
    return context.blobs.copy(sha, context.folder / role / plain_name(name, otherwise=role))


def subject_folder(context: TaskContext, tree: Tree) -> Path:
    """Return the subject's folder, the same one for every job, so that the pipeline can keep the subject open."""
    return context.cache.subject(tree, context.blobs)


def person_in_shot(context: TaskContext, number: int, inputs: ShotInputs, settings: PersonSettings,
                   speech: Path | None = None) -> PersonInShot:
    """Copy the renders of a person of a shot."""
    from headroom.plate.shot_renders import PersonInShot

    shot = shot_renders(context, inputs, context.folder / f"person {number}" / "renders")
    return PersonInShot(subject_folder(context, inputs.subject), settings, speech, shot=shot)


def speech_of(context: TaskContext, number: int, inputs: SpeakerInputs) -> Path | None:
    """Copy the speech of a person of a movie; return None for one who says nothing."""
    if inputs.speech is None:
        return None
    return named_copy(context, inputs.speech, inputs.speech_name, f"person {number}/speech")


def shot_renders(context: TaskContext, inputs: ShotInputs, folder: Path) -> ShotRenders:
    """Copy the renders, their meshes and the match into a folder; return them with the cache of refined crops."""
    from headroom.plate.match import PlateMatch
    from headroom.plate.shot_renders import Render, ShotRenders

    meshes = inputs.meshes or [None] * len(inputs.renders)
    if len(meshes) != len(inputs.renders):
        raise InputError(f"There are {len(meshes)} meshes for {len(inputs.renders)} renders; render the shot again.")

    def copy(sha: str | None, name: str) -> Path | None:
        return context.blobs.copy(sha, folder / name) if sha else None

    renders = [Render(copy(picture, f"{frame:06d}.png"), copy(mesh, f"{frame:06d}.npy"))
               for frame, (picture, mesh) in enumerate(zip(inputs.renders, meshes))]
    match = PlateMatch.load(context.blobs.copy(inputs.match, folder / "match.npz"))
    return ShotRenders(renders, match, context.cache.crops)
