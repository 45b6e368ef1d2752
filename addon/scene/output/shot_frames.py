"""Tasks for the frames of a shot: update the keys, match the plates, and render the frames that have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import bpy
import numpy as np

from ...core import backend_jobs
from ...core.backend_jobs import Match, Poses, SubjectUse
from ...core.frame_cache import FrameCache, Render, remember_place
from ...core.match_history import MatchHistory
from ...core.messages import message
from ...core.refine_while_rendering import RefineWhileRendering
from ...core.tasks import SLICE_SECONDS, InBackground, ProgressToken, Step, Task, subtask
from .. import compat
from ..anim.compose import compose
from ..anim.controls import head_of
from ..anim.timeline import sample_pose
from ..build.shot import Shot, ShotRef, find_shot
from .render_digest import render_digest
from .rendering import PosedFrame, evaluate_frames, render_face

PACKAGE = __package__.rpartition(".scene")[0]
POSES_PER_STEP = 2000


def cache_folders() -> list[Path]:
    """Return the folders of rendered frames, the one to write to first: beside a saved .blend, and the extension's."""
    own = Path(bpy.utils.extension_path_user(PACKAGE, path="frames", create=True))
    if not bpy.data.filepath:
        return [own]
    blend = Path(bpy.data.filepath)
    return [blend.with_name(f"headroom_{blend.stem}"), own]


def frame_cache(shot: Shot) -> FrameCache:
    """Return the cache of a shot's frames; raises InputError when the subject's folder is gone."""
    folder, *others = cache_folders()
    for own in others:
        remember_place(own / "places.txt", folder)
    return FrameCache([folder, *others], shot.subject.cache_name)


def used_subject(shot: Shot) -> SubjectUse:
    """Return the subject of a shot, what the shot is for, and its label; raises InputError when its folder is gone."""
    head = head_of(shot.root)
    return SubjectUse(shot.subject.folder, head.use, head.label)


def update_keys(ref: ShotRef) -> Task:
    """Compose what was changed a moment ago, before the timer has done so; wait while an artist drags keys."""
    while compat.keys_are_dragged() or not compose(find_shot(ref), SLICE_SECONDS):
        yield Step(0.0, "Setting keys")


def match_plates(ref: ShotRef, frames: np.ndarray, plate_fit: float, connect: backend_jobs.Connect,
                 cache: FrameCache, folder: Path) -> Task:
    """Find a plate for each scene frame; a frame whose pose is unchanged keeps its plate. Returns a Match."""
    shot, poses = find_shot(ref), []
    fps, subject = shot.fps, used_subject(shot)
    for block in np.array_split(frames, len(frames) // POSES_PER_STEP + 1):
        poses.append(sample_pose(find_shot(ref), block))
        yield Step(0.0, "Reading the poses")
    rotation, translation = (np.concatenate(each) for each in zip(*poses))
    history_file = cache.folder / f"match-{hashlib.sha256(repr(tuple(ref)).encode()).hexdigest()[:16]}.npz"

    def work(token: ProgressToken) -> Match:
        cache.prune()
        history = MatchHistory.load(history_file)
        subject_key = f"{hashlib.sha256((subject.folder / 'rig.npz').read_bytes()).hexdigest()} {fps:.6f}"
        fixed = history.fixed_positions(subject_key, frames, rotation, translation)
        match = backend_jobs.match_plates(connect(), subject, Poses(fps, rotation, translation, fixed), plate_fit,
                                          folder, token)
        newer = MatchHistory(subject_key, frames, rotation, translation, match.position)
        history.updated(newer).save(history_file)
        return match

    match = yield InBackground(work)
    return match


def posed_frames(frames: np.ndarray, indices: Iterable[int], match: Match) -> dict[int, PosedFrame]:
    """Return some frames of a match by their index.

    frames: (T,) scene frames of the match.
    """
    return {index: PosedFrame(int(frames[index]), match.rotation[index], match.translation[index])
            for index in indices}


Add = Callable[[int, Render, bool], None]
"""Takes the index of a frame, its render, and whether it is new."""


def render_frames(ref: ShotRef, posed: Mapping[int, PosedFrame], is_fast: bool, cache: FrameCache,
                  refiner: RefineWhileRendering | None = None) -> Task:
    """Evaluate frames of a match and, unless `is_fast`, render those that have changed. Returns {index: Render}.

    refiner: gets every render as soon as it exists.
    """
    renders: dict[int, Render] = {}

    def add(index: int, render: Render, is_new: bool) -> None:
        renders[index] = render
        if refiner is not None:
            refiner.add(index, render, is_new)

    changed = yield from subtask(_evaluate(ref, posed, is_fast, cache, add), 0.0, 1.0 if is_fast else 0.1)
    for count, (index, mesh) in enumerate(changed.items(), start=1):
        while compat.is_rendering():
            yield Step(0.1, "Waiting for Blender's own render")
        add(index, Render(render_face(find_shot(ref), posed[index], cache), mesh), True)
        yield Step(0.1 + 0.9 * count / len(changed), _progress(count, len(changed), refiner))
    return renders


def _evaluate(ref: ShotRef, posed: Mapping[int, PosedFrame], is_fast: bool, cache: FrameCache, add: Add) -> Task:
    """Store the meshes of frames and add the frames of which that is all, or whose picture is in the cache.

    Returns {index: mesh} of those that Eevee has to render.
    """
    left, changed, digest = list(posed), {}, render_digest(find_shot(ref))
    while left:
        evaluated = evaluate_frames(find_shot(ref), digest, [posed[index] for index in left], cache, SLICE_SECONDS)
        for index, each in zip(left, evaluated):
            if is_fast:
                add(index, Render(None, each.render.mesh), each.is_new)
            elif each.render.picture is not None:
                add(index, each.render, False)
            else:
                changed[index] = each.render.mesh
        left = left[len(evaluated):]
        done = len(posed) - len(left)
        yield Step(done / len(posed), message("Evaluated frame {frame} of {count}", frame=done, count=len(posed)))
    return changed


def _progress(frame: int, count: int, refiner: RefineWhileRendering | None) -> str:
    if refiner is None or refiner.refined == 0:
        return message("Rendered frame {frame} of {count}", frame=frame, count=count)
    return message("Rendered frame {frame} of {count}, refined {refined}", frame=frame, count=count,
                   refined=refiner.refined)
