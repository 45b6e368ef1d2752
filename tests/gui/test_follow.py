"""Keys that follow a moved strip, the scene rate, controls, undo and redo, in a Blender with a window.

Set HEADROOM_BLENDER to the program; it needs a display.
"""

import numpy as np
import pytest
from launch import needs_window, run_in_window
from stand_ins import tiny_subject, write_speech

pytestmark = needs_window


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What follow_in_window.py reports from one run of Blender."""
    folder = tmp_path_factory.mktemp("follow")
    subject = tiny_subject(folder / "subject")
    still = np.zeros((50, 3), dtype=np.float32)
    np.savez(subject / "track.npz", fps=25.0, rotation=still, translation=still + np.array([10, 5, -700]),
             confidence=np.r_[np.ones(30), np.full(10, 0.2), np.ones(10)])
    write_speech(folder / "speech.wav", 6.0)
    return run_in_window("follow_in_window.py", folder, 1600, 150.0)


def test_nothing_goes_wrong_in_python(seen):
    assert "Traceback" not in seen["output"] and seen["rc"] == 0, seen["output"]


def test_poses_far_from_the_clip_are_found_and_user_keys_are_counted(seen):
    assert seen["performed"][0] == "done" and seen["warned"] and seen["edit_counted"], seen


def test_the_animation_follows_its_sound_strip_and_the_scene_rate_and_user_keys_stay(seen):
    assert seen["strip_followed"] and seen["rate_followed"]
    assert seen["back_again"][1] == pytest.approx(0.9)


def test_a_slider_is_undone_and_redone_with_its_keys(seen):
    assert seen["undone"] == [1.0, True] and seen["redone"]
