"""The fast engine is chosen where Blender has no graphics card, and only for a head as Headroom built it."""

import pytest


@pytest.fixture
def engine(headroom):
    return headroom.module("scene.output.engine")


def node_of(shot, label):
    tree = shot.face.data.materials[0].node_tree
    return next(node for node in tree.nodes if node.label == label)


@pytest.mark.parametrize(("device", "wanted", "is_fast"), [
    ("NVIDIA", "auto", False), ("SOFTWARE", "auto", True), ("SOFTWARE", "eevee", False), ("NVIDIA", "fast", True)])
def test_auto_is_eevee_with_a_graphics_card_and_fast_with_software_opengl(
        engine, shot, monkeypatch, device, wanted, is_fast):
    monkeypatch.setattr(engine.compat, "gpu_device_type", lambda: device)
    engine.has_graphics_card.cache_clear()
    assert engine.choose_engine(shot, wanted).is_fast == is_fast
    engine.has_graphics_card.cache_clear()


def test_without_a_window_blender_tells_its_device_after_a_render(headroom, engine):
    counts = [len(headroom.bpy.data.scenes), len(headroom.bpy.data.cameras), len(headroom.bpy.data.objects)]
    engine._render_nothing()
    assert engine.compat.gpu_device_type() is not None
    assert counts == [len(headroom.bpy.data.scenes), len(headroom.bpy.data.cameras), len(headroom.bpy.data.objects)]


def test_animation_pose_and_deforming_modifiers_are_drawn(engine, performed):
    performed.face.modifiers.new("Twist", "SIMPLE_DEFORM")
    performed.face.data.shape_keys.key_blocks[5].data[7].co.x += 0.01
    performed.root.rotation_euler, performed.root.location = (0.1, 0.2, 0.3), (1, 2, 3)
    assert engine.undrawn_change(performed) == ""


def test_a_saved_shot_is_as_it_was_built(headroom, engine, shot, tmp_path):
    path = str(tmp_path / "shot.blend")
    headroom.bpy.ops.wm.save_as_mainfile(filepath=path)
    headroom.bpy.ops.wm.open_mainfile(filepath=path)
    (saved,) = headroom.module("scene.build.shot").shots_in(headroom.bpy.context.scene)
    assert engine.undrawn_change(saved) == ""


@pytest.mark.parametrize(("change", "words"), [
    ("light", "the changed material"), ("albedo", "the changed material"), ("group", "the changed material"),
    ("link", "the changed material"), ("slots", "the changed material"), ("camera", "the changed crop camera"),
    ("uv", "the changed UV map, topology or shading of the mesh"), ("modifier", "the modifier Fine"),
    ("animation", "an animated material or crop camera"), ("learned again", "the changed material")])
def test_a_change_that_the_meshes_do_not_show_is_named(headroom, engine, shot, change, words):
    bpy, face = headroom.bpy, shot.face.data
    match change:
        case "light":
            node_of(shot, "Light").inputs["xy"].default_value[2] += 0.01
        case "albedo":
            node_of(shot, "Albedo").image = bpy.data.images.new("other", 8, 8)
        case "group":  # all heads of the file share it, so a head that is built again must not
            floor = next(node for node in node_of(shot, "Light").node_tree.nodes if node.label == "Minimum")
            floor.inputs[1].default_value[0] = 0.5
        case "link":
            tree = face.materials[0].node_tree
            tree.links.remove(node_of(shot, "Lit Albedo").inputs[1].links[0])
        case "slots":
            face.materials.append(bpy.data.materials.new("beard"))
        case "camera":
            shot.crop_camera.data.lens += 1
        case "uv":
            face.uv_layers[0].uv[3].vector.x += 0.1
        case "modifier":
            shot.face.modifiers.new("Fine", "SUBSURF")
        case "animation":
            shot.crop_camera.keyframe_insert("location", frame=1)
        case "learned again":
            albedo = shot.subject.albedo
            albedo.write_bytes(albedo.read_bytes() + b"another texture")
    assert engine.undrawn_change(shot) == words


def test_comparing_leaves_nothing_in_the_file(headroom, engine, shot):
    data, groups = headroom.bpy.data, headroom.bpy.data.node_groups
    blocks = (data.images, data.materials, data.meshes, data.objects, data.cameras, groups)
    before = [[block.name for block in kind] for kind in blocks], [tree["headroom_group"] for tree in groups]
    engine.undrawn_change(shot)
    assert ([[block.name for block in kind] for kind in blocks], [tree["headroom_group"] for tree in groups]) == before
