"""The backend's kinds of work as functions from files to files. No bpy: these run in any thread."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .errors import Cancelled, HeadroomError
from .take_settings import TakeSettings
from .tasks import Watch

WORKER_SECONDS = 60.0  # a cold disk loads torch


class Backend(Protocol):
    """What is needed of `core.client.Client`; tests put something smaller in its place."""

    def health(self) -> Mapping[str, Any]: ...
    def put_file(self, path: Path) -> str: ...
    def put_bytes(self, data: bytes) -> str: ...
    def get_file(self, sha: str, path: Path) -> Any: ...
    def put_tree(self, folder: Path) -> Mapping[str, str]: ...
    def get_tree(self, tree: Mapping[str, str], folder: Path) -> Any: ...
    def submit(self, kind: str, inputs: Mapping[str, Any], settings: Mapping[str, Any]) -> Any: ...
    def events(self, job_id: str) -> Any: ...
    def cancel(self, job_id: str) -> Any: ...


Connect = Callable[[], Backend]
"""Gives the backend, starting it if need be; called off the main thread."""


@dataclass(frozen=True)
class Match:
    """Which plate each frame of a shot is laid over, and the pose that fits it.

    plate: (T,) int32, index of the track frame.
    rotation: (T, 3) float32, pitch, yaw, roll in radians.
    translation: (T, 3) float32, millimetres, camera axes.
    position: (T,) float64, where in the clip, frames; `plate` is the nearest whole one.
    sha: the blob that holds it, as the refiner wants it.
    """

    plate: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    position: np.ndarray
    sha: str


@dataclass(frozen=True)
class Sound:
    """What is heard with a movie: a speech, and its second at the first frame; negative where it begins later.

    part: the seconds of it from and to which it is heard; None is all of it.
    """

    speech: Path
    from_seconds: float
    part: tuple[float, float] | None = None


def device(backend: Backend, watch: Watch, seconds: float = WORKER_SECONDS) -> str:
    """What the networks run on, once the backend's worker has loaded them and knows."""
    end = time.monotonic() + seconds
    while (found := str(backend.health()["device"])) == "starting":
        if time.monotonic() > end:
            raise HeadroomError(f"The backend answers, but its worker has not started in {seconds:g} seconds. "
                                "Run headroom doctor with the backend's Python.")
        watch.report(0.5, "Loading the networks")
        time.sleep(0.2)
    return found


def learn(backend: Backend, clip: Path, folder: Path, settings: Mapping[str, Any], watch: Watch) -> list[str]:
    """Learn a person from a clip into `folder`; returns what the user should know about the clip."""
    watch.report(0.0, "Sending the clip")
    inputs = {"clip": backend.put_file(clip), "clip_name": clip.name}
    result = run_job(backend, "learn", inputs, settings, watch.part(0.02, 0.97))
    watch.report(0.97, "Fetching the subject")
    backend.get_tree(result["subject"], folder)
    return list(result.get("notes", ()))


def perform(backend: Backend, subject: Path, asked: TakeSettings, path: Path, watch: Watch) -> list[str]:
    """Predict the motion of a subject who says a speech into the file `path`; returns notes."""
    speech = asked.speech
    watch.report(0.0, "Sending the subject")
    inputs = {"subject": backend.put_tree(subject), "speech": backend.put_file(speech), "speech_name": speech.name}
    settings = {"seed": asked.seed, "pose": asked.pose}
    result = run_job(backend, "perform", inputs, settings, watch.part(0.1, 0.95))
    backend.get_file(result["performance"], path)
    return list(result.get("notes", ()))


def match(backend: Backend, subject: Path, fps: float, rotation: np.ndarray, translation: np.ndarray,
          plate_fit: float, held: np.ndarray, folder: Path, watch: Watch) -> Match:
    """Find a plate for each pose; rotation (T, 3) radians, translation (T, 3) millimetres, at `fps`.

    held (T,): the position in the clip that a frame keeps from an earlier match, NaN where it is free.
    """
    watch.report(0.0, "Sending the subject")
    poses = io.BytesIO()
    np.savez(poses, fps=np.float64(fps), rotation=rotation, translation=translation, held=held)
    inputs = {"subject": backend.put_tree(subject), "poses": backend.put_bytes(poses.getvalue())}
    result = run_job(backend, "match", inputs, {"plate_fit": plate_fit}, watch.part(0.3, 1.0))
    path = folder / "match.npz"
    backend.get_file(result["match"], path)
    with np.load(path, allow_pickle=False) as data:
        found = Match(np.asarray(data["plate"], dtype=np.int32), data["rotation"], data["translation"],
                      data["position"], result["match"])
    if len(found.plate) != len(rotation):
        raise HeadroomError(f"The backend matched {len(found.plate)} of {len(rotation)} frames. Try again.")
    return found


def refine(backend: Backend, subject: Path, renders: Sequence[Path], found: Match, sound: Sound | None, fps: float,
           movie: Path, watch: Watch) -> int:
    """Turn renders into a full-frame movie with its sound at `movie`; returns its number of frames."""
    inputs = {**_shot_inputs(backend, subject, renders, found, watch.part(0.0, 0.1)),
              "speech": backend.put_file(sound.speech) if sound else None,
              "speech_name": sound.speech.name if sound else ""}
    settings = {"fps": fps, "speech_from_seconds": sound.from_seconds if sound else 0.0,
                "speech_part": sound.part if sound else None}
    result = run_job(backend, "refine", inputs, settings, watch.part(0.1, 0.98))
    watch.report(0.98, "Fetching the movie")
    backend.get_file(result["movie"], movie)
    return int(result["frames"])


def refine_frames(backend: Backend, subject: Path, renders: Sequence[Path], found: Match, first: int, context: int,
                  compare: bool, watch: Watch) -> list[str]:
    """Refine a part of a shot, which the backend keeps for `refine`.

    The renders are those from frame `first` of the match on; the first `context` are only the window of the others.
    Returns the blobs of pictures before and after, side by side, when it is to compare.
    """
    inputs = _shot_inputs(backend, subject, renders, found, watch.part(0.0, 0.2))
    settings = {"first": first, "context": context, "compare": compare}
    return list(run_job(backend, "refine_frames", inputs, settings, watch.part(0.2, 1.0))["pictures"])


def _shot_inputs(backend: Backend, subject: Path, renders: Sequence[Path], found: Match, watch: Watch
                 ) -> dict[str, Any]:
    shas = []
    for number, render in enumerate(renders):
        watch.report(number / len(renders), f"Sending render {number + 1} of {len(renders)}")
        shas.append(backend.put_file(render))
    return {"subject": backend.put_tree(subject), "renders": shas, "match": found.sha}


def run_job(backend: Backend, kind: str, inputs: Mapping[str, Any], settings: Mapping[str, Any],
            watch: Watch) -> Mapping[str, Any]:
    """Submit a job, follow it to its end and return its result; it is cancelled when the user stops or we fail."""
    job = backend.submit(kind, inputs, settings)

    def cancel() -> None:
        with suppress(Exception):  # the backend may be gone, which cancels the job as well
            backend.cancel(job.id)

    with watch.on_stop(cancel):
        try:
            for news in backend.events(job.id):
                job = news
                watch.report(job.progress, job.message)
        except BaseException:
            cancel()
            raise
    if job.state == "cancelled":
        raise Cancelled("The backend stopped the job.")
    if job.state != "done":
        raise HeadroomError(job.message or f"The backend ended {kind} without a result. Try again.")
    return job.result
