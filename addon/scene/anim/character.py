"""The characters that a take can be transferred to: their shapes, and the bone of their head."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import bpy

from ..build.shot import ROLE
from .curves import CurvePath

GROUP = "Headroom"
"""Channel group of transferred curves."""
_HEAD = re.compile(r"(^|[^a-z])head$", re.IGNORECASE)


@dataclass(frozen=True)
class Shape:
    """A number of a character that a take can move.

    owner: the shape keys or the object that it belongs to.
    limits: its smallest and largest value.
    """

    owner: Any
    curve: CurvePath
    limits: tuple[float, float]


def is_character(item: bpy.types.Object) -> bool:
    """Return whether an object has shapes and belongs to no shot."""
    return not item.get(ROLE) and bool(shapes_of(item))


def shapes_of(item: bpy.types.Object) -> dict[str, Shape]:
    """Return name -> shape: the shape keys of a mesh, otherwise the custom properties that are fractions.

    What a driver moves is left out.
    """
    keys = getattr(item.data, "shape_keys", None)
    if keys is not None:
        blocks = keys.key_blocks
        found = {block.name: Shape(keys, CurvePath(block.path_from_id("value"), group=GROUP),
                                   (block.slider_min, block.slider_max)) for block in blocks[1:]}
    else:
        found = {name: Shape(item, CurvePath(f'["{bpy.utils.escape_identifier(name)}"]', group=GROUP), (0.0, 1.0))
                 for name in item.keys() if isinstance(item[name], float)}
    driven = {(shape.owner, driver.data_path) for shape in list(found.values())[:1]
              if shape.owner.animation_data is not None for driver in shape.owner.animation_data.drivers}
    return {name: shape for name, shape in found.items() if (shape.owner, shape.curve.data_path) not in driven}


def find_head(item: bpy.types.Object) -> tuple[bpy.types.Object | None, str]:
    """Return the armature of a character and the name of its head bone; (None, "") where there is none."""
    armature = item if item.type == "ARMATURE" else item.find_armature()
    bones = [] if armature is None else [bone.name for bone in armature.data.bones if _HEAD.search(bone.name)]
    return (armature, min(bones, key=len)) if bones else (None, "")
