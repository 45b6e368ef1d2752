"""Import Performance adds the motion in a file as a take."""

import json

import numpy as np
import pytest
from curve_readers import keys
from stand_ins import CONTROL_NAMES, tiny_performance, tiny_subject, write_speech


def write_csv(path):
    """A recording of 1.2 s at 25 fps: the jaw opens, the head turns to the person's left."""
    rows = [f"00:00:0{frame // 25}:{frame % 25},{frame / 30},{-frame / 100}" for frame in range(30)]
    path.write_text("\n".join(["Timecode,JawOpen,HeadYaw", *rows]))
    return path


def test_a_recording_becomes_a_take_without_sound(new_head, import_file, tmp_path):
    import_file(write_csv(tmp_path / "iphone.csv"))
    (take,) = new_head.root.headroom.takes
    assert (take.name, take.fps, take.samples, take.speech) == ("Take 1 (iphone.csv)", 25, 30, "")
    assert new_head.speech is None and (new_head.scene.frame_start, new_head.scene.frame_end) == (1, 30)
    jaw = new_head.face.data.shape_keys.key_blocks["jawOpen"]
    new_head.scene.frame_set(16)
    assert jaw.value == pytest.approx(0.5, abs=0.01)
    assert new_head.face.rotation_euler[1] == pytest.approx(0.15, abs=0.005)


def test_an_import_is_a_take_beside_the_predictions_and_keeps_their_sound(
        headroom, new_head, import_file, performance, tmp_path):
    speech = write_speech(tmp_path / "speech.wav", 2.0)
    headroom.module("scene.output.shot_tasks").apply_performance(
        new_head, performance, headroom.module("core.take_settings").TakeSettings(speech), 11)
    import_file(write_csv(tmp_path / "iphone.csv"))
    takes = new_head.root.headroom.takes
    assert [take.name for take in takes] == ["Take 1 (seed 0)", "Take 2 (iphone.csv)"]
    assert takes[1].speech == str(speech) and new_head.root.headroom.active_take == 1 and new_head.start_frame == 11


def test_the_same_file_replaces_its_take(new_head, import_file, tmp_path):
    for _ in range(2):
        import_file(write_csv(tmp_path / "iphone.csv"))
    assert len(new_head.root.headroom.takes) == 1


def test_a_mirrored_import_is_a_take_of_its_own(headroom, new_head, import_file, tmp_path):
    rows = [f"00:00:0{frame // 25}:{frame % 25},0.5,{-frame / 100}" for frame in range(30)]
    (tmp_path / "iphone.csv").write_text("\n".join(["Timecode,MouthSmileLeft,HeadYaw", *rows]))
    import_file(tmp_path / "iphone.csv")
    blocks, smile = new_head.face.data.shape_keys.key_blocks, ("mouthSmileLeft", "mouthSmileRight")
    for options, values, yaw in (({}, (0.5, 0), 0.15), ({"mirror": True}, (0, 0.5), -0.15)):
        import_file(tmp_path / "iphone.csv", **options)
        new_head.scene.frame_set(16)
        assert [blocks[name].value for name in smile] == pytest.approx(values, abs=0.01)
        assert new_head.face.rotation_euler[1] == pytest.approx(yaw, abs=0.005)
    names = [take.name for take in new_head.root.headroom.takes]
    assert names == ["Take 1 (iphone.csv)", "Take 2 (iphone.csv, mirrored)"]


def test_the_speech_of_the_panel_plays_with_the_first_import(headroom, new_head, import_file, tmp_path):
    headroom.scene.headroom.speech = str(write_speech(tmp_path / "speech.wav", 1.2))
    import_file(write_csv(tmp_path / "iphone.csv"))
    assert new_head.speech == tmp_path / "speech.wav"


def test_json_and_npz_are_imported(headroom, new_head, import_file, tmp_path):
    values = np.zeros((30, 52)).tolist()
    (tmp_path / "own.json").write_text(json.dumps({
        "format": 1, "fps": 30, "names": CONTROL_NAMES, "controls": values, "rotation": [[0.1, 0, 0]] * 30,
        "phones": [{"symbol": "AH", "start": 0.1, "end": 0.3, "confidence": 0.9}]}))
    import_file(tmp_path / "own.json")
    import_file(tiny_performance(tmp_path / "p.npz", seconds=1.0))
    takes = new_head.root.headroom.takes
    assert [take.name for take in takes] == ["Take 1 (own.json)", "Take 2 (p.npz)"]
    assert takes[0].fps == 30 and "AH" in takes[0].phones
    new_head.root.headroom.active_take = 0
    assert keys(headroom, new_head.face, index=0)[:, 1] == pytest.approx(0.1)


def test_other_files_and_heads_without_controls_are_refused_and_change_nothing(
        headroom, new_head, import_file, tmp_path):
    (tmp_path / "bad.csv").write_text("x")
    for name, reason in (("bad.csv", "not a Live Link Face recording"), ("take.fbx", "choose another performance"),
                         ("missing.json", "choose a JSON file")):
        with pytest.raises(RuntimeError, match=reason):
            import_file(tmp_path / name)
    assert len(new_head.root.headroom.takes) == 0 and not headroom.bpy.data.actions
    headroom.module("scene.build.shot").open_subject(headroom.scene, tiny_subject(tmp_path / "older"))
    with pytest.raises(RuntimeError, match=r"has no controls for iphone\.csv to move"):
        import_file(write_csv(tmp_path / "iphone.csv"))


def test_without_a_head_the_button_says_why(headroom):
    module = headroom.module("ui.import_performance")
    assert module.HEADROOM_OT_import_performance.disabled_reason(headroom.bpy.context) == "No subject in the scene"
    assert module.HEADROOM_FH_performance.bl_file_extensions == ".npz;.csv;.json"
