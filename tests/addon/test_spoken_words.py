"""Words on the timeline: found, snapped to, retimed, emphasised and held."""

from dataclasses import replace

import numpy as np
import pytest
from curve_readers import START, curve, edit, keys, perform, perform_speech
from stand_ins import FakeBackend, write_speech

from addon.core.words import Word, shift_to_nearest

WORDS = (Word("He", 0.2, 0.4, 0.5), Word("said", 0.4, 0.8, 0.5), Word("no", 1.2, 1.6, 0.5))
SPANS = [(START + 5, START + 10), (START + 10, START + 20), (START + 30, START + 40)]


@pytest.fixture
def spoken(headroom, shot, performance):
    """A performed head whose take has words."""
    perform(headroom, shot, replace(performance, words=WORDS), seed=0)
    shot.root.headroom.falloff = 0.2
    return shot


def yaw(headroom, shot):
    return keys(headroom, shot.face)[:, 1]


def spans(headroom, shot):
    return [(word.first, word.end) for word in headroom.module("scene.anim.words").shown_words(shot)]


def strips(headroom, shot):
    return headroom.module("scene.anim.word_strips").word_strips(shot)


def span(headroom, strip):
    return headroom.module("scene.compat").strip_span(strip)


def test_words_are_shown_at_their_frames_at_any_rate_and_by_other_takes_of_the_speech(headroom, spoken, other):
    assert spans(headroom, spoken) == SPANS
    perform(headroom, spoken, other, seed=4)
    assert spans(headroom, spoken) == SPANS
    headroom.scene.render.fps = 50
    assert spans(headroom, spoken)[1] == (START + 20, START + 40)


def test_retiming_stretches_the_motion_of_a_word_and_leaves_the_rest(headroom, spoken):
    before = yaw(headroom, spoken)
    spoken.root.headroom.active_word = 2
    headroom.bpy.ops.headroom.retime_word(end_shift=5)
    after = yaw(headroom, spoken)
    assert spans(headroom, spoken)[2] == (START + 30, START + 45)
    stretched = np.interp(30 + np.arange(16) * 10 / 15, np.arange(50), before)
    assert after[[30, 45]] == pytest.approx(stretched[[0, 15]], abs=1e-5)
    assert after[31:45] == pytest.approx(stretched[1:15], abs=0.15 * np.ptp(before))
    assert after[:25] == pytest.approx(before[:25]) and not np.allclose(after[31:45], before[31:45], atol=1e-3)


def test_resetting_restores_the_prediction(headroom, spoken):
    before = yaw(headroom, spoken)
    headroom.bpy.ops.headroom.retime_word(first_shift=2, end_shift=3)
    assert not np.allclose(yaw(headroom, spoken), before)
    headroom.bpy.ops.headroom.reset_retiming()
    assert yaw(headroom, spoken) == pytest.approx(before) and len(spoken.root.headroom.retimes) == 0


def test_user_keys_move_with_their_word_and_back(headroom, spoken):
    edit(headroom, spoken, 35, 0.7)
    spoken.root.headroom.active_word = 2
    headroom.bpy.ops.headroom.retime_word(first_shift=4, end_shift=4)
    assert yaw(headroom, spoken)[39] == pytest.approx(0.7) and yaw(headroom, spoken)[35] != pytest.approx(0.7)
    headroom.bpy.ops.headroom.reset_retiming(every_word=True)
    assert yaw(headroom, spoken)[35] == pytest.approx(0.7)
    assert headroom.module("scene.anim.user_keys").user_key_count(
        spoken, headroom.module("scene.anim.channels").POSE_CHANNELS[1]) == 1


def test_a_word_stops_at_its_neighbours_and_keeps_a_frame(headroom, spoken):
    spoken.root.headroom.active_word = 1
    headroom.bpy.ops.headroom.retime_word(first_shift=-50, end_shift=50)
    assert spans(headroom, spoken)[1] == (START + 6, START + 39)
    headroom.bpy.ops.headroom.retime_word(first_shift=90)
    first, end = spans(headroom, spoken)[1]
    assert end - first == 1 and end == START + 39


def test_a_layer_can_be_left_out_of_a_retiming(headroom, spoken):
    before = yaw(headroom, spoken)
    headroom.bpy.ops.headroom.retime_word(end_shift=3)
    spoken.root.headroom.retimes[0].head = False
    assert yaw(headroom, spoken) == pytest.approx(before)


def test_words_of_another_speech_are_not_retimed(headroom, spoken, other):
    headroom.bpy.ops.headroom.retime_word(end_shift=3)
    spoken.root.headroom.takes[0].words.clear()
    assert headroom.module("scene.anim.compose").make_plan(spoken).retimes["head"] == ()


def test_frame_and_keys_snap_to_the_nearest_edge(headroom, spoken, capfd):
    scene = headroom.scene
    scene.frame_set(START + 300)
    headroom.bpy.ops.headroom.snap_frame_to_word(direction="NEXT")
    assert scene.frame_current == START + 300 and "No edge of a word on this side" in capfd.readouterr().out
    scene.frame_set(START + 22)
    headroom.bpy.ops.headroom.snap_frame_to_word()
    assert scene.frame_current == START + 20
    headroom.bpy.ops.headroom.snap_frame_to_word(direction="NEXT")
    assert scene.frame_current == START + 30
    headroom.bpy.ops.headroom.snap_frame_to_word(direction="PREVIOUS")
    assert scene.frame_current == START + 20
    with pytest.raises(RuntimeError, match="No keys selected"):
        headroom.bpy.ops.headroom.snap_keys_to_word()
    points = curve(headroom, spoken.face).keyframe_points
    values = [point.co[1] for point in points]
    for number in (27, 28):
        points[number].select_control_point = True
    headroom.bpy.ops.headroom.snap_keys_to_word()
    now = keys(headroom, spoken.face)
    at = {frame: value for frame, value in now.tolist()}
    assert at[START + 30] == pytest.approx(values[28]) and at[START + 29] == pytest.approx(values[27])


def test_the_whole_selection_moves_by_one_shift():
    assert shift_to_nearest(np.array([3.0, 9.0]), [1, 10]) == 1
    assert shift_to_nearest(np.array([3.0]), [1, 10]) == -2


def test_emphasise_and_hold_take_the_active_word(headroom, spoken):
    headroom.scene.use_preview_range = False
    spoken.root.headroom.active_word = 2
    headroom.bpy.ops.headroom.hold()
    assert np.ptp(yaw(headroom, spoken)[30:41]) < 1e-6
    headroom.scene.use_preview_range = True
    headroom.bpy.ops.headroom.emphasise(of_word=True)
    second = spoken.root.headroom.edits[1]
    assert (second.first_seconds, second.last_seconds) == pytest.approx((1.2, 1.6))
    headroom.bpy.ops.headroom.preview_word()
    assert (headroom.scene.frame_preview_start, headroom.scene.frame_preview_end) == SPANS[2]


def test_dragging_a_strip_retimes_its_word_and_strips_follow_the_speech(headroom, spoken):
    compat, follow = headroom.module("scene.compat"), headroom.module("ui.follow")
    headroom.bpy.ops.headroom.add_word_strips()
    found = strips(headroom, spoken)
    assert [span(headroom, found[number]) for number in range(3)] == SPANS
    assert all(strip.mute for strip in found.values()) and [found[number].channel for number in range(3)] == [1, 2, 3]
    compat.set_strip_span(found[2], START + 30, START + 46)
    follow.update()
    assert spans(headroom, spoken)[2] == (START + 30, START + 46)
    spoken.root["headroom_start_frame"] = START + 100
    follow.update()
    assert span(headroom, strips(headroom, spoken)[2]) == (START + 130, START + 146)
    assert spans(headroom, spoken)[0] == (START + 105, START + 110)
    headroom.bpy.ops.headroom.remove_word_strips()
    with pytest.raises(RuntimeError, match="No word strips"):
        headroom.bpy.ops.headroom.remove_word_strips()
    assert strips(headroom, spoken) == {} and len(spoken.root.headroom.retimes) == 1


def test_strips_that_move_with_the_speech_retime_nothing(headroom, spoken):
    compat, follow = headroom.module("scene.compat"), headroom.module("ui.follow")
    headroom.bpy.ops.headroom.add_word_strips()
    for strip in strips(headroom, spoken).values():
        first, end = compat.strip_span(strip)
        compat.set_strip_span(strip, first + 7, end + 7)
    spoken.root["headroom_start_frame"] = START + 7
    follow.update()
    assert len(spoken.root.headroom.retimes) == 0 and spans(headroom, spoken)[0] == (START + 12, START + 17)


def test_a_transcript_from_the_clipboard_becomes_words_and_strips(headroom, shot, performance, tmp_path, monkeypatch):
    perform_speech(headroom, shot, performance, write_speech(tmp_path / "line.wav", 2.0))
    backend = FakeBackend()
    monkeypatch.setattr(headroom.module("ui.preferences"), "connector", lambda context: lambda: backend)
    monkeypatch.setattr(headroom.module("ui.preferences"), "backend_disabled_reason", lambda context: "")
    with pytest.raises(RuntimeError, match="No transcript"):
        headroom.bpy.ops.headroom.find_words()
    with pytest.raises(RuntimeError, match=r"No words\. Paste a transcript"):
        headroom.bpy.ops.headroom.retime_word()
    text = headroom.bpy.data.texts.new("line")
    text.from_string("He said: no!")
    shot.root.headroom.transcript = text
    headroom.bpy.ops.headroom.find_words()
    assert backend.submitted[0][0] == "align_words" and backend.submitted[0][2] == {"transcript": "He said: no!"}
    take = shot.root.headroom.takes[0]
    assert [word.name for word in take.words] == ["He", "said", "no"] and take.phones.count("HH") == 1
    assert len(strips(headroom, shot)) == 3
    monkeypatch.setattr(headroom.module("ui.jobs"), "is_running", lambda kind: kind == "align_words")
    with pytest.raises(RuntimeError, match="Already finding words"):
        headroom.bpy.ops.headroom.find_words()


def test_other_takes_of_a_speech_follow_its_transcript(headroom, spoken, tmp_path):
    text = headroom.bpy.data.texts.new("line")
    text.from_string("He said: no!")
    spoken.root.headroom.transcript = text
    same, other = (write_speech(tmp_path / name, 2.0) for name in ("line.wav", "another.wav"))
    spoken.root.headroom.takes[0].speech = str(same)
    known = headroom.module("scene.anim.takes").transcript_of
    assert known(spoken, same) == "He said: no!" and known(spoken, other) == ""
    backend, settings = FakeBackend(), headroom.module("core.take_settings").TakeSettings(same, 3)
    headroom.module("core.tasks").run_task(
        headroom.module("scene.output.shot_tasks").perform_shot(spoken, settings, START, lambda: backend),
        lambda *_: None)
    assert backend.submitted[0][0] == "perform" and backend.submitted[0][2]["transcript"] == "He said: no!"


def test_an_imported_take_without_sound_has_no_words_to_find(headroom, spoken):
    spoken.root.headroom.takes[0].speech = ""
    task = headroom.module("scene.output.word_tasks").align_words(spoken, "yes", None)
    with pytest.raises(Exception, match="This take has no speech in which words could be found"):
        next(task)


def test_names_that_do_not_fit_into_their_strips_reach_to_the_next_strip_of_the_channel(headroom):
    names_to_draw = headroom.module("ui.word_names").names_to_draw
    new_text_strip = headroom.module("scene.compat").new_text_strip
    strips = [new_text_strip(headroom.scene, name, channel, first, end) for name, channel, first, end in (
        ("wide", 1, 0, 100), ("he", 2, 10, 13), ("morning", 2, 20, 24), ("a", 2, 26, 31), ("yes", 1, 110, 111))]
    drawn = {name.text: name for name in names_to_draw(
        strips, lambda frame: 4.0 * frame, lambda text: 8.0 * len(text), 1)}
    assert set(drawn) == {"he", "morning", "a", "yes"}  # Blender shows no name in a strip as narrow as that of "a"
    assert (drawn["he"].left, drawn["he"].width) == (40.0, 26.0)
    assert drawn["morning"].width == 4 * 6 - 1 and drawn["yes"].width == 34.0


def test_words_far_apart_at_a_small_scale_have_names_where_there_is_room(headroom):
    names_to_draw = headroom.module("ui.word_names").names_to_draw
    new_text_strip = headroom.module("scene.compat").new_text_strip
    strips = [new_text_strip(headroom.scene, "no", 1, first, first + 2) for first in (0, 3, 40)]
    drawn = list(names_to_draw(strips, lambda frame: 1.0 * frame, lambda text: 16.0, 1))
    assert sorted(name.left for name in drawn) == [3.0, 40.0]


def test_only_strips_in_view_are_looked_at_and_the_last_one_before_in_each_channel(headroom):
    strips_in_view = headroom.module("ui.word_names").strips_in_view
    new_text_strip = headroom.module("scene.compat").new_text_strip
    strips = [new_text_strip(headroom.scene, name, channel, first, first + 2) for name, channel, first in (
        ("long ago", 1, 0), ("before", 1, 7), ("before, too", 2, 3), ("seen", 1, 11), ("after", 1, 20),
        ("above", 5, 12))]
    assert {strip.name for strip in strips_in_view(strips, 10.0, 20.0, 0.5, 4.0)} == {"before", "before, too", "seen"}


def test_a_word_strip_without_a_colour_has_a_name_on_the_background(headroom):
    word_names, new_text_strip = headroom.module("ui.word_names"), headroom.module("scene.compat").new_text_strip
    strip = new_text_strip(headroom.scene, "no", 1, 0, 2)
    strip.color_tag = "NONE"
    assert word_names._colour_of(strip) == word_names.BESIDE


def test_retimes_in_another_order_move_no_user_keys(headroom, spoken):
    words, retiming = headroom.module("scene.anim.words"), spoken.root.headroom.retimes
    take = spoken.root.headroom.takes[0]
    for start in (word.start for word in headroom.module("scene.anim.takes").words_of(take)[:2]):
        retime = retiming.add()
        retime.first_seconds, retime.last_seconds = start, start + 0.2
        retime.to_first_seconds, retime.to_last_seconds = start + 0.05, start + 0.3
    plan = headroom.module("scene.anim.compose").make_plan(spoken)
    words._with_user_keys(spoken, plan, lambda: retiming.move(0, 1))
    words._with_user_keys(spoken, plan, lambda: None)
