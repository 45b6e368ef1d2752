"""A head that is hidden in any way has the expression and the pose of a visible one in every frame."""

import numpy as np
import pytest
from stand_ins import read_picture

FRAMES = np.arange(4, 12)


def animate_visibility(shot, member):
    """Hide an object by keys, whose values are written over the property on every frame."""
    member.hide_viewport = True
    member.keyframe_insert("hide_viewport", frame=1)


def layer_collection(shot):
    """The shot's collection in the scene's view layer."""
    return shot.scene.view_layers[0].layer_collection.children[shot.root.users_collection[0].name]


def isolate_another_object(shot):
    """Simplify the scene and hide all but another object, as local view and its like do."""
    shot.scene.render.use_simplify, shot.scene.render.simplify_subdivision = True, 0
    for each in (shot.root, shot.face, shot.crop_camera):
        each.hide_set(True)
        each.hide_viewport = each.hide_render = True


HIDE = {
    "eye": lambda shot: shot.face.hide_set(True),
    "monitor": lambda shot: setattr(shot.face, "hide_viewport", True),
    "monitor of the empty": lambda shot: setattr(shot.root, "hide_viewport", True),
    "monitor of the camera": lambda shot: setattr(shot.crop_camera, "hide_viewport", True),
    "keyed monitor": lambda shot: animate_visibility(shot, shot.face),
    "keyed monitor of the camera": lambda shot: animate_visibility(shot, shot.crop_camera),
    "eye of the collection": lambda shot: setattr(layer_collection(shot), "hide_viewport", True),
    "monitor of the collection": lambda shot: setattr(shot.root.users_collection[0], "hide_viewport", True),
    "excluded collection": lambda shot: setattr(layer_collection(shot), "exclude", True),
    "everything at once": isolate_another_object,
}


@pytest.fixture
def layered(headroom, performed):
    """A performed head whose pose has to be evaluated, and whose shot moves with an animated, hidden object."""
    bpy, guide = headroom.bpy, headroom.bpy.data.objects.new("Guide", None)
    performed.scene.collection.objects.link(guide)
    for frame, angle in ((1, 0.0), (20, 0.5)):
        guide.rotation_euler[1] = angle
        guide.keyframe_insert("rotation_euler", index=1, frame=frame)
    guide.hide_viewport = True
    driver = performed.face.driver_add("delta_rotation_euler", 1).driver
    variable = driver.variables.new()
    variable.targets[0].id, variable.targets[0].data_path = guide, "rotation_euler.y"
    driver.type = "SUM"
    bpy.context.view_layer.update()
    return performed


def seen(headroom, shot, folder):
    """Poses (T, 6), and vertices (T, V, 3), of a shot in FRAMES."""
    rendering, digest = (headroom.module(f"scene.output.{name}") for name in ("rendering", "render_digest"))
    rotation, translation = headroom.module("scene.anim.timeline").sample_pose(shot, FRAMES)
    cache = headroom.module("core.frame_cache").FrameCache([folder])
    frames = [rendering.PosedFrame(int(frame), *pose) for frame, *pose in zip(FRAMES, rotation, translation)]
    evaluated = rendering.evaluate_frames(shot, digest.render_digest(shot), frames, cache, 60.0)
    return np.hstack([rotation, translation]), np.stack([np.load(each.render.mesh) for each in evaluated])


def hidden_state(headroom, shot):
    """Everything that hides something in the file, and how many data-blocks there are."""
    objects = {each.name: (each.hide_viewport, each.hide_render, each.hide_get() if each.name in
                           shot.scene.view_layers[0].objects else None) for each in headroom.bpy.data.objects}
    layer, collection = layer_collection(shot), shot.root.users_collection[0]
    return (objects, layer.exclude, layer.hide_viewport, collection.hide_viewport, shot.scene.render.use_simplify,
            len(headroom.bpy.data.scenes), shot.scene.frame_current)


@pytest.mark.parametrize("way", HIDE)
def test_a_hidden_head_is_evaluated_as_a_visible_one_and_stays_hidden(headroom, layered, tmp_path, way):
    poses, meshes = seen(headroom, layered, tmp_path / "visible")
    assert np.ptp(poses[:, 1]) > 0.1 and np.ptp(meshes, axis=0).max() > 1, "the head moves"
    HIDE[way](layered)
    layered.scene.frame_set(1)
    before = hidden_state(headroom, layered)
    hidden_poses, hidden_meshes = seen(headroom, layered, tmp_path / "hidden")
    assert hidden_poses == pytest.approx(poses, abs=1e-4)
    assert hidden_meshes == pytest.approx(meshes, abs=1e-3)
    assert hidden_state(headroom, layered) == before


def test_a_failure_while_poses_are_evaluated_leaves_the_file_as_it_was(headroom, layered):
    HIDE["excluded collection"](layered)
    before = hidden_state(headroom, layered)
    with pytest.raises(ValueError, match="NaN"):
        headroom.module("scene.anim.timeline").sample_pose(layered, [3.0, float("nan")])
    assert hidden_state(headroom, layered) == before


def test_the_picture_of_a_hidden_head_is_that_of_a_visible_one(headroom, layered, tmp_path):
    rendering, frame_cache = headroom.module("scene.output.rendering"), headroom.module("core.frame_cache").FrameCache
    posed = rendering.PosedFrame(9, np.zeros(3), np.array([0.0, 0.0, -700.0]))
    visible = read_picture(rendering.render_face(layered, posed, frame_cache([tmp_path / "visible"])))
    HIDE["everything at once"](layered)
    HIDE["excluded collection"](layered)
    assert (read_picture(rendering.render_face(layered, posed, frame_cache([tmp_path / "hidden"]))) == visible).all()
