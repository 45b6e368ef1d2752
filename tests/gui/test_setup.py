"""From an empty Blender with a window to a learned person: Set Up Backend and Learn Subject, clicked.

Set HEADROOM_BLENDER to the program, and HEADROOM_PYTHON to a Python with the backend where it is not the one that runs
the tests; it needs a display. The real installer runs; it takes everything from a folder, so Blender downloads
nothing. Learning takes a minute or two.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest
from launch import build_addon, needs_window, run_in_window
from offline_wheel import base_and_packages, make_offline_wheel

from headroom.common.paths import shipped_file

pytestmark = needs_window


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What setup_in_window.py reports from one run of Blender."""
    folder = tmp_path_factory.mktemp("setup")
    base, packages = base_and_packages(os.environ.get("HEADROOM_PYTHON", sys.executable))
    with build_addon.backend_wheel() as built:
        wheel = make_offline_wheel(built, packages, folder / "index")
    fetched = subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(wheel.parent), "uv"],
                             capture_output=True, text=True, check=False)
    if fetched.returncode:
        pytest.skip(f"the installer could not be downloaded into the folder: {fetched.stderr.strip()[-200:]}")
    given = {"index": str(wheel.parent), "wheel": str(wheel), "pythons": str(base.parent)}
    (folder / "given.json").write_text(json.dumps(given))
    (folder / "people").mkdir()
    shutil.copyfile(shipped_file("samples", "sample.mp4"), folder / "clip.mp4")
    return run_in_window("setup_in_window.py", folder, 800, 900.0, "--enable-event-simulate")


def test_nothing_goes_wrong_in_python(seen):
    assert "Traceback" not in seen["output"] and seen["rc"] == 0, seen["output"]


def test_the_setup_button_installs_a_backend_that_runs(seen):
    assert seen["set_up"]["state"] == "done", seen["set_up"]
    assert seen["set_up"]["message"].startswith("The backend is set up. It runs on ")


def test_cancelled_learning_leaves_nothing(seen):
    assert seen["stopped"]["state"] == "cancelled" and seen["left"] == [], seen


def test_a_person_is_learned_and_opened_with_the_backend_that_was_set_up(seen):
    assert seen["learned"]["state"] == "done", seen["learned"]
    assert seen["subjects"] == ["Robin"] and seen["opened"] == "Robin" and seen["view"] == "CAMERA"
    assert (seen["folder"] / "people" / "Robin" / "subject.toml").is_file()
