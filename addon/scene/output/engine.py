"""The engine of a shot: Eevee, or the fast one, which sends only meshes for the backend to draw.

The fast engine draws the head as `open_subject` builds it, in any shape and pose. It does not know material, crop
camera, UV map or shading of the scene, so Eevee renders a shot in which those were changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import bpy

from ...core.messages import message
from ...core.render_settings import AUTO, EEVEE
from ...core.subject import Subject
from .. import compat
from ..build.camera import build_crop_camera
from ..build.face import build_mesh
from ..build.material import build_material
from ..build.nodes import GROUP
from ..build.shot import Shot
from .render_digest import camera_values, is_animated, material_values, surface_values

DEFORMING = {"ARMATURE", "CAST", "CORRECTIVE_SMOOTH", "CURVE", "DISPLACE", "HOOK", "LAPLACIANDEFORM", "LAPLACIANSMOOTH",
             "LATTICE", "MESH_DEFORM", "SHRINKWRAP", "SIMPLE_DEFORM", "SMOOTH", "SURFACE_DEFORM", "WARP", "WAVE"}
"""Modifiers that only move vertices."""


@dataclass(frozen=True)
class Engine:
    """The engine that was chosen, and what the user should know of the choice."""

    is_fast: bool
    notes: tuple[str, ...] = ()


def choose_engine(shot: Shot, wanted: str) -> Engine:
    """Return the engine for a shot.

    wanted: one of `core.render_settings.ENGINES`.
    """
    if wanted == EEVEE or (wanted == AUTO and has_graphics_card()):
        return Engine(is_fast=False)
    notes: tuple[str, ...] = ()
    change = undrawn_change(shot)
    if change:
        notes = (message("Eevee rendered the frames, because the fast engine does not draw {change}.", change=change),)
    elif wanted == AUTO:
        notes = (message("The fast engine drew the frames instead of Eevee, because Blender found no graphics card."),)
    return Engine(not change, notes)


@lru_cache(maxsize=1)
def has_graphics_card() -> bool:
    """Return whether Blender draws with a graphics card; software OpenGL is none."""
    if compat.gpu_device_type() is None:  # without a window, Blender starts OpenGL for its first render
        _render_nothing()
    return compat.gpu_device_type() not in (None, "SOFTWARE")


def undrawn_change(shot: Shot) -> str:
    """Return in words what was changed in a shot that the fast engine does not draw; empty when there is nothing."""
    other = next((each for each in shot.face.modifiers if each.show_render and each.type not in DEFORMING), None)
    if other is not None:
        return message("the modifier {name}", name=other.name)
    if is_animated(shot):
        return message("an animated material or crop camera")
    materials = list(shot.face.data.materials)
    with _built_again(shot) as (mesh, material, camera):
        if len(materials) != 1 or materials[0] is None or list(material_values(materials[0])) != list(
                material_values(material)):
            return message("the changed material")
        if list(camera_values(shot.crop_camera)) != list(camera_values(camera)):
            return message("the changed crop camera")
        if list(surface_values(shot.face.data)) != list(surface_values(mesh)):
            return message("the changed UV map, topology or shading of the mesh")
    return ""


@contextmanager
def _built_again(shot: Shot) -> Iterator[tuple[bpy.types.Mesh, bpy.types.Material, bpy.types.Object]]:
    """Build mesh, material and crop camera of a shot's subject again; they are removed after the block."""
    subject: Subject = shot.subject
    rig, before = subject.rig(), {*bpy.data.node_groups, *bpy.data.images}
    groups = {tree: tree[GROUP] for tree in bpy.data.node_groups if tree.get(GROUP)}
    made: list[Any] = []
    for tree in groups:
        tree[GROUP] = ""  # so that none is used again
    try:
        mesh = build_mesh(rig, "Headroom Comparison")
        made.append(mesh)
        camera = build_crop_camera(rig, "Headroom Comparison")
        made += [camera, camera.data]
        material = build_material(rig.light, subject.albedo, shot.root, "Headroom Comparison")
        made.append(material)
        yield mesh, material, camera
    finally:
        made += {*bpy.data.node_groups, *bpy.data.images} - before
        bpy.data.batch_remove(made)
        for tree, name in groups.items():
            tree[GROUP] = name


def _render_nothing() -> None:
    """Render a few pixels of an empty scene."""
    scene = bpy.data.scenes.new("Headroom GPU")
    camera = bpy.data.cameras.new("Headroom GPU")
    viewpoint = bpy.data.objects.new("Headroom GPU", camera)
    try:
        scene.collection.objects.link(viewpoint)
        scene.camera = viewpoint
        scene.render.engine = "BLENDER_WORKBENCH"  # type: ignore[assignment]  # the stubs list one engine
        scene.render.resolution_x = scene.render.resolution_y = 4
        scene.render.use_compositing = scene.render.use_sequencer = False
        bpy.ops.render.render(scene=scene.name)
    except RuntimeError:  # no OpenGL at all
        pass
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.batch_remove([viewpoint, camera])
