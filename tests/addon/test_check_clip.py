"""The check of a clip in the panel: what is wrong with it, and who of several people is learned."""

import os

import pytest
from stand_ins import Row, wide


def drawn(panel):
    """Return the texts that the panel shows of the check."""
    row = Row()
    panel.module("ui.clip_check").draw_check(row, wide(scene=panel.scene))
    return row.texts


def test_a_check_shows_what_is_wrong_and_numbers_the_people(panel, backend, tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.touch()
    panel.settings.clip, panel.settings.from_seconds = str(clip), 1.5
    assert panel.bpy.ops.headroom.check_clip() == {"FINISHED"}
    assert backend.submitted[0][2] == {"from_seconds": 1.5, "to_seconds": None, "face": 0, "audio_track": None}
    texts = drawn(panel)
    assert {"11.5 s are usable", "The face is too dark.", "Who is learned?", "1", "2"} <= set(texts)
    for name, other in (("clip", str(tmp_path / "another.mp4")), ("from_seconds", 3.0), ("to_seconds", 4.0)):
        checked = getattr(panel.settings, name)
        setattr(panel.settings, name, other)
        assert "11.5 s are usable" not in drawn(panel), "the numbers of people depend on the part"
        setattr(panel.settings, name, checked)
        assert "11.5 s are usable" in drawn(panel)
    os.utime(clip, ns=(1, 1))
    assert "11.5 s are usable" not in drawn(panel)


def test_the_number_of_a_person_is_sent_once_the_people_are_numbered(panel, backend, tmp_path):
    (tmp_path / "clip.mp4").touch()
    panel.settings.clip, sent = str(tmp_path / "clip.mp4"), []
    for face in (2, 2, 3):
        panel.settings.face = face
        panel.bpy.ops.headroom.check_clip()
        sent.append(backend.submitted[-1][2]["face"])
    assert sent == [0, 2, 0], "a number from another clip would be refused"


def test_a_click_on_a_number_chooses_the_face(panel):
    assert panel.bpy.ops.headroom.choose_face(number=2) == {"FINISHED"}
    assert panel.settings.face == 2


def test_a_check_needs_a_clip_that_exists(panel, tmp_path):
    check = panel.module("ui.clip_check").HEADROOM_OT_check_clip
    assert check.disabled_reason(panel.bpy.context) == "No clip or photo"
    panel.settings.clip = str(tmp_path / "missing.mp4")
    with pytest.raises(RuntimeError, match=r"missing\.mp4 does not exist"):
        panel.bpy.ops.headroom.check_clip()


def test_the_picture_is_kept_on_a_square(panel, backend, tmp_path):
    (tmp_path / "clip.mp4").touch()
    panel.settings.clip = str(tmp_path / "clip.mp4")
    panel.bpy.ops.headroom.check_clip()
    kept = panel.module("ui.clip_check")._collection["square"]
    assert tuple(kept.image_size) == (60, 60)
