"""The panel with a fake backend as its server, and what its buttons and Blender's timer do."""

import time

import pytest
from stand_ins import FakeBackend, tiny_subject, write_speech


@pytest.fixture
def backend():
    return FakeBackend(seconds=0.08)


@pytest.fixture
def panel(headroom, backend, monkeypatch):
    """The add-on with its preferences set to a server that is the fake backend; gives its modules and settings."""
    preferences = headroom.module("ui.preferences")
    chosen = preferences.preferences(headroom.bpy.context)
    chosen.where, chosen.url = "SERVER", "http://127.0.0.1:9"
    monkeypatch.setattr(preferences.Connection, "client", lambda self, address: backend)
    headroom.settings = headroom.scene.headroom
    headroom.jobs = headroom.module("ui.jobs")
    headroom.jobs.clear()
    yield headroom
    headroom.jobs.stop_all()


@pytest.fixture
def files(tmp_path):
    return tiny_subject(tmp_path / "subject"), write_speech(tmp_path / "speech.wav", 0.08)


def open_and_perform(panel, files):
    panel.settings.subject, panel.settings.speech = str(files[0]), str(files[1])
    assert panel.bpy.ops.headroom.open_subject() == {"FINISHED"}
    assert panel.bpy.ops.headroom.perform_speech() == {"FINISHED"}


def settle(panel, seconds=30.0):
    """Call what Blender's timer calls until no job is left."""
    end = time.monotonic() + seconds
    while panel.jobs.update() is not None:
        assert time.monotonic() < end, panel.jobs.views()
        time.sleep(0.01)


def start(panel, task, kind="setup", **settings):
    """Start a job beside the window, which runs while `settle` or `update` is called."""
    panel.jobs.start_beside_window(panel.jobs.JobSpec(kind, "Test", task, **{"summary": str, **settings}))
