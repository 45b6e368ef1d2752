"""Small helpers that keep node trees readable: a grid to lay nodes out on, and groups that are made once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

COLUMN, ROW = 220, -180
VERSION = 2
"""Raised when a group's inside changes, so that an older file keeps the group it was saved with."""


def at(node: Any, column: float, row: float, label: str = "") -> Any:
    """Put `node` on the grid and label it; returns it."""
    node.location = (column * COLUMN, row * ROW)
    node.label = label
    return node


def node_group(name: str, inputs: Iterable[tuple[str, str]], outputs: Iterable[tuple[str, str]]
               ) -> tuple[bpy.types.NodeTree, Any, Any]:
    """A shader group with sockets (name, VECTOR or COLOR), its input and output nodes.

    When the file already has the group it is returned with None for the nodes: there is nothing left to build.
    """
    for known in bpy.data.node_groups:
        if known.get("headroom_group") == f"{name} {VERSION}":
            return known, None, None
    tree: Any = bpy.data.node_groups.new(name, "ShaderNodeTree")
    tree["headroom_group"] = f"{name} {VERSION}"
    kinds = {"VECTOR": "NodeSocketVector", "COLOR": "NodeSocketColor"}
    for label, kind in inputs:
        tree.interface.new_socket(label, in_out="INPUT", socket_type=kinds[kind])
    for label, kind in outputs:
        tree.interface.new_socket(label, in_out="OUTPUT", socket_type=kinds[kind])
    start, end = tree.nodes.new("NodeGroupInput"), at(tree.nodes.new("NodeGroupOutput"), 10, 0)
    return tree, start, end
