"""The person of the sample in Blender, as meshes and curves that can be posed and rendered.

One scene unit is a decimetre. Axes are the person's; `to_blender` converts them.
"""

from pathlib import Path

import bpy
import numpy as np
import sample_hair
from mathutils import Matrix
from sample_materials import make_materials
from sample_motion import Moment
from sample_person import Person, Surface
from sample_studio import SIZE, build_surroundings, to_blender, to_pixels
from sample_teeth import lower_teeth, tongue_quads, upper_teeth

MARGIN = 14  # pixels around the head


class SampleScene:
    """The scene; `pose` changes it."""

    def __init__(self, person: Person):
        self.person = person
        self.pivot = person.joint("head") * np.array([0, 1, 1])
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.materials = make_materials(person)
        self._build_person()
        build_surroundings(self.materials)

    def _build_person(self):
        person, materials = self.person, self.materials
        body, tights = person.parts["body"], person.parts["helper-tights"]
        self.meshes = [
            _mesh("skin", person, _select(person, body, lambda c: c[:, 1] > 4.9), materials["skin"], levels=1),
            _mesh(
                "sweater",
                person,
                _select(person, tights, lambda c: (c[:, 1] > 3.6) & (c[:, 1] < _collar(c))),
                materials["cloth"],
                levels=1,
                thickness=0.06,
            ),
            _mesh("tongue", person, tongue_quads(person), materials["tongue"], levels=1),
        ]
        self.lashes = [
            _mesh(n, person, person.parts[f"helper-{n}"], materials["lash"], levels=0)
            for n in ("l-eyelashes-2", "r-eyelashes-2")
        ]
        self.strands = sample_hair.head_hair(person)
        self.hair = _curves("hair", self.strands, materials["hair"])
        self.brow_roots, self.brow_strands = sample_hair.brows(person)
        self.brows = _curves("brows", self.brow_strands, materials["brow"])
        self.eyes = {side: _eye(person, side, materials["eye"]) for side in "lr"}
        self.upper = _shape("upper teeth", upper_teeth(person), materials["tooth"])
        self.lower = _shape("lower teeth", lower_teeth(person), materials["tooth"])

    def pose(self, moment: Moment) -> tuple[int, int, int, int]:
        """Show one pose. Return the window that contains the head, in pixels: left, top, right, bottom."""
        person = self.person
        head = _head_matrix(moment.rotation, moment.translation, self.pivot)
        shaped = person.vertices(moment.face)
        turned = shaped @ head[:3, :3].T + head[:3, 3]
        follow = person.head_weight[:, None]
        vertices = (1 - follow) * shaped + follow * turned
        for item, used in self.meshes + self.lashes:
            _move(item, vertices[used])
        head_in_blender = _in_blender(head)
        self.hair.matrix_world = head_in_blender
        self.upper.matrix_world = head_in_blender
        self.lower.matrix_world = _in_blender(head @ _jaw(person, shaped))
        moved = shaped[self.brow_roots] - person.neutral[self.brow_roots]
        points = (self.brow_strands.points + moved[:, None]) @ head[:3, :3].T + head[:3, 3]
        self.brows.data.points.foreach_set("position", to_blender(points).astype(np.float32).ravel())
        self.brows.data.update_tag()
        for side, eye in self.eyes.items():
            centre = person.joint(f"{side}-eye")
            gaze = _head_matrix(np.array([*moment.gaze, 0]), np.zeros(3), centre)
            position = np.eye(4)
            position[:3, 3] = centre
            eye.matrix_world = _in_blender(head @ gaze @ position)
        return self._window(head)

    def _window(self, head: np.ndarray) -> tuple[int, int, int, int]:
        points = self.strands.points[:, ::3].reshape(-1, 3) @ head[:3, :3].T + head[:3, 3]
        pixels = to_pixels(points)
        low, high = pixels.min(axis=0) - MARGIN, pixels.max(axis=0) + MARGIN
        left, top = np.clip(low, 0, SIZE).astype(int).tolist()
        right, bottom = np.clip(high, 0, SIZE).astype(int).tolist()
        return left, top, right, bottom


def _collar(points: np.ndarray) -> np.ndarray:
    return 5.62 - 0.2 * np.clip(points[:, 2], -0.5, 1)


def _select(person: Person, surface: Surface, condition) -> Surface:
    chosen = condition(person.neutral[surface.quads].mean(axis=1))
    return Surface(surface.quads[chosen], surface.uv[chosen])


def _mesh(name, person, surface, material, levels, thickness=0.0):
    """Return a deforming object and the vertices of the base mesh that it uses."""
    used, quads = np.unique(surface.quads, return_inverse=True)
    item = _shape(name, (person.neutral[used], quads.reshape(-1, 4)), material)
    uv = item.data.uv_layers.new(name="uv")
    uv.data.foreach_set("uv", surface.uv.astype(np.float32).ravel())
    rest = item.data.attributes.new("rest", "FLOAT_VECTOR", "POINT")
    rest.data.foreach_set("vector", person.neutral[used].astype(np.float32).ravel())
    scalp = item.data.attributes.new("scalp", "FLOAT", "POINT")
    scalp.data.foreach_set("value", sample_hair.scalp_mask(person.neutral[used], 0.2).astype(np.float32))
    if thickness:
        solid = item.modifiers.new("thickness", "SOLIDIFY")
        solid.thickness, solid.offset = thickness, 1
    if levels:
        smooth = item.modifiers.new("smooth", "SUBSURF")
        smooth.levels = smooth.render_levels = levels
    return item, used


def _shape(name, geometry, material):
    vertices, quads = geometry
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(to_blender(vertices).tolist(), [], quads.tolist())
    mesh.shade_smooth()
    mesh.materials.append(material)
    item = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(item)
    return item


def _curves(name, strands, material):
    curves = bpy.data.hair_curves.new(name)
    count, points = strands.points.shape[:2]
    curves.add_curves([points] * count)
    curves.points.foreach_set("position", to_blender(strands.points).astype(np.float32).ravel())
    curves.points.foreach_set("radius", np.tile(strands.radius, count).astype(np.float32))
    shade = curves.attributes.new("shade", "FLOAT", "CURVE")
    shade.data.foreach_set("value", strands.shade.astype(np.float32))
    curves.materials.append(material)
    item = bpy.data.objects.new(name, curves)
    bpy.context.scene.collection.objects.link(item)
    return item


def _eye(person, side, material):
    """Return an eyeball with a cornea that faces +z of the person; its origin is its centre."""
    extent = np.ptp(person.neutral[person.group(f"helper-{side}-eye")], axis=0)
    radius = extent.mean() / 2
    polar, azimuth = np.linspace(0, np.pi, 33), np.linspace(0, 2 * np.pi, 49)[:-1]
    bulge = radius * (1 + 0.045 * np.clip(1 - polar / 0.55, 0, 1) ** 0.7)
    ring = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=1)
    points = np.concatenate(
        [np.column_stack([np.sin(p) * b * ring, np.full(48, np.cos(p) * b)]) for p, b in zip(polar, bulge)]
    )
    row, column = np.divmod(np.arange(32 * 48), 48)
    following = (column + 1) % 48
    quads = np.stack(
        [row * 48 + column, row * 48 + 48 + column, row * 48 + 48 + following, row * 48 + following], axis=1
    )
    eye = _shape(f"eye {side}", (points, quads), material)
    axis = eye.data.attributes.new("polar", "FLOAT", "POINT")
    axis.data.foreach_set("value", np.repeat(polar, 48).astype(np.float32))
    return eye


def _move(item, vertices):
    item.data.vertices.foreach_set("co", to_blender(vertices).astype(np.float32).ravel())
    item.data.update()


def _head_matrix(rotation, translation, pivot) -> np.ndarray:
    """Return the transform (4, 4) that rotates about `pivot`, by pitch, yaw and roll in this order, and then moves."""
    turn = np.array(
        Matrix.Rotation(rotation[2], 3, "Z")
        @ Matrix.Rotation(rotation[1], 3, "Y")
        @ Matrix.Rotation(rotation[0], 3, "X")
    )
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, pivot + translation - turn @ pivot
    return matrix


def _in_blender(matrix: np.ndarray) -> Matrix:
    """Convert a transform in the person's axes to one of objects in Blender's axes."""
    axes = np.eye(4)
    axes[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    return Matrix((axes @ matrix @ axes.T).tolist())


def _jaw(person: Person, vertices: np.ndarray) -> np.ndarray:
    """Return the rigid motion (4, 4) of the lower teeth, fitted to the face units (Kabsch)."""
    index = person.group("helper-lower-teeth")
    before, after = person.neutral[index], vertices[index]
    u, _, v = np.linalg.svd((before - before.mean(0)).T @ (after - after.mean(0)))
    turn = (u @ np.diag([1, 1, np.linalg.det(u @ v)]) @ v).T
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, after.mean(0) - turn @ before.mean(0)
    return matrix


def render(path: Path, samples: int, window: tuple[int, int, int, int] | None = None):
    """Render the scene to a PNG; `window` = left, top, right, bottom in pixels is the part to render."""
    bpy.context.scene.cycles.samples = samples
    scene = bpy.context.scene.render
    scene.use_border = scene.use_crop_to_border = window is not None
    if window:
        left, top, right, bottom = (edge / SIZE for edge in window)
        scene.border_min_x, scene.border_max_x, scene.border_min_y, scene.border_max_y = (
            left,
            right,
            1 - bottom,
            1 - top,
        )
    scene.filepath = str(path)
    bpy.ops.render.render(write_still=True)
