"""The first view of a file that was made without a window: what sizes of areas decide is set when they are known."""

from __future__ import annotations

from typing import Any

import bpy

from ..scene.build.selection import UNSEEN
from ..scene.build.shot import all_shots
from .view import frame_curves, show_tab, show_through_camera, view_of

DRAW_SECONDS = 0.3
"""Time after which Blender has drawn a new file's sidebar."""


def show_after_drawing() -> None:
    """Show Headroom's tab, and the unseen shots, as soon as the sidebar is drawn."""
    if not bpy.app.background and not bpy.app.timers.is_registered(show_unseen):
        bpy.app.timers.register(show_unseen, first_interval=DRAW_SECONDS, persistent=True)


@bpy.app.handlers.persistent
def on_load(*_: Any) -> None:
    """Show a shot that nobody has seen yet."""
    if any(each.get(UNSEEN) for each in bpy.data.objects):
        show_after_drawing()


def register() -> None:
    """Add the handler."""
    bpy.app.handlers.load_post.append(on_load)


def unregister() -> None:
    """Remove the handler and the timer."""
    bpy.app.handlers.load_post.remove(on_load)
    if bpy.app.timers.is_registered(show_unseen):
        bpy.app.timers.unregister(show_unseen)


def show_unseen() -> None:
    """Show Headroom's tab, and frame the picture and the curves of unseen shots."""
    show_tab()
    for shot in (shot for shot in all_shots() if shot.root.get(UNSEEN)):
        del shot.root[UNSEEN]
        show_through_camera(view_of(shot.scene), shot)
        frame_curves(bpy.context.window_manager)
