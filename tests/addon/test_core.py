"""The innermost ring: numbers and messages, in any Python, without bpy."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from stand_ins import tiny_subject

from addon.core.connection import Address, Connection
from addon.core.errors import HeadroomError, InputError
from addon.core.files import atomic_write
from addon.core.outputs import file_name
from addon.core.performance import Performance
from addon.core.subject import Subject
from addon.core.timing import frame_count, scene_rate

ROOT = Path(__file__).resolve().parents[2]


def test_core_imports_without_bpy():
    code = ("import sys; sys.modules['bpy'] = None; import pkgutil, importlib, addon.core; "
            "[importlib.import_module(f'addon.core.{m.name}') for m in pkgutil.iter_modules(addon.core.__path__)]")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("fps", [12.5, 23.976, 24, 25, 29.97, 30000 / 1001, 47.952, 59.94, 60, 119.88])
def test_a_scene_rate_has_the_rate_of_the_clip(fps):
    whole, base = scene_rate(fps)
    assert whole / base == pytest.approx(fps, abs=2e-3)


def test_frames_and_seconds_round_trip_at_29_97():
    fps = 30 / 1.001
    assert frame_count(10.0, fps) == 300
    assert frame_count(10.0, fps) / fps == pytest.approx(10.0, abs=0.5 / fps)
    assert frame_count(0.0, fps) == 1


@pytest.mark.parametrize("there", [True, False])
def test_what_fails_midway_leaves_the_old_file_or_folder_and_nothing_beside_it(tmp_path, there):
    target = tmp_path / "motion.npz"
    if there:
        target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(target) as half:
        half.write_text("new, but only ha")
        assert half.suffix == ".npz"
        raise ZeroDivisionError
    assert [path.read_text() for path in tmp_path.iterdir()] == (["old"] if there else [])
    folder = tmp_path / "subject"
    for content in ("old", "new"):
        with atomic_write(folder) as half:
            half.mkdir()
            (half / content).touch()
    with pytest.raises(ZeroDivisionError), atomic_write(folder) as half:
        half.mkdir()
        raise ZeroDivisionError
    assert [path.name for path in folder.iterdir()] == ["new"] and len(list(tmp_path.iterdir())) == 1 + there


def test_a_folder_that_cannot_be_replaced_is_put_back(tmp_path, monkeypatch):
    folder, replace = tmp_path / "subject", os.replace
    folder.mkdir()
    (folder / "old").touch()

    def broken(source, target):
        if (Path(source) / "new").exists():
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(InputError, match="No space left on device"), atomic_write(folder) as half:
        half.mkdir()
        (half / "new").touch()
    assert [path.name for path in folder.iterdir()] == ["old"] and list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("content", [b"no", b"", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_performance_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(InputError, match="not a performance"):
        Performance.load(tmp_path / "x.npz")


def test_a_file_name_lacks_what_any_system_forbids():
    assert file_name('Anna: "A/B"?\n.') == "Anna A B"
    assert file_name("Zoë's 2nd take") == "Zoë's 2nd take" and file_name(" ?") == ""


def test_a_subject_has_a_name_and_a_rig(tmp_path):
    subject = Subject.open(tiny_subject(tmp_path / "s", fps=24))
    assert subject.name == "Zoë" and subject.rig().fps == 24 and subject.rig().expression.shape == (64, 225, 3)


@pytest.mark.parametrize("number", [1, 2])
def test_a_subject_of_either_format_is_opened(tmp_path, number):
    folder = tiny_subject(tmp_path / "s")
    (folder / "subject.toml").write_text(f'format = {number}\nname = "Ann"\n[consent]\nrecorded = "2026-01-01"\n')
    assert Subject.open(folder).name == "Ann"


@pytest.mark.parametrize(("text", "message"), [
    ("format = 99", "newer version of Headroom. Update the extension"),
    ("name = ", "subject.toml cannot be read"),
    ('format = "two"', "subject.toml cannot be read"),
])
def test_a_subject_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path, text, message):
    folder = tiny_subject(tmp_path / "s")
    (folder / "subject.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        Subject.open(folder)


def test_a_rig_that_cannot_be_read_is_refused_in_one_sentence(tmp_path):
    folder = tiny_subject(tmp_path / "s")
    (folder / "rig.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(InputError, match=r"cannot be read as a rig\. Learn the subject again"):
        Subject.open(folder).rig()


def test_stopping_the_connection_ends_a_start_at_once(tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    made, errors = Connection(), []

    def start():
        try:
            made.client(Address(python=str(program)))
        except HeadroomError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    end = time.monotonic() + 10
    while not made.running and time.monotonic() < end:
        time.sleep(0.01)
    made.stop()
    thread.join(10)
    assert errors and not thread.is_alive() and not made.running
