"""Helpers for node trees: a grid to place nodes on, and node groups that are built once per file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

COLUMN, ROW = 220, -180
GROUP = "headroom_group"
"""Custom property of every group: its name and version."""
VERSION = 2
"""Raised when the nodes inside a group change, so that older shots keep the group they were saved with."""


def at(node: Any, column: float, row: float, label: str = "") -> Any:
    """Place `node` on the grid and label it; returns it."""
    node.location = (column * COLUMN, row * ROW)
    node.label = label
    return node


def node_group(name: str, inputs: Iterable[tuple[str, str]], outputs: Iterable[tuple[str, str]]
               ) -> tuple[bpy.types.NodeTree, Any, Any]:
    """Return a shader group with sockets (name, VECTOR or COLOR), and its input and output nodes.

    The nodes are None where the file already has the group, because nothing is left to build then.
    """
    for group in bpy.data.node_groups:
        if group.get(GROUP) == f"{name} {VERSION}":
            return group, None, None
    tree: Any = bpy.data.node_groups.new(name, "ShaderNodeTree")
    tree[GROUP] = f"{name} {VERSION}"
    kinds = {"VECTOR": "NodeSocketVector", "COLOR": "NodeSocketColor"}
    for label, kind in inputs:
        tree.interface.new_socket(label, in_out="INPUT", socket_type=kinds[kind])
    for label, kind in outputs:
        tree.interface.new_socket(label, in_out="OUTPUT", socket_type=kinds[kind])
    start, end = tree.nodes.new("NodeGroupInput"), at(tree.nodes.new("NodeGroupOutput"), 10, 0)
    return tree, start, end
