"""One function for each kind of backend job, from files to files. They touch no bpy, so any thread may call them.

Those that make pictures and movies are in `movie_jobs`, those of a shot in chunks in `chunk_jobs`.
"""

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
from .messages import message
from .phones import Phone, read_phones
from .take_settings import OtherSpeaker, TakeSettings
from .tasks import ProgressToken
from .temporary import temporary_folder
from .words import Word, read_words

WORKER_SECONDS = 60.0  # time for the worker process to load torch from a cold disk
POLL_SECONDS = 0.2
FIGURES = "figures.json"
"""The file with the figures of an evaluation."""


class Backend(Protocol):
    """What the functions need of `core.client.Client`; tests pass something smaller."""

    def health(self) -> Mapping[str, Any]:
        """Return {"api", "version", "device"}."""

    def put_file(self, path: Path) -> str:
        """Send a file; return its SHA-256."""

    def put_bytes(self, data: bytes) -> str:
        """Send the content of a file; return its SHA-256."""

    def get_file(self, sha: str, path: Path) -> Any:
        """Fetch a blob into a file."""

    def put_tree(self, folder: Path) -> Mapping[str, str]:
        """Send a folder; return {"relative/path": SHA-256}."""

    def get_tree(self, tree: Mapping[str, str], folder: Path) -> Any:
        """Fetch a folder."""

    def submit(self, kind: str, inputs: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
        """Ask for a job and return it."""

    def events(self, job_id: str) -> Any:
        """Yield the job after each change until it is finished."""

    def cancel(self, job_id: str) -> Any:
        """Cancel a job."""

    def finish(self, job_id: str) -> Any:
        """Let a job end with what it has learned."""


Connect = Callable[[], Backend]
"""Returns the backend, and starts it if necessary; called off the main thread."""


@dataclass(frozen=True)
class Poses:
    """The head poses of a shot.

    fps: frames per second.
    rotation: (T, 3) pitch, yaw, roll in radians.
    translation: (T, 3) millimetres, camera axes.
    fixed_positions: (T,) the position in the clip that a frame keeps from an earlier match, NaN for the other frames.
    """

    fps: float
    rotation: np.ndarray
    translation: np.ndarray
    fixed_positions: np.ndarray


@dataclass(frozen=True)
class Match:
    """The plate of each frame of a shot, and the pose to render it with.

    plate: (T,) int32, index of the track frame.
    rotation: (T, 3) float32, pitch, yaw, roll in radians.
    translation: (T, 3) float32, millimetres, camera axes.
    position: (T,) float64, position in the clip, frames; `plate` is the nearest whole number.
    sha: the blob with the match, which the backend needs for refining.
    """

    plate: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    position: np.ndarray
    sha: str


@dataclass(frozen=True)
class SubjectUse:
    """A subject folder and how it is used.

    use: what for, which the consent of the person shown may limit; empty if not said.
    label: text in a corner of the pictures; empty for none.
    """

    folder: Path
    use: str = ""
    label: str = ""

    @property
    def settings(self) -> dict[str, str]:
        """The setting of a job that names the use; a backend without consent checks knows none."""
        return {"use": self.use} if self.use else {}

    @property
    def picture_settings(self) -> dict[str, str]:
        """The settings of a job that makes pictures."""
        return self.settings | ({"label": self.label} if self.label else {})


@dataclass(frozen=True)
class ClipCheck:
    """Whether a clip is good to learn from.

    usable_seconds: of its best part.
    people: their number, without bystanders.
    picture: JPEG of the people with their numbers, or of frames of the clip.
    notes: what is wrong with the clip.
    """

    usable_seconds: float
    people: int
    picture: Path
    notes: tuple[str, ...]


def device(backend: Backend, token: ProgressToken, seconds: float = WORKER_SECONDS) -> str:
    """Return the device of the networks, once the backend's worker process has started.

    Raises HeadroomError when it has not started after `seconds`.
    """
    end = time.monotonic() + seconds
    while (name := str(backend.health()["device"])) == "starting":
        if time.monotonic() > end:
            raise HeadroomError(message("The backend answers, but its worker has not started in {seconds:g} seconds. "
                                        "Run headroom doctor with the backend's Python.", seconds=seconds))
        token.report(0.5, "Loading the networks")
        time.sleep(POLL_SECONDS)
    return name


def learn(backend: Backend, clip: Path, folder: Path, settings: Mapping[str, Any], token: ProgressToken) -> list[str]:
    """Learn a person from a clip into `folder`; return notes for the user."""
    inputs = _clip_inputs(backend, clip, token)
    with temporary_folder() as pictures:
        result = run_job(backend, "learn", inputs, settings, token.subtoken(0.02, 0.97), pictures)
    token.report(0.97, "Fetching the subject")
    backend.get_tree(result["subject"], folder)
    return list(result.get("notes", ()))


def check(backend: Backend, clip: Path, folder: Path, settings: Mapping[str, Any], token: ProgressToken) -> ClipCheck:
    """Check a clip before it is learned; the picture is a file in `folder`."""
    inputs = _clip_inputs(backend, clip, token)
    result = run_job(backend, "check", inputs, settings, token.subtoken(0.02, 0.97))
    picture = folder / "check.jpg"
    backend.get_file(result["picture"], picture)
    return ClipCheck(float(result["usable_seconds"]), int(result["people"]), picture, tuple(result["notes"]))


def evaluate(backend: Backend, clip: Path, folder: Path, settings: Mapping[str, Any], token: ProgressToken
             ) -> list[str]:
    """Write the figures of a clip, and the movies where `settings` ask for them, into a folder; return notes."""
    inputs = _clip_inputs(backend, clip, token)
    result = run_job(backend, "evaluate", inputs, settings, token.subtoken(0.02, 0.97))
    for name, sha in {FIGURES: result["figures"], **result["movies"]}.items():
        backend.get_file(sha, folder / Path(name).name)
    return list(result["notes"])


def perform(backend: Backend, subject: SubjectUse, take: TakeSettings, path: Path, token: ProgressToken,
            others: Sequence[OtherSpeaker] = ()) -> list[str]:
    """Predict the performance of a take into the file `path`; return notes for the user."""
    token.report(0.0, "Sending the subject")
    inputs = {"subject": backend.put_tree(subject.folder), **speech_inputs(backend, take.speech)}
    if others:  # an older backend knows none
        inputs["others"] = [{**speech_inputs(backend, each.speech), "side": each.side} for each in others]
    settings = {"seed": take.seed, "pose": take.pose, **subject.settings}
    if take.transcript:
        settings["transcript"] = take.transcript
    if take.audio_track:
        settings["audio_track"] = take.audio_track
    result = run_job(backend, "perform", inputs, settings, token.subtoken(0.1, 0.95))
    backend.get_file(result["performance"], path)
    return list(result.get("notes", ()))


def align_words(backend: Backend, speech: Path, transcript: str, folder: Path, token: ProgressToken
                ) -> tuple[tuple[Word, ...], tuple[Phone, ...], list[str]]:
    """Find the words of a transcript in a speech; return them, the phones of their pronunciations, and notes.

    folder: for a temporary file.
    """
    token.report(0.0, "Sending the speech")
    inputs = speech_inputs(backend, speech)
    result = run_job(backend, "align_words", inputs, {"transcript": transcript}, token.subtoken(0.1, 1.0))
    path = folder / "spoken.npz"
    backend.get_file(result["spoken"], path)
    with np.load(path, allow_pickle=False) as stored:
        return read_words(stored), read_phones(stored), list(result.get("notes", ()))


def write_track(backend: Backend, speech: Path, track: int, path: Path, token: ProgressToken) -> None:
    """Write an audio track of a file as the sound file `path`; the first track is 1."""
    token.report(0.0, "Sending the speech")
    inputs = speech_inputs(backend, speech)
    result = run_job(backend, "write_track", inputs, {"audio_track": track}, token.subtoken(0.1, 0.9))
    backend.get_file(result["sound"], path)


def match_plates(backend: Backend, subject: SubjectUse, poses: Poses, plate_fit: float, folder: Path,
                 token: ProgressToken) -> Match:
    """Find a plate for each pose.

    plate_fit: 0 keeps the poses, 1 takes the plates' poses.
    folder: for a temporary file.
    """
    token.report(0.0, "Sending the subject")
    file = io.BytesIO()
    np.savez(file, fps=np.float64(poses.fps), rotation=poses.rotation, translation=poses.translation,
             fixed_positions=poses.fixed_positions)
    inputs = {"subject": backend.put_tree(subject.folder), "poses": backend.put_bytes(file.getvalue())}
    settings = {"plate_fit": plate_fit, **subject.settings}
    result = run_job(backend, "match_plates", inputs, settings, token.subtoken(0.3, 1.0))
    path = folder / "match.npz"
    backend.get_file(result["match"], path)
    with np.load(path, allow_pickle=False) as data:
        match = Match(np.asarray(data["plate"], dtype=np.int32), data["rotation"], data["translation"],
                      data["position"], result["match"])
    if len(match.plate) != len(poses.rotation):
        raise HeadroomError(message("The backend matched {count} of {total} frames. Try again.",
                                    count=len(match.plate), total=len(poses.rotation)))
    return match


def speech_inputs(backend: Backend, speech: Path) -> dict[str, Any]:
    """Send a speech; return the inputs of its job."""
    return {"speech": backend.put_file(speech), "speech_name": speech.name}


def run_job(backend: Backend, kind: str, inputs: Mapping[str, Any], settings: Mapping[str, Any],
            token: ProgressToken, pictures: Path | None = None) -> Mapping[str, Any]:
    """Submit a job, wait for its end and return its result. The job is cancelled when `token` stops and on errors.

    pictures: folder for pictures of the result so far, of a job that can be finished early.

    Raises Cancelled when the job was cancelled, HeadroomError when it failed.
    """
    job = backend.submit(kind, inputs, settings)

    def cancel() -> None:
        with suppress(Exception):  # the backend may have ended, which ends the job too
            backend.cancel(job.id)

    with token.on_stop(cancel), token.on_finish(lambda: backend.finish(job.id)):
        try:
            for event in backend.events(job.id):
                picture = None
                if pictures is not None and event.preview not in (None, job.preview):
                    picture = _fetched(backend, event.preview, pictures)
                job = event
                token.report(job.progress, job.message, picture)
        except BaseException:
            cancel()
            raise
    if job.state == "cancelled":
        raise Cancelled("The backend stopped the job.")
    if job.state != "done":
        raise HeadroomError(job.message or message("The backend ended the job {kind} without a result. Try again.",
                                                   kind=kind))
    return job.result


def _clip_inputs(backend: Backend, clip: Path, token: ProgressToken) -> dict[str, Any]:
    """Send a clip; return the inputs of its job."""
    token.report(0.0, "Sending the clip")
    return {"clip": backend.put_file(clip), "clip_name": clip.name}


def _fetched(backend: Backend, sha: str, folder: Path) -> Path | None:
    """Fetch a picture of the result so far; return None where the backend has replaced it meanwhile."""
    path = folder / f"{sha}.jpg"
    try:
        backend.get_file(sha, path)
    except HeadroomError:
        return None
    return path
