"""Which head is selected, and which shots were made without a window, so that nobody has seen them yet."""

from __future__ import annotations

import bpy

from .shot import Shot

UNSEEN = "headroom_unseen"
"""Custom property of the root of such a shot; the first window that opens the file frames the shot and removes it."""


def select_face(context: bpy.types.Context, shot: Shot) -> None:
    """Select the face alone, because the graph editor shows the F-curves of selected objects."""
    if context.mode != "OBJECT" or shot.face.name not in context.view_layer.objects:
        return
    for each in context.selected_objects:
        each.select_set(False)
    shot.face.select_set(True)
    context.view_layer.objects.active = shot.face
