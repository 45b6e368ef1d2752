"""The animation follows its sound strip: moved, trimmed, renamed, not followed and followed again."""

from dataclasses import replace

import numpy as np
import pytest
from curve_readers import START, edit, keys, perform_speech
from stand_ins import write_speech


def test_moving_and_trimming_the_sound_strip_moves_and_trims_the_animation(headroom, shot, performance, tmp_path):
    compat, compose = headroom.module("scene.compat"), headroom.module("scene.anim.compose").compose
    if not compat.plays_sound():
        pytest.skip("this Blender was built without sound")
    speech = write_speech(tmp_path / "Grüße.wav", 2.0)
    perform_speech(headroom, shot, performance, speech)
    strip = headroom.module("scene.anim.strips").speech_strip(shot)
    assert compat.strip_span(strip) == (START, START + 50)
    edit(headroom, shot, 20, 1.25)
    strip.frame_start += 30
    compose(shot)
    assert keys(headroom, shot.face)[[0, 20, -1], 0] == pytest.approx([START + 30, START + 50, START + 79])
    assert keys(headroom, shot.face)[20, 1] == pytest.approx(1.25) and shot.start_frame == START + 30
    strip.frame_offset_start, strip.frame_offset_end = 10, 25
    compose(shot)
    assert list(keys(headroom, shot.face)[:, 0]) == list(range(START + 40, START + 55))
    strip.frame_offset_start, strip.frame_offset_end = 0, 0
    compose(shot)
    assert keys(headroom, shot.face)[:, 0] == pytest.approx(np.arange(START + 30, START + 80))
    assert keys(headroom, shot.face)[40, 1] == pytest.approx(performance.rotation[40, 1], abs=1e-6)


def test_a_renamed_head_keeps_its_speech_strip_and_a_copy_has_none(headroom, shot, performance, tmp_path):
    if not headroom.module("scene.compat").plays_sound():
        pytest.skip("this Blender was built without sound")
    perform_speech(headroom, shot, performance, write_speech(tmp_path / "a.wav", 2.0))
    strips, name = headroom.module("scene.anim.strips"), shot.root.name
    shot.root.name = "Анна"
    assert strips.speech_strip(shot) is not None
    shot.root.name = name
    copy = shot.root.copy()
    assert strips.speech_strip(replace(shot, root=copy)) is None


def test_an_animation_that_does_not_follow_stays_until_it_follows_again(headroom, shot, performance, tmp_path):
    if not headroom.module("scene.compat").plays_sound():
        pytest.skip("this Blender was built without sound")
    perform_speech(headroom, shot, performance, write_speech(tmp_path / "a.wav", 2.0))
    shot.root.headroom.follow_strip = False
    headroom.module("scene.anim.strips").speech_strip(shot).frame_start += 30
    headroom.module("scene.anim.compose").compose(shot)
    assert keys(headroom, shot.face)[0, 0] == START
    shot.root.headroom.follow_strip = True
    assert keys(headroom, shot.face)[0, 0] == START + 30


def test_switching_to_a_take_of_another_speech_places_that_speech(headroom, shot, performance, other, tmp_path):
    compat, strips = headroom.module("scene.compat"), headroom.module("scene.anim.strips")
    if not compat.plays_sound():
        pytest.skip("this Blender was built without sound")
    mine = compat.new_strip(headroom.scene, "SOUND", "Mine", write_speech(tmp_path / "a.wav", 2.0), 2, 31)
    settings = headroom.module("core.take_settings").TakeSettings(tmp_path / "a.wav")
    for _ in headroom.module("scene.output.shot_tasks").apply_in_steps(shot.ref, performance, settings, START, "Mine"):
        pass
    assert strips.speech_strip(shot) == mine and keys(headroom, shot.face)[0, 0] == 31
    perform_speech(headroom, shot, other, write_speech(tmp_path / "b.wav", 2.0))
    added = strips.speech_strip(shot)
    assert strips.strip_speech(added).name == "b.wav" and compat.strip_span(added)[0] == 31
    shot.root.headroom.active_take = 0
    assert strips.strip_speech(strips.speech_strip(shot)).name == "a.wav"
    assert keys(headroom, shot.face)[40, 1] == pytest.approx(performance.rotation[40, 1], abs=1e-6)
    assert [strip.name for strip in compat.strips_of(headroom.scene)].count("Mine") == 1
