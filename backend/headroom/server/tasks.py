"""What each kind of job does: bring its files into a private folder, call the pipeline, keep what came out.

These run in the worker process; torch and the pipeline are imported there, not in the server.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headroom.common.errors import InputError
from headroom.common.files import NPZ_ERRORS
from headroom.common.progress import Progress
from headroom.common.settings import (
    LearnSettings,
    MatchSettings,
    PerformSettings,
    RefineFramesSettings,
    RefineSettings,
)
from headroom.server.blobs import Blobs
from headroom.server.job_cache import JobCache
from headroom.server.trees import plain_name, read_tree

if TYPE_CHECKING:
    from headroom.plate.match import PlateMatch


@dataclass(frozen=True)
class TaskContext:
    """What a task may use."""

    folder: Path  # private, empty at the start, removed when the job ends however it ends
    blobs: Blobs
    shelf: JobCache  # what the next jobs find again
    pipeline: Any  # the module headroom.pipeline, or a test's stand-in
    progress: Progress


Task = Callable[[TaskContext, dict[str, Any], dict[str, Any]], dict[str, Any]]


def run(kind: str, place: TaskContext, inputs: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The result of one job."""
    if kind not in TASKS:
        raise InputError(f"This backend does not know jobs of kind {kind!r}. Update Headroom.")
    return TASKS[kind](place, inputs, settings)


def learn(place: TaskContext, inputs: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    clip = _bring(place, inputs["clip"], inputs["clip_name"], "clip")
    subject = place.folder / "learnt" / "subject"
    notes = place.pipeline.learn(clip, subject, LearnSettings(**settings), progress=place.progress)
    return {"subject": read_tree(subject, place.blobs), "notes": notes}


def perform(place: TaskContext, inputs: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    subject = _bring_subject(place, inputs)
    speech = _bring(place, inputs["speech"], inputs["speech_name"], "speech")
    performance, notes = place.pipeline.perform(subject, speech, PerformSettings(**settings), progress=place.progress)
    path = place.folder / "performance.npz"
    performance.save(path)
    return {"performance": place.blobs.add(path), "notes": notes}


def match(place: TaskContext, inputs: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    from headroom.face.performance import PoseTrack

    subject = _bring_subject(place, inputs)
    fps, rotation, translation, held = _read_poses(place.blobs.copy(inputs["poses"], place.folder / "poses.npz"))
    found = place.pipeline.match_plates(subject, PoseTrack(fps, rotation, translation), MatchSettings(**settings),
                                        fixed_positions=held, progress=place.progress)
    path = place.folder / "match.npz"
    found.save(path)
    return {"match": place.blobs.add(path)}


def refine(place: TaskContext, inputs: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    subject = _bring_subject(place, inputs)
    renders, found = _bring_renders(place, inputs), _bring_match(place, inputs)
    speech = _bring(place, inputs["speech"], inputs["speech_name"], "speech") if inputs["speech"] else None
    movie = place.folder / "movie.mp4"
    from headroom.plate.shot_renders import ShotRenders

    settings = {"speech_range" if name == "speech_part" else name: value for name, value in settings.items()}
    shot = ShotRenders(renders, found, place.shelf.crops)
    frames = place.pipeline.refine(subject, shot, movie, RefineSettings(**settings), speech=speech,
                                   progress=place.progress)
    return {"movie": place.blobs.add(movie), "frames": frames}


def refine_frames(place: TaskContext, inputs: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    subject = _bring_subject(place, inputs)
    renders, found = _bring_renders(place, inputs), _bring_match(place, inputs)
    from headroom.plate.shot_renders import ShotRenders

    pictures, context = place.folder / "pictures", settings["context"]
    painted = place.pipeline.refine_frames(
        subject, ShotRenders(renders, found, place.shelf.crops), RefineFramesSettings(**settings), pictures,
        progress=place.progress)
    made = [place.blobs.add(path) for path in sorted(pictures.glob("*.png"))]
    return {"frames": len(renders) - context, "painted": painted, "pictures": made}


TASKS: dict[str, Task] = {
    "learn": learn, "perform": perform, "match": match, "refine": refine, "refine_frames": refine_frames,
}


def load_pipeline(module: str) -> Any:
    return importlib.import_module(module)


def _bring(place: TaskContext, sha: str, name: str, role: str) -> Path:
    """A copy of a blob under the name its owner knows it by, in a folder of its own."""
    return place.blobs.copy(sha, place.folder / role / plain_name(name, otherwise=role))


def _bring_subject(place: TaskContext, inputs: dict[str, Any]) -> Path:
    """The subject's folder, the same one for every job, so that the pipeline can keep it open."""
    return place.shelf.subject(inputs["subject"], place.blobs)


def _bring_renders(place: TaskContext, inputs: dict[str, Any]) -> list[Path]:
    folder = place.folder / "renders"
    return [place.blobs.copy(sha, folder / f"{frame:06d}.png") for frame, sha in enumerate(inputs["renders"])]


def _bring_match(place: TaskContext, inputs: dict[str, Any]) -> "PlateMatch":
    from headroom.plate.match import PlateMatch

    return PlateMatch.load(place.blobs.copy(inputs["match"], place.folder / "match.npz"))


def _read_poses(path: Path) -> tuple[float, np.ndarray, np.ndarray, np.ndarray | None]:
    """fps, rotation (T, 3) radians, translation (T, 3) millimetres, camera axes, and held positions (T,) or None."""
    try:
        with np.load(path, allow_pickle=False) as data:
            fps, rotation, translation = float(data["fps"]), data["rotation"], data["translation"]
            held = data["held"] if "held" in data else None
    except NPZ_ERRORS as error:
        raise InputError("The poses are not an npz file with fps, rotation and translation.") from error
    if rotation.ndim != 2 or rotation.shape[1] != 3 or rotation.shape != translation.shape or not fps > 0:
        raise InputError("The poses need a rate and, for each frame, three rotations and three translations.")
    if held is not None and held.shape != rotation.shape[:1]:
        raise InputError("The poses hold positions for another number of frames. Give one each, NaN where it is free.")
    return fps, rotation, translation, held
