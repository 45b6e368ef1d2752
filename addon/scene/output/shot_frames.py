"""The frames of a shot, matched and rendered as far as they have changed since the last time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import bpy
import numpy as np

from ...core import backend_jobs as remote
from ...core.frame_cache import FrameCache
from ...core.match_history import MatchHistory
from ...core.tasks import SLICE_SECONDS, InBackground, ProgressToken, Step, Task
from .. import compat
from ..anim.compose import compose
from ..anim.timeline import sample_pose
from ..build.shot import Names, find_shot
from .render_digest import look_digest
from .rendering import Still, look_up, render_face

PACKAGE = __package__.rpartition(".scene")[0]
POSES_AT_ONCE = 2000


def cache_folders() -> list[Path]:
    """Where frames are kept: beside a saved .blend, otherwise in the extension's own folder; both are looked in."""
    own = Path(bpy.utils.extension_path_user(PACKAGE, path="frames", create=True))
    if not bpy.data.filepath:
        return [own]
    blend = Path(bpy.data.filepath)
    return [blend.with_name(f"headroom_{blend.stem}"), own]


def catch_up(names: Names) -> Task:
    """Have the working keys follow what was moved or dialled a moment ago, before the timer has come round to it; not
    while an artist drags keys.
    """
    while compat.keys_are_held() or not compose(find_shot(*names), SLICE_SECONDS):
        yield Step(0.0, "Setting keys")


def match_shot(names: Names, frames: np.ndarray, plate_fit: float, connect: remote.Connect,
               cache: FrameCache, folder: Path) -> Task:
    """A plate for each scene frame, as it was before where the pose is as it was; returns a Match."""
    shot, poses = find_shot(*names), []
    fps, subject = shot.fps, shot.subject.folder
    for block in np.array_split(frames, len(frames) // POSES_AT_ONCE + 1):
        poses.append(sample_pose(find_shot(*names), block))
        yield Step(0.0, "Reading the poses")
    rotation, translation = (np.concatenate(each) for each in zip(*poses))
    memory = cache.folder / f"match-{hashlib.sha256(repr(names).encode()).hexdigest()[:16]}.npz"

    def work(watch: ProgressToken) -> remote.Match:
        cache.prune()
        before = MatchHistory.load(memory)
        made_for = f"{hashlib.sha256((subject / 'rig.npz').read_bytes()).hexdigest()} {fps:.6f}"
        held = before.fixed_positions(made_for, frames, rotation, translation)
        poses = remote.Poses(fps, rotation, translation, held)
        found = remote.match_plates(connect(), subject, poses, plate_fit, folder, watch)
        before.updated(MatchHistory(made_for, frames, rotation, translation, found.position)).save(memory)
        return found

    found = yield InBackground(work)
    return found


def film(names: Names, frames: np.ndarray, indices: Iterable[int], found: remote.Match, cache: FrameCache,
         taken: Callable[[int, Path, bool], str] = lambda index, path, is_new: "") -> Task:
    """Pictures of some of a match's frames, rendered where no kept one shows the same; returns {index: path}.

    taken: told each index with its picture and whether it is new; what it returns is shown beside the progress.
    """
    stills = {index: Still(int(frames[index]), found.rotation[index], found.translation[index]) for index in indices}
    pictures: dict[int, Path] = {}
    waiting, changed, look = list(stills), [], look_digest(find_shot(*names))
    while waiting:
        kept = look_up(find_shot(*names), look, [stills[index] for index in waiting], cache, SLICE_SECONDS)
        for index, path in zip(waiting, kept):
            if path is None:
                changed.append(index)
            else:
                pictures[index] = path
                taken(index, path, False)
        waiting = waiting[len(kept):]
        yield Step(0.1 * (1 - len(waiting) / len(stills)), "Looking for frames that have changed")
    for count, index in enumerate(changed):
        while compat.is_rendering():
            yield Step(0.1, "Waiting for Blender's own render")
        pictures[index] = render_face(find_shot(*names), stills[index], cache)
        aside = taken(index, pictures[index], True)
        yield Step(0.1 + 0.9 * (count + 1) / len(changed), f"Rendered frame {count + 1} of {len(changed)}{aside}")
    return pictures
