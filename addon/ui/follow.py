"""Keys that follow controls, takes, a moved sound strip, the scene rate, undo and loading, by calling `compose`.

Handlers only note that something may have changed. The timer `update` does the work, a short piece at a time. It waits
while an artist drags keys or Blender renders, because both hold references to the keys that would be replaced.

This module owns the handlers, the timer and four values, all changed on the main thread only: `_status`, what the
panel shows of each head; `_scans`, the scans that compute it, and the transfers to linked characters; `_scan_time`,
when the next scans begin; `_newer_shots`, what the last upgrade returned.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy

from ..core.coverage import Span
from ..core.errors import HeadroomError, InputError
from ..scene import compat
from ..scene.anim import controls, transfer_settings
from ..scene.anim.channels import channels_of
from ..scene.anim.compose import compose, is_out_of_date, make_plan
from ..scene.anim.coverage import low_confidence_spans, off_plate_spans
from ..scene.anim.live_transfer import follow_head, linked_characters
from ..scene.anim.stored_paths import make_absolute, make_relative
from ..scene.anim.strips import place_speech_of_take
from ..scene.anim.turns import remove_mixes
from ..scene.anim.user_keys import user_key_count
from ..scene.anim.word_strips import follow_word_strips, has_word_strips
from ..scene.build.shot import Shot, ShotRef, all_shots, find_shot
from ..scene.build.upgrade import upgrade_file

BUDGET_SECONDS = 0.04
"""Time that `update` may take, so that the window stays responsive."""
TICK_SECONDS = 0.01
BUSY_SECONDS = 0.2
"""Pause while Blender renders or keys are dragged."""
IDLE_SECONDS = 0.3
"""Time without a change after which heads are scanned."""


@dataclass(frozen=True)
class Status:
    """What the panel shows of one head.

    user_keys: number of the animator's keys and of frames whose keys they deleted.
    off_plate: scene frames whose head pose is far from every pose in the clip.
    uncertain: sections of the clip, in seconds, where tracking was uncertain.
    error: why the last two are not known; empty when they are.
    """

    user_keys: int = 0
    off_plate: tuple[Span, ...] = ()
    uncertain: tuple[tuple[float, float], ...] = ()
    error: str = ""


_status: dict[ShotRef, Status] = {}
_scans: dict[ShotRef | str, Iterator[None]] = {}
_scan_time = 0.0  # of time.monotonic(); 0 when no scan is requested
_newer_shots: list[str] = []


def status(shot: Shot) -> Status:
    """Return the result of the last scan; every redraw of the panel asks, so nothing is computed here."""
    return _status.get(shot.ref, Status())


def newer_shots() -> list[str]:
    """Return the names of the open file's shots that a newer version of the add-on saved, which cannot be used."""
    return _newer_shots


def controls_changed(root: bpy.types.Object, budget_seconds: float = BUDGET_SECONDS) -> None:
    """Compose the keys of the head of `root`; what takes longer than the budget is left to the timer."""
    for shot in all_shots():
        if shot.root == root:
            done = compose(shot, float("inf") if bpy.app.background else budget_seconds)
            request_scan()
            if not done:
                start_timer()


def take_switched(root: bpy.types.Object) -> None:
    """Follow a switch of the active take of `root`; the sound strip of its speech is placed."""
    for shot in all_shots():
        if shot.root == root:
            place_speech_of_take(shot)
    controls_changed(root)


def character_changed(character: bpy.types.Object) -> None:
    """Follow a change of a character's table where it is linked to a head."""
    if transfer_settings.transfer_of(character).live:
        request_scan()


def request_scan() -> None:
    """Scan all heads anew once nothing has changed for IDLE_SECONDS."""
    global _scan_time
    _scan_time = time.monotonic() + IDLE_SECONDS
    _scans.clear()
    start_timer()


def start_timer() -> None:
    """Register the timer. Without a window timers do not run, and whoever changes something composes at once."""
    if not bpy.app.background and not bpy.app.timers.is_registered(update):
        bpy.app.timers.register(update, first_interval=TICK_SECONDS, persistent=True)


def update() -> float | None:
    """Do a piece of the pending work; called by the timer, and by tests. Returns the pause until the next piece."""
    if compat.is_rendering() or compat.keys_are_dragged():
        return BUSY_SECONDS
    _upgrade()  # the extension may have been updated while an older file is open
    shots = all_shots()
    _follow_words(shots)
    if not all([compose(shot, BUDGET_SECONDS) for shot in shots]):
        return TICK_SECONDS
    if time.monotonic() < _scan_time:
        return max(TICK_SECONDS, _scan_time - time.monotonic())
    if _scan_time and not _scans:
        _scans.update((shot.ref, _scan(shot.ref)) for shot in shots)
        _scans.update((name, follow_head(name)) for name in linked_characters())
    return TICK_SECONDS if _advance_scans() else None


@bpy.app.handlers.persistent
def on_depsgraph_update(scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    """Note changed F-curves, strips and scene rates, of which Blender gives no other notice; ignore all else."""
    keyed, rearranged = (depsgraph.id_type_updated(kind) for kind in ("ACTION", "SCENE"))
    if not (keyed or rearranged):
        return
    shots = all_shots()
    if keyed or (not _scan_time and any(shot.ref not in _status for shot in shots)):
        request_scan()
    if any(is_out_of_date(shot, make_plan(shot)) for shot in shots) or (
            rearranged and any(map(has_word_strips, shots))):
        start_timer()


@bpy.app.handlers.persistent
def on_save(path: str, *_: Any) -> None:
    """Store paths relative to the file; `path` is empty for the startup file."""
    if path:
        make_relative(Path(path).parent)


@bpy.app.handlers.persistent
def on_saved(path: str, *_: Any) -> None:
    """Make paths absolute again; the file may be a copy in another folder."""
    if path:
        make_absolute(Path(path).parent)


@bpy.app.handlers.persistent
def on_imported(imported: Any, *_: Any) -> None:
    """Make the paths of appended shots, which are relative to their file, absolute."""
    for item in imported.import_items:
        if item.source_library is not None and isinstance(item.id, bpy.types.Object) and item.id.library is None:
            make_absolute(Path(bpy.path.abspath(item.source_library.filepath)).parent, [item.id])
    _look_again()


@bpy.app.handlers.persistent
def on_restored(*_: Any) -> None:
    """Follow what undo brings back or a file holds."""
    remove_mixes()
    _look_again()


def _look_again() -> None:
    """Upgrade shots of an older format before anything else reads them; keys may be older than their controls too.

    Undo may bring back the file as it was loaded, so shots are upgraded after undo as well as after loading and
    appending.
    """
    _upgrade()
    _status.clear()
    request_scan()


HANDLERS = (("depsgraph_update_post", on_depsgraph_update), ("undo_post", on_restored), ("redo_post", on_restored),
            ("load_post", on_restored), ("blend_import_post", on_imported), ("save_pre", on_save),
            ("save_post", on_saved), ("save_post_fail", on_saved))
"""Name in `bpy.app.handlers`, handler. Blender 4.2 has no `blend_import_post`."""


def register() -> None:
    """Add the handlers; the timer upgrades the open file, which cannot be read while Blender starts."""
    controls.on_change, controls.on_switch = controls_changed, take_switched
    transfer_settings.on_change = character_changed
    for name, handler in HANDLERS:
        if hasattr(bpy.app.handlers, name):
            getattr(bpy.app.handlers, name).append(handler)
    start_timer()


def unregister() -> None:
    """Remove the handlers and the timer, and forget the heads."""
    global _scan_time
    controls.on_change = controls.on_switch = transfer_settings.on_change = controls.ignore
    for name, handler in HANDLERS:
        with suppress(ValueError, AttributeError):
            getattr(bpy.app.handlers, name).remove(handler)
    _status.clear()
    _scans.clear()
    _scan_time = 0.0
    if bpy.app.timers.is_registered(update):
        bpy.app.timers.unregister(update)


def _follow_words(shots: list[Shot]) -> None:
    """Retime the words whose strips were moved, and move strips whose words were."""
    if not compat.strips_are_dragged():
        for shot in shots:
            follow_word_strips(shot)


def _upgrade() -> None:
    global _newer_shots
    _newer_shots = upgrade_file()
    if bpy.data.filepath:
        make_absolute(Path(bpy.data.filepath).parent)


def _scan(ref: ShotRef) -> Iterator[None]:
    """Compute one head's status, a channel at a time; the head may be deleted at any time."""
    with suppress(HeadroomError):
        result = _clip_status(find_shot(ref))
        yield
        total = 0
        for channel in channels_of(find_shot(ref)):
            total += user_key_count(find_shot(ref), channel)
            yield
        _status[ref] = replace(result, user_keys=total)


def _clip_status(shot: Shot) -> Status:
    """Compare a head with its clip; a clip that cannot be read becomes the status' error."""
    try:
        return Status(off_plate=tuple(off_plate_spans(shot)), uncertain=tuple(low_confidence_spans(shot)))
    except InputError as error:
        return Status(error=error.args[0])


def _advance_scans() -> bool:
    """Continue the scans for the budget; return whether some are left."""
    global _scan_time
    end = time.monotonic() + BUDGET_SECONDS
    while _scans and time.monotonic() < end:
        ref, scan = next(iter(_scans.items()))
        try:
            next(scan)
        except StopIteration:
            del _scans[ref]
        except Exception:  # the other heads are scanned all the same
            traceback.print_exc()
            del _scans[ref]
    if not _scans:
        _scan_time = 0.0
        _redraw()
    return bool(_scans)


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "GRAPH_EDITOR", "DOPESHEET_EDITOR"):
                area.tag_redraw()
