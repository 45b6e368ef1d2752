"""The innermost ring: numbers and messages, in any Python, without bpy."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from stand_ins import FakeBackend, tiny_subject, write_speech

from addon.core import backend_jobs as remote
from addon.core.errors import Cancelled, HeadroomError, InputError
from addon.core.files import atomic_write
from addon.core.performance import Performance
from addon.core.subject import Subject
from addon.core.take_settings import TakeSettings
from addon.core.tasks import InBackground, Step, Watch, part_of, run_blocking
from addon.core.timing import frame_count, scene_rate

ROOT = Path(__file__).resolve().parents[2]


def test_core_imports_without_bpy():
    code = ("import sys; sys.modules['bpy'] = None; import pkgutil, importlib, addon.core; "
            "[importlib.import_module(f'addon.core.{m.name}') for m in pkgutil.iter_modules(addon.core.__path__)]")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("fps", [12.5, 23.976, 24, 25, 29.97, 30000 / 1001, 47.952, 59.94, 60, 119.88])
def test_a_scene_rate_gives_the_clips_rate_back(fps):
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
def test_a_file_that_is_no_performance_is_refused(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(InputError, match="not a performance"):
        Performance.load(tmp_path / "x.npz")


def test_a_subject_tells_its_person_and_its_rig(tmp_path):
    subject = Subject.open(tiny_subject(tmp_path / "s", fps=24))
    assert subject.name == "Zoë" and subject.rig().fps == 24 and subject.rig().expression.shape == (64, 225, 3)


def test_progress_of_a_part_is_a_part_of_the_progress():
    steps = []
    Watch(steps.append).part(0.5, 1.0).part(0.0, 0.5).report(0.5, "half")
    assert steps == [Step(0.625, "half")]


def test_a_task_is_driven_to_its_result_and_gets_its_answers():
    def task():
        yield Step(0.1, "start")
        answer = yield InBackground(lambda watch: watch.report(0.5, "there") or 42, 0.2, 0.6)
        return answer + 1

    steps = []
    assert run_blocking(task(), steps.append) == 43
    assert [step.fraction for step in steps] == pytest.approx([0.1, 0.4])


def test_a_failed_job_becomes_its_message(tmp_path):
    backend = FakeBackend(fail="perform")
    subject, speech = tiny_subject(tmp_path / "s"), write_speech(tmp_path / "a.wav")
    with pytest.raises(HeadroomError, match="No luck with perform"):
        remote.perform(backend, subject, TakeSettings(speech), tmp_path / "p.npz", Watch(lambda step: None))


def test_stopping_cancels_the_job_on_the_backend():
    backend = FakeBackend()
    watch = Watch(lambda step: watch.stop() if step.message == "Working" else None)
    with pytest.raises(Cancelled):
        remote.run_job(backend, "learn", {}, {}, watch)
    assert backend.cancelled[0] == "learn-1"


def test_a_backend_whose_worker_never_starts_is_told_apart_from_a_ready_one(monkeypatch):
    backend = FakeBackend()
    monkeypatch.setattr(backend, "health", lambda: {"device": "starting"})
    with pytest.raises(HeadroomError, match="worker has not started"):
        remote.device(backend, Watch(lambda step: None), seconds=0.0)


def test_nothing_is_submitted_after_the_user_stopped(tmp_path):
    backend, watch = FakeBackend(), Watch(lambda step: None)
    watch.stop()
    with pytest.raises(Cancelled):
        remote.learn(backend, write_speech(tmp_path / "a.wav"), tmp_path / "s", {}, watch)
    assert not backend.submitted


def test_a_part_of_a_task_reports_within_its_part_and_passes_its_result_on():
    def task():
        yield Step(0.5, "half")
        doubled = yield InBackground(lambda watch: watch.report(0.5, "inside") or 21 * 2, 0.5, 1.0)
        return doubled

    steps = []
    assert run_blocking(part_of(task(), 0.2, 0.4), steps.append) == 42
    assert [(round(step.fraction, 6), step.message) for step in steps] == [(0.3, "half"), (0.35, "inside")]
