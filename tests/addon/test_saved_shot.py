"""A .blend of format 1 (tests/formats/shot_1.blend) opens with everything that is the user's, and works on."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from curve_readers import START, curve, keys

SAVED = Path(__file__).resolve().parents[1] / "formats" / "shot_1.blend"
UNITS = {"lids_open": 40, "gaze_left": 50, "gaze_up": 51}  # shape key that each control is added to


def open_copy(headroom, folder):
    """Open a copy of the saved file and return its only shot."""
    path = Path(shutil.copy(SAVED, folder / SAVED.name))
    headroom.bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False)
    (shot,) = headroom.module("scene.build.shot").shots_in(headroom.bpy.context.scene)
    return shot


@pytest.fixture
def saved(headroom, tmp_path):
    return open_copy(headroom, tmp_path)


def all_keys(headroom, shot):
    """Every F-curve of the head as (data path, index) -> keys (K, 7): points and type."""
    curves = [each for owner in (shot.face, shot.face.data.shape_keys)
              for each in headroom.module("scene.compat").curves_of(owner)]
    return {(each.data_path, each.array_index): np.array([
        [*key.handle_left, *key.co, *key.handle_right, key.type == "GENERATED"] for key in each.keyframe_points])
        for each in curves}


def test_opening_upgrades_the_shot_and_nothing_has_to_be_composed(headroom, saved):
    compose = headroom.module("scene.anim.compose")
    assert saved.root["headroom_format"] == headroom.module("scene.build.shot").FORMAT
    assert not compose.is_out_of_date(saved, compose.make_plan(saved))
    assert headroom.module("scene.build.upgrade").upgrade_file() == []
    old = ("headroom_written", "headroom_laid", "headroom_name")
    blocks = [*headroom.bpy.data.objects, *headroom.bpy.data.actions]
    assert not [each for each in blocks for name in old if name in each]


def test_composing_everything_again_gives_the_same_keys(headroom, saved):
    before = all_keys(headroom, saved)
    assert len(before) == 70
    for channel in headroom.module("scene.anim.channels").channels_of(saved):
        compose = headroom.module("scene.anim.compose")
        compose.compose_channel(saved, channel, compose.make_plan(saved))
    after = all_keys(headroom, saved)
    assert before.keys() == after.keys()
    for path, values in before.items():
        assert after[path] == pytest.approx(values, abs=1e-5), path


def test_user_keys_and_deletions_survive_another_take(headroom, saved):
    saved.root.headroom.active_take = 0
    headroom.module("scene.anim.compose").compose(saved)
    yaw, pitch = keys(headroom, saved.face, index=1), keys(headroom, saved.face, index=0)
    assert yaw[5] == pytest.approx([START + 5, 1.25]) and START + 12 not in yaw[:, 0]
    moved = curve(headroom, saved.face).keyframe_points[12]
    assert list(moved.co) == pytest.approx([START + 12.4, 0.5]) and moved.interpolation == "BEZIER"
    assert list(moved.handle_left) == pytest.approx([START + 11.8, 0.4], abs=1e-4)
    assert not {START + 8, START + 9} & set(pitch[:, 0])
    mouth = saved.face.data.shape_keys.key_blocks[1].path_from_id("value")
    assert curve(headroom, saved.face.data.shape_keys, mouth, 0).keyframe_points[3].type == "KEYFRAME"
    count = headroom.module("scene.anim.user_keys").user_key_count
    assert sum(count(saved, channel) for channel in headroom.module("scene.anim.channels").channels_of(saved)) == 4


def test_takes_cut_and_controls_are_the_same(saved):
    head, units = saved.root.headroom, saved.root["headroom_key_units"]
    assert [take.name for take in head.takes] == ["Take 1 (seed 0)", "Take 2 (seed 1)"] and head.active_take == 1
    assert all(take.head is not None and take.expression is not None for take in head.takes)
    assert [(cut.take, cut.first_seconds) for cut in head.cuts] == [(head.takes[0].uid, pytest.approx(0.2))]
    assert (head.mouth.gain, head.head.lag, head.upper.smoothing, head.falloff) == pytest.approx(
        (1.25, 0.04, 0.05, 0.1))
    assert list(head.head_turn) == pytest.approx([0.1, 0.0, -0.05])
    for name, value in (("lids_open", 0.25), ("gaze_left", 0.75), ("gaze_up", -0.5)):
        assert getattr(head, name) == pytest.approx(value * units[UNITS[name]]), name


def test_animation_of_the_renamed_controls_works(headroom, saved):
    scene, objects = headroom.bpy.context.scene, headroom.bpy.data.objects
    (animation,) = headroom.module("scene.compat").curves_of(saved.root)
    assert animation.data_path == "headroom.gaze_up" and animation.is_valid
    assert animation.evaluate(1) == pytest.approx(saved.root.headroom.gaze_up)
    objects["Gaze Dial"].location[0] = 0.6
    scene.frame_set(2)
    assert saved.root.headroom.gaze_left == pytest.approx(0.6)
    assert objects["Gaze Meter"].location[1] == pytest.approx(0.6)


def test_strips_are_found_and_the_movie_has_its_render_settings(headroom, saved):
    compat, strips = headroom.module("scene.compat"), headroom.module("scene.anim.strips")
    movie_strip = headroom.module("scene.output.movie_strip")
    movie = next(strip for strip in compat.strips_of(saved.scene) if strip.type == "MOVIE")
    settings = movie_strip.render_settings(movie)
    assert (settings.shot, settings.frame_start, settings.frame_end) == (saved.root.name, START, START + 9)
    assert settings.plate_fit == pytest.approx(0.35) and movie[strips.ADDED]
    if compat.plays_sound():
        strip = strips.speech_strip(saved)
        assert strips.strip_speech(strip).name == "speech.wav" and strip[strips.ADDED]
        strip.frame_start += 5
        headroom.module("scene.anim.compose").compose(saved)
        assert keys(headroom, saved.face)[0, 0] == START + 5


def test_a_renamed_head_still_owns_its_strips(headroom, saved):
    saved.root.name = "Анна"
    if headroom.module("scene.compat").plays_sound():
        assert headroom.module("scene.anim.strips").speech_strip(saved) is not None


def test_an_upgraded_file_opens_unchanged_after_saving(headroom, saved, tmp_path):
    before = all_keys(headroom, saved)
    headroom.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "new.blend"))
    headroom.bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "new.blend"), load_ui=False)
    (shot,) = headroom.module("scene.build.shot").shots_in(headroom.bpy.context.scene)
    compose = headroom.module("scene.anim.compose")
    assert not compose.is_out_of_date(shot, compose.make_plan(shot))
    assert all(np.array_equal(values, before[path]) for path, values in all_keys(headroom, shot).items())


def test_a_shot_of_a_newer_version_is_left_alone(headroom, saved, tmp_path):
    headless, errors = headroom.module("scene.output.headless"), headroom.module("core.errors")
    saved.root["headroom_format"] = 99
    assert headroom.module("scene.build.upgrade").upgrade_file() == [saved.root.name]
    assert headroom.module("scene.build.shot").shots_in(saved.scene) == []
    headroom.bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "newer.blend"))
    wanted = headless.SavedShot(tmp_path / "newer.blend", "", "", tmp_path / "movie.mp4", 0.0, "auto")
    with pytest.raises(errors.InputError, match=r"newer version of Headroom\. Update the extension"):
        headless.render_file(wanted, lambda: None, lambda step: None)
