"""The pose library: the template has it, and a pose becomes the face at a frame."""

from pathlib import Path

import pytest
from curve_readers import START, control_values, controlled_head
from stand_ins import tiny_subject

from addon.core.arkit import ARKIT_NAMES
from addon.core.poses import EXPRESSIONS, POSES, VISEMES
from addon.core.visemes import SETS

TEMPLATE = Path(__file__).resolve().parents[2] / "blend_templates" / "headroom_shot.blend"
FRAME = START + 20


@pytest.fixture
def controlled(headroom, tmp_path):
    """A performed head with controls."""
    shot = controlled_head(headroom, tiny_subject(tmp_path / "s", controls=True), tmp_path)
    headroom.scene.frame_set(FRAME)
    return shot


@pytest.fixture
def library(headroom):
    """The module, with the library in the open file."""
    module = headroom.module("scene.anim.poses")
    for name, (kind, values) in POSES.items():
        module.add_pose(name, kind, values)
    return module


def shown_detail(headroom, shot, frame):
    headroom.scene.frame_set(frame)
    names = shot.root["headroom_detail_keys"]
    return [shot.face.data.shape_keys.key_blocks[name].value for name in names]


def test_there_are_fifteen_visemes_and_twelve_expressions_of_arkit_s_shapes():
    assert tuple(VISEMES) == SETS["Oculus"].names and len(EXPRESSIONS) == 12 and len(POSES) == 27
    for _, controls in POSES.values():
        assert controls.keys() <= set(ARKIT_NAMES) and all(0 < value <= 1 for value in controls.values())


def test_the_template_has_the_library_with_pictures(headroom):
    poses = headroom.module("scene.anim.poses")
    headroom.bpy.ops.wm.open_mainfile(filepath=str(TEMPLATE))
    found = poses.poses()
    assert [pose.name for pose in found] == list(POSES)
    for pose in found:
        assert poses.pose_values(pose) == pytest.approx(POSES[pose.name][1])
        assert tuple(pose.preview.image_size) == (128, 128)
    assert {POSES[pose.name][0] for pose in found} == {tag.name for pose in found for tag in pose.asset_data.tags
                                                       if tag.name != poses.TAG}


def test_a_pose_becomes_the_face_at_the_frame(headroom, controlled, library):
    before = control_values(headroom, controlled, START)
    headroom.bpy.ops.headroom.apply_pose(pose="Smile")
    now = control_values(headroom, controlled, FRAME)
    assert now["mouthSmileLeft"] == pytest.approx(0.7) and now["jawOpen"] == pytest.approx(0.0)
    assert control_values(headroom, controlled, START) == pytest.approx(before)
    assert controlled.face.data.shape_keys.key_blocks["mouthSmileLeft"].value == pytest.approx(0.7)
    regions = controlled.root["headroom_regions"]
    detail = shown_detail(headroom, controlled, FRAME)
    assert max(abs(value) for value, region in zip(detail, regions) if region != "Gaze") < 1e-6
    assert max(map(abs, shown_detail(headroom, controlled, FRAME + 15))) > 1e-3
    headroom.bpy.ops.headroom.clear_user_keys(selected=False)
    assert control_values(headroom, controlled, START) == pytest.approx(before)


def test_a_viseme_leaves_eyes_and_brows(headroom, controlled, library):
    before = control_values(headroom, controlled, FRAME)
    headroom.bpy.ops.headroom.apply_pose(pose="aa")
    now = control_values(headroom, controlled, FRAME)
    for name in ("eyeBlinkLeft", "browInnerUp"):
        assert now[name] == pytest.approx(before[name])
    assert now["jawOpen"] == pytest.approx(0.55) and now["mouthSmileLeft"] == pytest.approx(0.0)


def test_half_a_pose_lies_between_and_the_detail_stays(headroom, controlled, library):
    before = control_values(headroom, controlled, FRAME)["mouthSmileLeft"]
    detail = shown_detail(headroom, controlled, FRAME)
    headroom.bpy.ops.headroom.apply_pose(pose="Smile", amount=0.5)
    assert control_values(headroom, controlled, FRAME)["mouthSmileLeft"] == pytest.approx((before + 0.7) / 2)
    assert max(map(abs, detail)) > 1e-3 and max(map(abs, shown_detail(headroom, controlled, FRAME))) > 1e-3


def test_the_present_face_can_be_stored(headroom, controlled, library):
    headroom.bpy.ops.headroom.apply_pose(pose="Smile")
    headroom.bpy.ops.headroom.store_pose(name="Grin")
    stored = library.pose_values(headroom.bpy.data.actions["Grin"])
    assert stored["mouthSmileLeft"] == pytest.approx(0.7, abs=1e-3) and "jawOpen" not in stored
    headroom.scene.frame_set(START + 5)
    headroom.bpy.ops.headroom.apply_pose(pose="Grin")
    assert control_values(headroom, controlled, START + 5)["mouthSmileLeft"] == pytest.approx(0.7, abs=1e-3)


def test_a_file_without_the_library_gets_it_from_the_template(headroom, controlled):
    poses = headroom.module("scene.anim.poses")
    assert poses.poses() == []
    with pytest.raises(RuntimeError, match=r'There is no pose "Smile"\. Choose one of the library'):
        headroom.bpy.ops.headroom.apply_pose(pose="Smile")
    headroom.bpy.ops.headroom.add_pose_library()
    assert len(poses.poses()) == 27 and poses.poses()[16].preview.image_size[0] == 128
    headroom.bpy.ops.headroom.add_pose_library()
    assert len(poses.poses()) == 27


def test_a_pose_of_another_file_is_read_for_one_use(headroom, controlled):
    poses = headroom.module("scene.anim.poses")
    action = poses.read_library_pose(TEMPLATE, "Smile")
    assert poses.apply_pose(controlled, action, FRAME, 1.0) > 4
    with pytest.raises(Exception, match=r"headroom_shot\.blend has no pose Gone\. Choose another pose\."):
        poses.read_library_pose(TEMPLATE, "Gone")


def test_a_head_must_have_the_controls_of_the_pose(headroom, controlled, library):
    pose = library.add_pose("Other", "Viseme", {"noSuchShape": 1.0})
    with pytest.raises(Exception, match=r"Other moves no control of this head\."):
        library.apply_pose(controlled, pose, FRAME, 1.0)


def test_an_older_head_has_no_controls(headroom, performed, library):
    with pytest.raises(RuntimeError, match="This head has no controls"):
        headroom.bpy.ops.headroom.apply_pose(pose="Smile")


def test_a_head_without_a_take_keeps_the_pose_as_its_own_action(headroom, tmp_path, library):
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, tiny_subject(tmp_path / "s", controls=True))
    headroom.bpy.ops.headroom.apply_pose(pose="aa")
    assert control_values(headroom, shot, 1)["jawOpen"] == pytest.approx(0.55)
