"""Tasks beside Blender's window: their background parts run in threads, bpy is touched in `deliver` only.

Threads put small frozen messages into a queue; a timer on the main thread applies them and moves the tasks on.
This module owns the queue, the running tasks and the list the panel shows; `stop_all` ends them. Opening another
file ends those that work on what was open.
"""

from __future__ import annotations

import itertools
import queue
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import bpy

from ..core.errors import Cancelled, HeadroomError
from ..core.tasks import InBackground, ProgressToken, Step, Task, run_task

TICK_SECONDS = 0.1
KEPT = 6
ON_THE_FILE = ("perform", "render", "refine_frame")
"""Kinds of jobs that work on a shot of the open file."""


@dataclass(frozen=True)
class JobView:
    """One line of the job list. `state` is running, stopping, done, failed or cancelled."""

    number: int
    kind: str
    title: str
    state: str = "running"
    fraction: float = 0.0
    message: str = "Starting"
    about: str = ""  # the settings it was started with

    @property
    def is_running(self) -> bool:
        return self.state in ("running", "stopping")


@dataclass(frozen=True)
class Progressed:
    number: int
    step: Step


@dataclass(frozen=True)
class Answered:
    number: int
    answer: Any


@dataclass(frozen=True)
class Broke:
    number: int
    error: BaseException


@dataclass
class Running:
    """A task under way. `answer` is what it is sent next; `waiting` while a thread works for it."""

    task: Task
    watch: ProgressToken
    on_done: Callable[[Any], str]
    answer: Any = None
    waiting: bool = False


_messages: "queue.SimpleQueue[Progressed | Answered | Broke]" = queue.SimpleQueue()
_running: dict[int, Running] = {}
_views: dict[int, JobView] = {}
_numbers = itertools.count(1)


def start(kind: str, title: str, task: Task, on_done: Callable[[Any], str], about: str = "") -> str:
    """Run `task`; `on_done` gets its result on the main thread and returns the line to show.

    With a window this returns at once; without one it blocks, returns that line and raises what the task raises.
    """
    number = next(_numbers)
    _views[number] = JobView(number, kind, title, about=about)
    for old in [view.number for view in _views.values() if not view.is_running][:-KEPT]:
        del _views[old]
    if bpy.app.background:
        try:
            _end(number, "done", on_done(run_task(task, lambda step: _show(number, step))))
        except Exception as error:
            _fail(number, error)
            raise
        return _views[number].message
    begin(number, task, on_done)
    return title


def begin(number: int, task: Task, on_done: Callable[[Any], str]) -> None:
    """Put a task under way and see to it that `deliver` is called."""
    watch = ProgressToken(lambda step: _messages.put(Progressed(number, step)))
    _running[number] = Running(task, watch, on_done)
    if not bpy.app.timers.is_registered(deliver):
        bpy.app.timers.register(deliver, persistent=True)


def deliver() -> float | None:
    """Apply what threads have sent and move every task one step; called by the timer, and by tests."""
    under_way = set(_running)
    while not _messages.empty():
        _apply(_messages.get())
    for number, running in list(_running.items()):
        if not running.waiting:
            _advance(number, running)
    _redraw(ended=not under_way <= _running.keys())
    if not _running:
        return None
    return TICK_SECONDS if all(running.waiting for running in _running.values()) else 0.0  # 0: once per redraw


def views() -> list[JobView]:
    """The jobs to show, newest first."""
    return sorted(_views.values(), key=lambda view: -view.number)


def is_running(kind: str) -> bool:
    return any(view.kind == kind and view.is_running for view in _views.values())


def cancel(number: int) -> None:
    """Ask a job to stop; its backend job is cancelled at once, from a thread because that is a request."""
    running = _running.get(number)
    if running is not None:
        _views[number] = replace(_views[number], state="stopping", message="Stopping")
        threading.Thread(target=running.watch.stop, name=f"stop job {number}", daemon=True).start()


def clear() -> None:
    """Forget the jobs that have ended."""
    for number in [view.number for view in _views.values() if not view.is_running]:
        del _views[number]


@bpy.app.handlers.persistent
def on_leaving(*_: Any) -> None:
    """Another file is about to be opened: jobs on this one end while what they have to clean up is still there."""
    for number in [number for number in _running if _views[number].kind in ON_THE_FILE]:
        _abandon(number)
        _end(number, "cancelled", "Stopped, because another file was opened")


def register() -> None:
    bpy.app.handlers.load_pre.append(on_leaving)


def unregister() -> None:
    bpy.app.handlers.load_pre.remove(on_leaving)
    stop_all()


def stop_all() -> None:
    """Stop and forget everything. A timer left registered at exit hangs Blender 4.5."""
    for number in list(_running):
        _abandon(number)
    _views.clear()
    if bpy.app.timers.is_registered(deliver):
        bpy.app.timers.unregister(deliver)


def _abandon(number: int) -> None:
    """Let a task clean up at once; its thread is told to stop, and what that still sends is not heard."""
    running = _running.pop(number)
    threading.Thread(target=running.watch.stop, name=f"stop job {number}", daemon=True).start()
    with suppress(Exception):
        running.task.close()


def _advance(number: int, running: Running) -> None:
    """Send a task its answer and do as it wishes."""
    try:
        running.watch.check()
        wish = running.task.send(running.answer)
        running.answer = None
    except StopIteration as end:
        _finish(number, running, end.value)
    except Exception as error:
        _give_up(number, running, error)
    else:
        if isinstance(wish, Step):
            _show(number, wish)
        else:
            running.waiting = True
            threading.Thread(target=_work, args=(number, wish, running.watch), name=f"job {number}",
                             daemon=True).start()


def _work(number: int, wish: InBackground, watch: ProgressToken) -> None:
    """In a thread: do what a task asked for and tell how it went. The one place that catches all."""
    try:
        _messages.put(Answered(number, wish.work(watch.subtoken(wish.start, wish.end))))
    except BaseException as error:
        _messages.put(Broke(number, error))


def _apply(message: Progressed | Answered | Broke) -> None:
    running = _running.get(message.number)
    if running is None:
        return
    match message:
        case Progressed(number, step):
            _show(number, step)
        case Answered(_, answer):
            running.answer, running.waiting = answer, False
        case Broke(number, error):
            _give_up(number, running, error)


def _finish(number: int, running: Running, result: Any) -> None:
    del _running[number]
    try:
        _end(number, "done", running.on_done(result))
    except Exception as error:
        _fail(number, error)


def _give_up(number: int, running: Running, error: BaseException) -> None:
    """End a task that failed or was stopped, letting it clean up."""
    del _running[number]
    with suppress(Exception):
        running.task.close()
    _fail(number, error)


def _fail(number: int, error: BaseException) -> None:
    if isinstance(error, Cancelled):
        _end(number, "cancelled", "Stopped")
    elif isinstance(error, HeadroomError):
        _end(number, "failed", str(error))
    else:
        traceback.print_exception(error)
        _end(number, "failed", f"Headroom made a mistake ({error}). The system console has the details.")


def _end(number: int, state: str, message: str) -> None:
    _views[number] = replace(_views[number], state=state, message=message, fraction=1.0)
    if state == "done" and bpy.ops.ed.undo_push.poll():  # type: ignore[call-arg]
        bpy.ops.ed.undo_push(message=f"Headroom: {_views[number].title}"[:60])


def _show(number: int, step: Step) -> None:
    view = _views[number]
    if view.state == "running":
        _views[number] = replace(view, fraction=max(view.fraction, step.fraction), message=step.message)


def _redraw(ended: bool) -> None:
    """Show the job list anew; the picture beside it, which may be slow to draw, when a job has ended."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions if area.type == "VIEW_3D" else ():
                if ended or region.type == "UI":
                    region.tag_redraw()
