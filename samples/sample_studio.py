"""The scene around the sample's person: a blurred room, three lights, a camera, and render settings.

Units are decimetres, axes are the person's (see sample_person); only `to_blender` changes axes.
"""

import bpy
import numpy as np
from mathutils import Vector

SIZE = 512
LENS, SENSOR = 96, 36  # millimetres
CAMERA = (0.0, 6.56, 9.6)  # faces -z


def to_blender(points: np.ndarray) -> np.ndarray:
    """Convert points (..., 3) from the person's axes to Blender's: (x, y, z) -> (x, -z, y)."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


def build_surroundings(materials: dict[str, bpy.types.Material]):
    """Add everything but the person to the scene."""
    _add_room(materials["room"])
    _add_lights()
    _add_camera()
    _set_render()


def to_pixels(points: np.ndarray) -> np.ndarray:
    """Project points (N, 3) into the camera: pixels (N, 2) from the top left."""
    scale = LENS / SENSOR * SIZE / (CAMERA[2] - points[:, 2])
    return np.stack(
        [SIZE / 2 + scale * (points[:, 0] - CAMERA[0]), SIZE / 2 - scale * (points[:, 1] - CAMERA[1])], axis=1
    )


def _add_room(material):
    corners = np.array([[-9, -2, -9], [9, -2, -9], [9, 16, -9], [-9, 16, -9.0]])
    mesh = bpy.data.meshes.new("room")
    mesh.from_pydata(to_blender(corners).tolist(), [], [[0, 1, 2, 3]])
    mesh.materials.append(material)
    mesh.uv_layers.new(name="uv").data.foreach_set("uv", [0, 0, 1, 0, 1, 1, 0, 1])
    wall = bpy.data.objects.new("room", mesh)
    bpy.context.scene.collection.objects.link(wall)
    wall.visible_shadow = False


def _add_lights():
    for name, at, size, energy, colour in (
        ("key", (-5, 6.5, 10.0), 4.0, 900, (1.0, 0.93, 0.84)),
        ("fill", (7, 1.5, 6.8), 6.0, 190, (0.82, 0.9, 1.0)),
        ("rim", (5.5, -4.5, 9.5), 2.5, 520, (1.0, 0.9, 0.78)),
    ):
        light = bpy.data.lights.new(name, "AREA")
        light.energy, light.size, light.color = energy, size, colour
        item = bpy.data.objects.new(name, light)
        bpy.context.scene.collection.objects.link(item)
        x, y, z = at
        item.location = (x, -y, z)
        item.rotation_euler = (Vector((0, 0, 6.6)) - item.location).to_track_quat("-Z", "Y").to_euler()
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.55, 0.6, 0.7, 1)
    world.node_tree.nodes["Background"].inputs[1].default_value = 0.35
    bpy.context.scene.world = world


def _add_camera():
    camera = bpy.data.cameras.new("camera")
    camera.lens, camera.sensor_width = LENS, SENSOR
    item = bpy.data.objects.new("camera", camera)
    bpy.context.scene.collection.objects.link(item)
    item.location, item.rotation_euler = to_blender(np.array(CAMERA)), (np.pi / 2, 0, 0)
    bpy.context.scene.camera = item


def _set_render():
    scene = bpy.context.scene
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    scene.render.use_persistent_data = True
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.engine = "CYCLES"
    scene.cycles.seed = 1  # one seed, so that the remaining noise does not flicker
    scene.cycles.max_bounces = scene.cycles.diffuse_bounces = scene.cycles.glossy_bounces = 1
    scene.cycles.use_denoising = True
    scene.cycles.denoising_quality = scene.cycles.denoising_prefilter = "FAST"
    scene.cycles.debug_bvh_type = "DYNAMIC_BVH"
    scene.cycles_curves.shape = "RIBBONS"
