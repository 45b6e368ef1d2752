"""Export Performance writes what the head plays, with all edits, to a file that can be imported again."""

from dataclasses import replace

import numpy as np
import pytest
from curve_readers import START, perform, perform_speech
from stand_ins import tiny_subject, write_speech


@pytest.fixture
def take(headroom):
    """A performance of two seconds with words and phones that turns the head about all axes."""
    seconds = np.arange(50)[:, None] / 25
    controls = np.zeros((50, 52), np.float32)
    controls[:, :5] = 0.5 + 0.4 * np.sin(seconds * [3, 4, 5, 6, 7])
    phone, word = headroom.module("core.phones").Phone, headroom.module("core.words").Word
    return headroom.module("core.performance").Performance(
        25.0, np.zeros((50, 64), np.float32), (0.3 * np.sin(seconds * [2, 3, 4])).astype(np.float32),
        np.tile(np.float32([10, 5, -700]), (50, 1)),
        (phone("SIL", 0.0, 0.8, 1.0), phone("M", 0.8, 1.0, 0.5), phone("AA", 1.0, 1.2, 0.5), phone("SIL", 1.2, 2.0, 1)),
        controls, 0.0, (word("Ma", 0.8, 1.2, 0.5),))


@pytest.fixture
def speaking(headroom, take, tmp_path):
    """A head that performs it."""
    shot = headroom.module("scene.build.shot").open_subject(
        headroom.scene, tiny_subject(tmp_path / "speaking", controls=True))
    perform(headroom, shot, take)
    return shot


@pytest.fixture
def export(headroom):
    """Press the button with a file, and read what it wrote."""
    def export(path):
        assert headroom.bpy.ops.headroom.export_performance(filepath=str(path)) == {"FINISHED"}
        return headroom.module("core.performance_files").read_control_track(path)

    return export


def column(headroom, track, name="jawOpen"):
    """The values (T,) of a control."""
    return track.controls[:, headroom.module("core.arkit").ARKIT_NAMES.index(name)]


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_edited_keys_are_in_the_file(headroom, speaking, export, tmp_path, suffix):
    before = export(tmp_path / f"before{suffix}")
    key = speaking.face.data.shape_keys.key_blocks["jawOpen"]
    key.value = 0.05
    key.keyframe_insert("value", frame=START + 20)
    speaking.root.headroom.head_turn = (0, 0.25, 0)
    after = export(tmp_path / f"after{suffix}")
    assert (after.fps, len(after.controls)) == (25, 50)
    assert column(headroom, after)[20] == pytest.approx(0.05, abs=1e-6)
    assert column(headroom, after)[45] == pytest.approx(column(headroom, before)[45], abs=1e-6)
    assert after.rotation == pytest.approx(before.rotation + np.array([0, 0.25, 0]), abs=1e-5)


def test_values_are_those_of_shapes_from_0_to_1(headroom, speaking, export, tmp_path):
    speaking.root.headroom.mouth.gain = 2.0
    written = column(headroom, export(tmp_path / "take.json"))
    assert written.max() == 1 and written.min() == 0


def test_json_has_position_phones_and_words_when_they_are_played(headroom, speaking, export, tmp_path):
    track = export(tmp_path / "take.json")
    assert track.translation == pytest.approx(np.tile([10, 5, -700], (50, 1)), abs=1e-3)
    assert [(each.symbol, each.start, each.end) for each in track.phones] == [
        ("SIL", 0, 0.8), ("M", 0.8, 1.0), ("AA", 1.0, 1.2), ("SIL", 1.2, 2.0)]
    assert track.words == (headroom.module("core.words").Word("Ma", pytest.approx(0.8), pytest.approx(1.2), 0.5),)
    headroom.bpy.ops.headroom.retime_word(end_shift=5)
    track = export(tmp_path / "take.json")
    assert (track.words[0].start, track.words[0].end) == pytest.approx((0.8, 1.4), abs=2e-3)
    assert [each.start for each in track.phones] == pytest.approx([0, 0.8, 1.1, 1.4], abs=0.02)


def test_a_trimmed_speech_is_written_from_the_frame_where_it_begins(headroom, speaking, take, export, tmp_path):
    if not headroom.module("scene.compat").plays_sound():
        pytest.skip("this Blender was built without sound")
    perform_speech(headroom, speaking, take, write_speech(tmp_path / "speech.wav", 2.0))
    whole = export(tmp_path / "whole.json")
    strip = headroom.module("scene.anim.strips").speech_strip(speaking)
    strip.frame_offset_start, strip.frame_offset_end = 22, 20
    track = export(tmp_path / "trimmed.json")
    assert track.controls == pytest.approx(whole.controls[22:30], abs=1e-6)
    assert [each[:3] for each in track.phones] == [("M", 0, pytest.approx(0.12)), ("AA", pytest.approx(0.12), 0.32)]
    assert track.words[0][:3] == ("Ma", 0, 0.32)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_an_exported_performance_is_imported_again_as_it_was(headroom, speaking, export, tmp_path, suffix):
    speaking.root.headroom.head_turn = (0.1, 0.25, -0.2)
    first = export(tmp_path / f"first{suffix}")
    headroom.bpy.ops.headroom.import_performance(filepath=str(tmp_path / f"first{suffix}"))
    speaking.root.headroom.head_turn = (0, 0, 0)
    assert len(speaking.root.headroom.takes) == 2
    second = export(tmp_path / f"second{suffix}")
    assert second.fps == first.fps and second.controls == pytest.approx(first.controls, abs=1e-6)
    assert second.rotation == pytest.approx(first.rotation, abs=1e-5)
    assert [each[:3] for each in second.phones] == [each[:3] for each in first.phones]


def test_the_file_has_the_scene_rate(headroom, speaking, export, tmp_path):
    headroom.scene.render.fps, headroom.scene.render.fps_base = 30, 1.001
    track = export(tmp_path / "take.csv")
    assert track.fps == pytest.approx(30 / 1.001, abs=1e-3) and len(track.controls) == 60


def test_a_take_without_controls_is_refused(headroom, speaking, take, tmp_path):
    perform(headroom, speaking, replace(take, controls=None), seed=2)
    with pytest.raises(RuntimeError, match="has no controls for a character"):
        headroom.bpy.ops.headroom.export_performance(filepath=str(tmp_path / "take.csv"))
    assert not (tmp_path / "take.csv").exists()


def test_paths_that_cannot_be_written_are_refused_and_earlier_files_stay(headroom, speaking, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name, reason in (("take.fbx", r"must end in \.csv, \.json"), ("take", r"must end in \.csv, \.json"),
                         ("folder.csv", "is a folder; choose a file name in it")):
        with pytest.raises(RuntimeError, match=reason):
            headroom.bpy.ops.headroom.export_performance(filepath=str(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir() if path.name != "speaking"] == ["folder.csv"]
    (tmp_path / "take.csv").write_text("earlier")
    files = headroom.module("core.performance_files")
    broken = replace(headroom.module("scene.output.exported_performance").played_track(speaking), controls=None)
    with pytest.raises(AttributeError):
        files.write_control_track(broken, tmp_path / "take.csv")
    assert (tmp_path / "take.csv").read_text() == "earlier"


def test_the_button_says_why_it_is_disabled(headroom, tmp_path):
    reason = headroom.module("ui.export_performance").HEADROOM_OT_export_performance.disabled_reason
    opened, context = headroom.module("scene.build.shot").open_subject, headroom.bpy.context
    assert reason(context) == "No subject in the scene"
    opened(headroom.scene, tiny_subject(tmp_path / "older"))
    assert reason(context) == "This head has no controls. Learn the subject again"
    opened(headroom.scene, tiny_subject(tmp_path / "head", controls=True))
    assert reason(context) == "No speech performed yet"
