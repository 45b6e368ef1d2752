"""Timeline markers that name the phones of a head's active take.

The head stores frame and name of the markers it has added, because markers have no custom properties since Blender 5.0.
A marker that an artist moves or renames is the artist's from then on.
"""

from __future__ import annotations

import json
from collections import Counter

import bpy

from ...core.phones import phone_labels, phones_of_text
from ..build.shot import Shot
from .compose import make_plan
from .controls import active_take, head_of


def add_phone_markers(shot: Shot) -> int:
    """Mark the phones that the active take plays, in place of the head's earlier markers; returns how many."""
    remove_phone_markers(shot)
    plan, take = make_plan(shot), active_take(shot.root)
    if plan is None or take is None:
        return 0
    labels = [(frame, name) for frame, name in phone_labels(phones_of_text(take.phones), plan.placement.start, plan.fps)
              if plan.placement.first <= frame < plan.placement.end]
    for frame, name in labels:
        shot.scene.timeline_markers.new(name, frame=frame).select = False  # or moving markers would move all of them
    head_of(shot.root).phone_markers = json.dumps(labels) if labels else ""
    return len(labels)


def remove_phone_markers(shot: Shot) -> int:
    """Remove the markers that the head has added, where they still are as they were added; returns how many."""
    markers = _added_markers(shot)
    for marker in markers:
        shot.scene.timeline_markers.remove(marker)
    head_of(shot.root).phone_markers = ""
    return len(markers)


def _added_markers(shot: Shot) -> list[bpy.types.TimelineMarker]:
    added = Counter((frame, name) for frame, name in json.loads(head_of(shot.root).phone_markers or "[]"))
    found = []
    for marker in reversed(shot.scene.timeline_markers):  # an artist's marker of the same frame and name stays
        key = marker.frame, marker.name
        if added[key] > 0:
            added[key] -= 1
            found.append(marker)
    return found
