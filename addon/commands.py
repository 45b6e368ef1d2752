"""The commands: one function for each kind of job, from its settings to the JSON line of its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .core import backend_jobs
from .core.backend_jobs import Connect
from .core.errors import Cancelled, HeadroomError, InputError
from .core.files import publish
from .core.job_file import JobRequest, request_of
from .core.messages import message
from .core.movie_output import MovieOutput
from .core.outputs import require_file, require_output_file
from .core.take_settings import TakeSettings
from .core.tasks import ProgressToken, Step, run_task

if TYPE_CHECKING:
    from .scene.output.headless import NewShot, SavedShot
    from .scene.output.movie_tasks import MovieResult

Report = Callable[[Step], None]
Result = dict[str, Any]


def run(request: JobRequest, connect: Connect, report: Report) -> Result:
    """Run one job and return its result."""
    return _COMMANDS[request.kind](request, connect, report)


def run_entry(number: int, entry: Any, folder: Path, work: Callable[[JobRequest], Result]) -> Result:
    """Run one entry of a job file and return its line. Errors become part of the line; only Cancelled is raised."""
    return _entry_line(number, entry, lambda: {"state": "done", **work(request_of(entry, folder))})


def plan_entry(number: int, entry: Any, folder: Path) -> Result:
    """Return the line of an entry that is not run: the paths that it reads and writes, absolute, or its error."""

    def plan() -> Result:
        request = request_of(entry, folder)
        return {"state": "queued", "reads": request.paths(written=False), "writes": request.paths(written=True)}

    return _entry_line(number, entry, plan)


def _entry_line(number: int, entry: Any, function: Callable[[], Result]) -> Result:
    """Return the line of an entry with the result of a function, or with its error."""
    line: Result = {"job": number, "kind": entry.get("kind") if isinstance(entry, dict) else None}
    try:
        return {**line, **function()}
    except Cancelled:
        raise
    except HeadroomError as error:
        return {**line, "state": "failed", "error": str(error)}
    except Exception as error:  # the next jobs must run whatever happens to this one
        return {**line, "state": "failed", "error": message("Internal error ({type}: {error}). Report it as a bug.",
                                                            type=type(error).__name__, error=error)}


def _learn(request: JobRequest, connect: Connect, report: Report) -> Result:
    """Learn a subject; its folder appears when it is complete."""
    from .scene.output.shot_tasks import learn_subject

    settings = request.settings
    notes = run_task(learn_subject(settings, connect), report)
    return {"subject": str(settings["output"]), "notes": list(notes)}


def _perform(request: JobRequest, connect: Connect, report: Report) -> Result:
    """Predict a performance.npz without a scene."""
    from .core.subject import Subject
    from .scene.output.work_folder import work_folder

    settings = request.settings
    require_file(settings["speech"], "speech")
    require_output_file(settings["output"], ".npz", inputs=[settings["speech"], settings["transcript"]])
    take = _take(settings)
    subject = backend_jobs.SubjectUse(Subject.open(settings["subject"]).folder, settings["use"])
    with work_folder() as folder:
        path = folder / "performance.npz"
        notes = backend_jobs.perform(connect(), subject, take, path, ProgressToken(report))
        publish(path, settings["output"])
    return {"performance": str(settings["output"]), "notes": notes}


def _shot(request: JobRequest, connect: Connect, report: Report) -> Result:
    """Make a movie from a subject and a speech in an empty file, and save the file if `blend` is given."""
    from .scene.output import headless

    return movie_line(request, headless.make_shot(new_shot(request.settings), connect, report))


def _render(request: JobRequest, connect: Connect, report: Report) -> Result:
    """Render the shot of a saved file, which is not changed."""
    from .scene.output import headless

    return movie_line(request, headless.render_file(saved_shot(request.settings), connect, report))


def _evaluate(request: JobRequest, connect: Connect, report: Report) -> Result:
    """Measure how well the rest of a clip is remade from its beginning."""
    from .scene.output.work_folder import work_folder

    settings = request.settings
    clip, output, movies = settings["clip"], settings["output"], settings["movies"]
    require_file(clip, "clip")
    require_output_file(output, ".json", inputs=[clip])
    sent = {"train_seconds": settings["train_seconds"], "preset": settings["preset"], "movies": movies is not None}
    with work_folder() as folder:
        notes = backend_jobs.evaluate(connect(), clip, folder, sent, ProgressToken(report))
        for made in folder.glob("*.mp4"):
            publish(made, movies / made.name)
        publish(folder / backend_jobs.FIGURES, output)
    tables = json.loads(output.read_text(encoding="utf-8"))["tables"]
    return {"figures": str(output), "movies": str(movies) if movies else None, "tables": tables, "notes": notes}


def new_shot(settings: Mapping[str, Any]) -> NewShot:
    """Return what a shot job makes; raises InputError when its results cannot be written."""
    from .scene.output.headless import NewShot

    blend, speeches = settings["blend"], [speech for _, speech in settings["people"]]
    inputs = [settings["speech"], settings["performance"], settings["transcript"], *speeches]
    output = movie_output(settings)
    output.require_writable(inputs)
    if blend:
        require_output_file(blend, ".blend", inputs=inputs)
    if settings["people"] and settings["performance"]:
        raise InputError("A performance is of one person, and a shot of several people is predicted from their "
                         "speeches. Leave --performance or --with out.")
    if settings["transcript"] and (settings["people"] or settings["performance"]):
        raise InputError("A transcript is for the prediction of one person. Leave --transcript out, or --performance "
                         "and --with.")
    if settings["mirror"] and not settings["performance"]:
        raise InputError("Only a performance from a file is mirrored. Add --performance, or leave --mirror out.")
    return NewShot(settings["subject"], _take(settings), output, settings["plate_fit"], settings["engine"],
                   settings["key_error"], settings["use"], settings["label"], settings["people"], blend)


def saved_shot(settings: Mapping[str, Any]) -> SavedShot:
    """Return what a render job renders."""
    from .scene.output.headless import SavedShot

    return SavedShot(settings["file"], settings["scene"], settings["shot"], movie_output(settings),
                     settings["plate_fit"], settings["engine"], settings["use"], settings["label"],
                     settings["subject"], settings["speech"], all_heads=settings["all_heads"])


def movie_line(request: JobRequest, result: MovieResult) -> Result:
    """Return the result of a job that has made a movie, and save the open file if its `blend` is given."""
    from .scene.output import headless

    line = {"movie": str(result.movie), "frames": result.frames, "notes": list(result.notes)}
    if request.kind != "shot":
        return line
    blend = request.settings["blend"]
    if blend:
        headless.save_blend(blend)
    return {**line, "blend": str(blend) if blend else None}


def movie_output(settings: Mapping[str, Any]) -> MovieOutput:
    """Return the movie that a job writes."""
    return MovieOutput(settings["output"].absolute(), settings["layer"])


def _take(settings: Mapping[str, Any]) -> TakeSettings:
    path, performance = settings["transcript"], settings.get("performance")
    return TakeSettings(settings["speech"], settings["seed"], settings["pose"],
                        imported=str(performance) if performance else "", transcript=_text(path) if path else "",
                        audio_track=settings["audio_track"], mirrored=settings.get("mirror", False))


def _text(path: Path) -> str:
    """Return the text of a file."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(message("Cannot read {path}: {reason}. Choose another file.",
                                 path=path, reason=error.strerror)) from error
    except ValueError as error:
        raise InputError(message("{path} is not text in UTF-8. Save it as UTF-8, or choose another file.",
                                 path=path)) from error


_COMMANDS: dict[str, Callable[[JobRequest, Connect, Report], Result]] = {
    "learn": _learn, "perform": _perform, "shot": _shot, "render": _render,
    "evaluate": _evaluate}
