"""Upgrade of shots that an older version of the add-on stored in a .blend.

The format is a number on every root (`shot.FORMAT_KEY`); format 1 had none. One function per step brings everything
that belongs to the shots of one format to the next one. Old and new names are spelled out here, because a step stays
as it is when later versions rename things again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from .. import compat
from .shot import FORMAT, FORMAT_KEY, ROLE


def upgrade_file() -> list[str]:
    """Upgrade every shot of the open file; returns the names of shots that a newer version of the add-on saved."""
    roots = [each for each in bpy.data.objects if each.get(ROLE) == "root"]
    for number in range(1, FORMAT):
        old = [root for root in roots if root.get(FORMAT_KEY, 1) == number]
        if old:
            STEPS[number](old)
            for root in old:
                root[FORMAT_KEY] = number + 1
    return [root.name for root in roots if root[FORMAT_KEY] > FORMAT]


def _from_1_to_2(roots: list[bpy.types.Object]) -> None:
    """Rename custom properties, and the controls `look_left` and `look_up` to `gaze_left` and `gaze_up`.

    Controls that are added to shape keys are now in units of the face model, also where a shape key is longer than one
    unit, so that 1 of gaze is 10 degrees for every subject.
    """
    for action in bpy.data.actions:
        _rename_records(action)
    for strip in _all_strips():
        _rename(strip, "headroom_laid", "headroom_added")
    _rename_animated_paths({"headroom.look_left": "headroom.gaze_left", "headroom.look_up": "headroom.gaze_up"})
    for root in roots:
        _rename(root, "headroom_name", "headroom_strip_owner")
        controls = compat.stored_properties(root).get("headroom")
        if controls is not None:
            _rename(controls, "look_left", "gaze_left")
            _rename(controls, "look_up", "gaze_up")
            _scale_offsets(root, controls)


def _from_2_to_3(roots: list[bpy.types.Object]) -> None:
    """Note the names of the shape keys, by which channels are found now; the head has no controls with names.

    A performed head keeps a key on every frame, so that its curves stay as they were saved.
    """
    for root in roots:
        controls = compat.stored_properties(root).get("headroom")
        if controls is not None and len(controls.get("takes", ())):
            controls["every_frame"] = True
        face = next((child for child in root.children if child.get(ROLE) == "face"), None)
        keys = face.data.shape_keys if face is not None else None
        names = [key.name for key in keys.key_blocks][1:] if keys is not None else []
        root["headroom_detail_keys"] = names[:len(root["headroom_regions"])]
        for name in ("keys", "groups", "directions"):
            root[f"headroom_control_{name}"] = []


STEPS = {1: _from_1_to_2, 2: _from_2_to_3}
"""Format -> the function that brings the shots of that format to the next one."""


def _rename_records(action: Any) -> None:
    """Rename the records of generated keys and their fields, where an action has them."""
    for record in action.get("headroom_written", {}).values():
        _rename(record, "removed", "deleted")
        _rename(record, "made_with", "composed_from")
    _rename(action, "headroom_written", "headroom_generated")


def _scale_offsets(root: bpy.types.Object, controls: Any) -> None:
    """Multiply offsets by the unit of the shape keys they are added to, so that the head stays as it is."""
    regions, units = list(root["headroom_regions"]), list(root["headroom_key_units"])
    for region, names in (("Mouth", ["mouth_open"]), ("Eyes", ["lids_open"]), ("Gaze", ["gaze_left", "gaze_up"]),
                          ("Brows", ["brows_raise"])):
        shape_keys = [number for number, each in enumerate(regions) if each == region]
        for name, unit in zip(names, (units[number] for number in shape_keys)):
            if name in controls and unit != 1.0:
                controls[name] = float(controls[name] * unit)
                for curve in compat.curves_of(root):
                    if curve.data_path == f"headroom.{name}":
                        _scale_curve(curve, unit)


def _scale_curve(curve: bpy.types.FCurve, factor: float) -> None:
    """Multiply the values of an F-curve's keys and handles."""
    for point in curve.keyframe_points:
        for each in (point.co, point.handle_left, point.handle_right):
            each[1] *= factor
    curve.update()


def _rename_animated_paths(names: dict[str, str]) -> None:
    """Rename data paths of F-curves and drivers, and those that drivers read."""
    for curve in (curve for action in bpy.data.actions for curve in compat.curves_in(action)):
        _rename_path(curve, names)
    for curve in (curve for data in _animation_data() for curve in data.drivers):
        targets = [target for variable in curve.driver.variables for target in variable.targets]
        if any([_rename_path(each, names) for each in (curve, *targets)]):
            curve.driver.is_valid = True  # Blender disabled it while the property was missing


def _rename_path(owner: Any, names: dict[str, str]) -> bool:
    """Rename the data path of an F-curve or a driver target; returns whether it had an old name."""
    if owner.data_path not in names:
        return False
    owner.data_path = names[owner.data_path]
    if isinstance(owner, bpy.types.FCurve):
        owner.is_valid = True  # Blender disabled it while the property was missing
    return True


def _animation_data() -> Iterator[Any]:
    """Yield the animation data of every data-block, and of the node trees inside other data-blocks."""
    for collection in bpy.data.bl_rna.properties:
        if collection.type != "COLLECTION":
            continue
        for block in getattr(bpy.data, collection.identifier):
            for owner in (block, getattr(block, "node_tree", None)):
                data = getattr(owner, "animation_data", None)
                if data is not None:
                    yield data


def _all_strips() -> Iterator[Any]:
    """Yield the sequencer strips of every scene."""
    for scene in bpy.data.scenes:
        if scene.sequence_editor is not None:
            yield from compat.all_strips(scene.sequence_editor)


def _rename(properties: Any, old: str, new: str) -> None:
    """Rename a stored property where it exists."""
    if old in properties:
        value = properties[old]
        properties[new] = value.to_dict() if hasattr(value, "to_dict") else value
        del properties[old]
