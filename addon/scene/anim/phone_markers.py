"""Timeline markers that name the phones of a head's active take.

A marker is known by its custom property `headroom_phone`, which names its shot; an artist may rename or move it.
"""

from __future__ import annotations

import bpy

from ...core.phones import phone_labels, phones_of_text
from ..build.shot import Shot, shots_in
from .compose import make_plan
from .controls import active_take
from .strips import ensure_owner, owner_of

TAG = "headroom_phone"
"""Custom property of markers that the add-on added."""


def add_phone_markers(shot: Shot) -> int:
    """Mark the phones that the active take plays, in place of the head's earlier markers; returns how many."""
    remove_phone_markers(shot)
    plan, take, owner = make_plan(shot), active_take(shot.root), ensure_owner(shot)
    if plan is None or take is None:
        return 0
    labels = [(frame, name) for frame, name in phone_labels(phones_of_text(take.phones), plan.placement.start, plan.fps)
              if plan.placement.first <= frame < plan.placement.end]
    for frame, name in labels:
        shot.scene.timeline_markers.new(name, frame=frame)[TAG] = owner
    return len(labels)


def remove_phone_markers(shot: Shot) -> int:
    """Remove the head's phone markers, and those of heads that are no longer in the scene; returns how many."""
    markers = phone_markers(shot)
    for marker in markers:
        marker.id_properties_clear()  # Blender 4.5 does not free them with the marker
        shot.scene.timeline_markers.remove(marker)
    return len(markers)


def phone_markers(shot: Shot) -> list[bpy.types.TimelineMarker]:
    """Return the head's phone markers, and those of heads that are no longer in the scene."""
    others = {owner_of(each) for each in shots_in(shot.scene)} - {owner_of(shot)}
    return [marker for marker in shot.scene.timeline_markers if marker.get(TAG) and marker[TAG] not in others]
