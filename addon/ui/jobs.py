"""Jobs beside Blender's window: background work runs in threads, bpy is used on the main thread only.

Threads put small frozen messages into a queue; the timer `update` applies them on the main thread and advances the
tasks. This module owns three values. `_messages` is the queue, the only one that threads touch. `_running` holds the
tasks and `_views` what the panel lists; both change on the main thread only. `stop_all` empties them and removes the
timer.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import bpy

from ..core.errors import Cancelled, HeadroomError
from ..core.messages import message
from ..core.tasks import InBackground, ProgressToken, Step, Task, run_task
from . import job_pictures
from .text import error_text, interface_text, report_text
from .view import redraw_sidebars

TICK_SECONDS = 0.1
MAX_FINISHED = 6
"""Finished jobs that stay in the list."""
MAX_UNDO_NAME = 60

JobKind = Literal["check", "setup", "check_clip", "learn", "perform", "align_words", "render", "refine_frame"]
JobState = Literal["running", "finishing", "stopping", "done", "failed", "cancelled"]
FILE_KINDS: tuple[JobKind, ...] = ("perform", "align_words", "render", "refine_frame")
"""Kinds of jobs that work on a shot of the open file, and so end when another file is opened."""


@dataclass(frozen=True)
class JobSpec:
    """A job to start.

    summary: returns the line that is shown for the task's result.
    apply: changes Blender's data with the result; called before `summary`, on the main thread.
    settings: the settings of the job, as a line for the list.
    """

    kind: JobKind
    title: str
    task: Task
    summary: Callable[[Any], str]
    apply: Callable[[Any], None] = lambda result: None
    settings: str = ""


@dataclass(frozen=True)
class JobView:
    """One line of the job list, in the language of the interface.

    picture: a file with the result so far, of a job that can be finished early.
    started: when the job began, `time.monotonic()`.
    """

    number: int
    kind: JobKind
    title: str
    settings: str = ""
    state: JobState = "running"
    fraction: float = 0.0
    message: str = ""
    picture: Path | None = None
    started: float = 0.0

    @property
    def is_running(self) -> bool:
        """Whether the job has not ended."""
        return self.state in ("running", "finishing", "stopping")


@dataclass(frozen=True)
class Progressed:
    """Message of a thread: how far its work is."""

    number: int
    step: Step


@dataclass(frozen=True)
class Finished:
    """Message of a thread: the result of its work."""

    number: int
    result: Any


@dataclass(frozen=True)
class Failed:
    """Message of a thread: the error that ended its work."""

    number: int
    error: BaseException


@dataclass
class RunningJob:
    """A job that has not ended. `answer` is sent to the task next; `waiting` is true while a thread works for it."""

    spec: JobSpec
    progress: ProgressToken
    answer: Any = None
    waiting: bool = False


_messages: queue.SimpleQueue[Progressed | Finished | Failed] = queue.SimpleQueue()
_running: dict[int, RunningJob] = {}
_views: dict[int, JobView] = {}
_numbers = itertools.count(1)


def start(spec: JobSpec) -> str:
    """Start a job and return a line for the status bar.

    With a window this returns the title at once. Without a window it blocks, returns the summary, and raises what the
    task raises.
    """
    return _run_in_place(spec) if bpy.app.background else start_beside_window(spec)


def start_beside_window(spec: JobSpec) -> str:
    """Start a job that `update` advances; return its title."""
    number = _add_view(spec)
    progress = ProgressToken(lambda step: _messages.put(Progressed(number, step)))
    _running[number] = RunningJob(spec, progress)
    if not bpy.app.timers.is_registered(update):
        bpy.app.timers.register(update, persistent=True)
    return spec.title


def update() -> float | None:
    """Apply the threads' messages and advance every task by one step; called by the timer, and by tests."""
    before = set(_running)
    while not _messages.empty():
        _apply(_messages.get())
    for number, job in list(_running.items()):
        if _running.get(number) is job and not job.waiting:  # another job may have opened a file and ended this one
            _advance(number, job)
    redraw_sidebars(all_regions=not before <= _running.keys())
    if not _running:
        return None
    return TICK_SECONDS if all(job.waiting for job in _running.values()) else 0.0  # 0 is once per redraw


def views() -> list[JobView]:
    """Return the jobs to list, newest first."""
    return sorted(_views.values(), key=lambda view: -view.number)


def is_running(kind: JobKind) -> bool:
    """Return whether a job of this kind runs."""
    return any(view.kind == kind and view.is_running for view in _views.values())


def can_finish() -> bool:
    """Return whether a running job can be finished early."""
    return any(view.state == "running" and view.picture for view in _views.values())


def finish(number: int) -> None:
    """Ask a job to end with what it has learned."""
    job = _running.get(number)
    if job is not None and _views[number].state == "running":
        _views[number] = replace(_views[number], state="finishing", message=interface_text("Finishing"))
        threading.Thread(target=job.progress.finish, name=f"finish job {number}", daemon=True).start()


def cancel(number: int) -> None:
    """Ask a job to stop."""
    job = _running.get(number)
    if job is not None and _views[number].state in ("running", "finishing"):
        _views[number] = replace(_views[number], state="stopping", message=interface_text("Stopping"))
        _stop_thread(number, job.progress)


def clear() -> None:
    """Remove the jobs that have ended from the list."""
    for number in [view.number for view in _views.values() if not view.is_running]:
        del _views[number]


@bpy.app.handlers.persistent
def on_load_pre(*_: Any) -> None:
    """Stop the jobs that work on the open file before another one is opened, while their data still exists."""
    for number in [number for number in _running if _views[number].kind in FILE_KINDS]:
        _abandon(number)
        _end(number, "cancelled", message("Stopped because another file was opened"))


def register() -> None:
    """Add the handler."""
    bpy.app.handlers.load_pre.append(on_load_pre)


def unregister() -> None:
    """Remove the handler and stop all jobs."""
    bpy.app.handlers.load_pre.remove(on_load_pre)
    stop_all()


def stop_all() -> None:
    """Stop and forget all jobs. Blender 4.5 hangs at exit when a timer is still registered."""
    for number in list(_running):
        _abandon(number)
    _views.clear()
    if bpy.app.timers.is_registered(update):
        bpy.app.timers.unregister(update)


def _add_view(spec: JobSpec) -> int:
    """Add a job to the list and return its number; the oldest finished jobs are dropped."""
    number = next(_numbers)
    _views[number] = JobView(number, spec.kind, interface_text(spec.title), interface_text(spec.settings),
                             message=interface_text("Starting"), started=time.monotonic())
    for old in [view.number for view in _views.values() if not view.is_running][:-MAX_FINISHED]:
        del _views[old]
    return number


def _run_in_place(spec: JobSpec) -> str:
    number = _add_view(spec)
    try:
        result = run_task(spec.task, lambda step: _show(number, step))
        spec.apply(result)
        _end(number, "done", spec.summary(result))
    except Exception as error:
        _fail(number, error)
        raise
    return _views[number].message


def _abandon(number: int) -> None:
    """Let a task clean up now and stop its thread; messages that the thread still sends are ignored."""
    job = _running.pop(number)
    _stop_thread(number, job.progress)
    _close(job.spec.task)


def _stop_thread(number: int, progress: ProgressToken) -> None:
    """Stop a job's work from a new thread, because cancelling a job of the backend is a request that may take long."""
    threading.Thread(target=progress.stop, name=f"stop job {number}", daemon=True).start()


def _advance(number: int, job: RunningJob) -> None:
    """Send a task its answer, and show the step or start the background work that it yields."""
    try:
        job.progress.check()
        item = job.spec.task.send(job.answer)
        job.answer = None
    except StopIteration as end:
        _finish(number, job, end.value)
    except Exception as error:
        _give_up(number, job, error)
    else:
        if isinstance(item, Step):
            _show(number, item)
        else:
            job.waiting = True
            threading.Thread(target=_work, args=(number, item, job.progress), name=f"job {number}",
                             daemon=True).start()


def _work(number: int, item: InBackground, progress: ProgressToken) -> None:
    """Do a task's background work in a thread. Every error becomes a message, so that no thread ends silently."""
    try:
        _messages.put(Finished(number, item.work(progress.subtoken(item.start, item.end))))
    except BaseException as error:
        _messages.put(Failed(number, error))


def _apply(event: Progressed | Finished | Failed) -> None:
    job = _running.get(event.number)
    if job is None:
        return
    match event:
        case Progressed(number, step):
            _show(number, step)
        case Finished(_, result):
            job.answer, job.waiting = result, False
        case Failed(number, error):
            _give_up(number, job, error)


def _finish(number: int, job: RunningJob, result: Any) -> None:
    """Apply the result of a task and end its job."""
    _running.pop(number, None)
    try:
        job.spec.apply(result)
        _end(number, "done", job.spec.summary(result))
    except Exception as error:
        _fail(number, error)


def _give_up(number: int, job: RunningJob, error: BaseException) -> None:
    """End a job that failed or was cancelled; its task cleans up first."""
    _running.pop(number, None)
    _close(job.spec.task)
    _fail(number, error)


def _close(task: Task) -> None:
    """Let a task clean up; an error there is printed, and the job ends all the same."""
    try:
        task.close()
    except Exception:
        traceback.print_exc()


def _fail(number: int, error: BaseException) -> None:
    if isinstance(error, Cancelled):
        _end(number, "cancelled", message("Stopped"))
    elif isinstance(error, HeadroomError):
        _end(number, "failed", error_text(error))
    else:
        traceback.print_exception(error)
        _end(number, "failed", message("Internal error ({error}). See the system console for details.", error=error))


def _end(number: int, state: JobState, text: str) -> None:
    """Set a job's last state and message; a done job becomes one undo step."""
    _views[number] = replace(_views[number], state=state, message=report_text(text), fraction=1.0,
                             picture=None)
    if state == "done" and bpy.ops.ed.undo_push.poll():  # type: ignore[call-arg]
        bpy.ops.ed.undo_push(message=f"Headroom: {_views[number].title}"[:MAX_UNDO_NAME])


def _show(number: int, step: Step) -> None:
    """Show a step unless the job is stopping; progress never goes back."""
    view = _views[number]
    if view.state == "running":
        if step.picture is not None:
            job_pictures.load(step.picture)
        _views[number] = replace(view, fraction=max(view.fraction, step.fraction),
                                 message=interface_text(step.message), picture=step.picture or view.picture)
