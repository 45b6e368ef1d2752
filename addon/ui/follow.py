"""Keys that follow: sliders, takes, a moved speech, another scene rate, undo and loading all end in `compose`.

A handler only notices; the work is done in a timer, a short piece at a time, and never while an artist is dragging
keys or Blender renders, for both hold on to what would be replaced. This module owns the timer, the handlers and
`_status`, what is known of each head besides its keys.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import bpy

from ..core.coverage import Span
from ..core.errors import HeadroomError, InputError
from ..scene import compat
from ..scene.anim import controls
from ..scene.anim.channels import channels_of
from ..scene.anim.compose import compose, make_plan, out_of_date
from ..scene.anim.coverage import off_plate, unsure
from ..scene.anim.strips import place_speech_of_take
from ..scene.anim.user_keys import own_key_count
from ..scene.build.shot import Names, Shot, find_shot, shots_in

BUDGET_SECONDS = 0.04
TICK_SECONDS = 0.01
BUSY_SECONDS = 0.2
REST_SECONDS = 0.3
"""Edits are looked at when nothing has been touched for so long."""


@dataclass(frozen=True)
class Status:
    """What the panel says of one head.

    own_keys: how many keys are the animator's. off_plate: where the head leaves what the clip shows, in scene frames.
    unsure: parts of the clip, from second to second, where tracking was unsure. trouble: why these two are not known.
    """

    own_keys: int = 0
    off_plate: tuple[Span, ...] = ()
    unsure: tuple[tuple[float, float], ...] = ()
    trouble: str = ""


_status: dict[Names, Status] = {}
_looks: dict[Names, Iterator[None]] = {}
_look_at = 0.0


def status(shot: Shot) -> Status:
    """What was last found out; the panel asks at every redraw, so nothing is looked at here."""
    return _status.get(shot.names, Status())


def changed(root: bpy.types.Object) -> None:
    """A control of `root` was changed: a short performance follows at once, a long one as soon as it can."""
    for shot in _shots():
        if shot.root == root:
            done = compose(shot, float("inf") if bpy.app.background else BUDGET_SECONDS)
            look_again()
            if not done:
                wake()


def switched(root: bpy.types.Object) -> None:
    """Another take of `root` is active: where it says something else, that is what is to be heard."""
    for shot in _shots():
        if shot.root == root:
            place_speech_of_take(shot)
    changed(root)


def look_again() -> None:
    """Have the status of every head found out anew, once there is a moment's rest."""
    global _look_at
    _look_at = time.monotonic() + REST_SECONDS
    _looks.clear()
    wake()


def wake() -> None:
    """See to it that `tick` is called. Without a window timers do not run, and whoever changes something composes."""
    if not bpy.app.background and not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=TICK_SECONDS, persistent=True)


def tick() -> float | None:
    """A piece of what is to be done; called by the timer, and by tests."""
    if compat.is_rendering() or compat.keys_are_held():
        return BUSY_SECONDS
    if not all([compose(shot, BUDGET_SECONDS) for shot in _shots()]):
        return TICK_SECONDS
    if time.monotonic() < _look_at:
        return max(TICK_SECONDS, _look_at - time.monotonic())
    if _look_at and not _looks:
        _looks.update((shot.names, _look(shot.names)) for shot in _shots())
    return TICK_SECONDS if _go_on_looking() else None


@bpy.app.handlers.persistent
def on_update(scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    """Strips, rates and curves give no other notice of a change; whatever else is dragged costs nothing here."""
    keyed, rearranged = (graph.id_type_updated(kind) for kind in ("ACTION", "SCENE"))
    if not (keyed or rearranged):
        return
    shots = _shots()
    if keyed or (not _look_at and any(shot.names not in _status for shot in shots)):
        look_again()
    if any(out_of_date(shot, make_plan(shot)) for shot in shots):
        wake()


@bpy.app.handlers.persistent
def on_restored(*_: Any) -> None:
    """After undo, redo and loading, keys may be older than the controls that came back with them."""
    _status.clear()
    look_again()


HANDLERS = (("depsgraph_update_post", on_update), ("undo_post", on_restored), ("redo_post", on_restored),
            ("load_post", on_restored))


def register() -> None:
    controls.on_change, controls.on_switch = changed, switched
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    controls.on_change = controls.on_switch = lambda root: None
    for name, handler in HANDLERS:
        with suppress(ValueError):
            getattr(bpy.app.handlers, name).remove(handler)
    _status.clear()
    _looks.clear()
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)


def _look(names: Names) -> Iterator[None]:
    """Find out one head's status, a channel at a time; the head may be gone at any of them."""
    with suppress(HeadroomError):
        found = _beside_clip(find_shot(*names))
        yield
        total = 0
        for channel in channels_of(find_shot(*names)):
            total += own_key_count(find_shot(*names), channel)
            yield
        _status[names] = replace(found, own_keys=total)


def _beside_clip(shot: Shot) -> Status:
    """What the clip says of a head; one that cannot be read is told of, and hides nothing else."""
    try:
        return Status(off_plate=tuple(off_plate(shot)), unsure=tuple(unsure(shot)))
    except InputError as error:
        return Status(trouble=str(error))


def _go_on_looking() -> bool:
    """Look for a short while; whether there is more to see."""
    global _look_at
    until = time.monotonic() + BUDGET_SECONDS
    while _looks and time.monotonic() < until:
        names, look = next(iter(_looks.items()))
        if next(look, look) is look:
            del _looks[names]
    if not _looks:
        _look_at = 0.0
        _redraw()
    return bool(_looks)


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "GRAPH_EDITOR", "DOPESHEET_EDITOR"):
                area.tag_redraw()


def _shots() -> list[Shot]:
    return [shot for scene in bpy.data.scenes for shot in shots_in(scene)]
