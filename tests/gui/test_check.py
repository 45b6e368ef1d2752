"""Check Clip in a Blender with a window: the picture of the people, and a click on the number of one.

Set HEADROOM_BLENDER to the program; it needs a display. The backend is fake.
"""

import cv2
import numpy as np
import pytest
from launch import needs_window, run_in_window
from stand_ins import tiny_subject
from two_tracks import write_two_tracks

pytestmark = needs_window


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What check_in_window.py reports from one run of Blender."""
    folder = tmp_path_factory.mktemp("check")
    tiny_subject(folder / "subject")
    write_two_tracks(folder / "two people.mkv")
    people = np.full((256, 512, 3), 120, np.uint8)
    for number, x in ((1, 90), (2, 340)):
        cv2.putText(people, str(number), (x, 160), cv2.FONT_HERSHEY_SIMPLEX, 3, (255, 255, 255), 5)
    cv2.imwrite(str(folder / "check.jpg"), people)
    return run_in_window("check_in_window.py", folder, 900, 600.0, "--enable-event-simulate")


def test_nothing_goes_wrong_in_python(seen):
    assert "Traceback" not in seen["output"] and seen["rc"] == 0, seen["output"]


def test_the_clip_is_checked_and_a_click_on_2_chooses_the_second_person(seen):
    assert seen["checked"] == "4.8 s of two people.mkv are usable." and seen["face"] == 2
