"""Characters that are linked to a head: a transfer is written again when what the head plays, or the table, changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import bpy

from ..build.shot import Shot, all_shots
from .channels import POSE_CHANNELS, channel_curve, control_channels
from .compose import make_plan
from .controls import active_take
from .curves import all_points
from .transfer import read_take, transfer_in_steps
from .transfer_settings import transfer_of

SETTINGS = ("bone", "forward", "head_gain")


def link(shot: Shot, character: bpy.types.Object) -> None:
    """Note which head a character plays, and that its keys are up to date."""
    settings = transfer_of(character)
    settings.source, settings.written_from = shot.root, _digest(shot, character)


def linked_characters() -> list[str]:
    """Return the names of the characters that follow a head."""
    return [item.name for item in bpy.data.objects
            if transfer_of(item).live and transfer_of(item).source is not None]


def follow_head(name: str) -> Iterator[None]:
    """Write a character's keys again, in short steps, where they are out of date."""
    character = bpy.data.objects.get(name)
    shot = _played_shot(character) if character is not None else None
    if character is None or shot is None or active_take(shot.root) is None:
        return
    written_from = _digest(shot, character)
    if transfer_of(character).written_from == written_from:
        return
    yield
    yield from transfer_in_steps(read_take(shot), character)
    found = bpy.data.objects.get(name)
    if found is not None:
        transfer_of(found).written_from = written_from


def _played_shot(character: bpy.types.Object) -> Shot | None:
    source = transfer_of(character).source
    return next((shot for shot in all_shots() if shot.root == source), None)


def _digest(shot: Shot, character: bpy.types.Object) -> str:
    """Return the digest of everything that a transfer reads: the head's curves, its placement, phones and the table."""
    plan, take, settings = make_plan(shot), active_take(shot.root), transfer_of(character)
    table = [[row.name, row.source, row.gain, row.offset] for row in settings.rows]
    values = [table, settings.head.name if settings.head else "", [getattr(settings, name) for name in SETTINGS],
              str(plan.placement if plan else None), plan.fps if plan else 0, take.phones if take else ""]
    digest = hashlib.sha256(json.dumps(values).encode())
    for channel in (*POSE_CHANNELS[:3], *control_channels(shot)):
        curve = channel_curve(shot, channel)
        if curve is not None:
            digest.update(f"{curve.data_path} {curve.mute}".encode())
            digest.update(all_points(curve).tobytes())
    return digest.hexdigest()
