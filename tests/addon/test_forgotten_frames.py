"""What the add-on stores of a subject is found and removed by `headroom forget`."""

from types import SimpleNamespace

import numpy as np
import pytest
from caching_backend import render_task
from stand_ins import FakeBackend, tiny_performance, tiny_subject, write_movie, write_speech

from addon.core.movie_output import MovieOutput

forget = pytest.importorskip("headroom.cli.forget", reason="other Blender versions run without it")


def test_frames_beside_a_file_and_in_the_extension_are_removed(headroom, tmp_path, monkeypatch):
    monkeypatch.setenv("HEADROOM_DATA", str(tmp_path / "data"))
    subject, bpy = tiny_subject(tmp_path / "subject"), headroom.bpy
    write_movie(subject / "plates.mp4", 30, size=(640, 360))
    (subject / "subject.toml").write_text('format = 3\nname = "Zoë"\n', encoding="utf-8")
    tasks, run = headroom.module("scene.output.movie_tasks"), headroom.module("core.tasks").run_task
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, subject)
    performance = headroom.module("core.performance").Performance.load(tiny_performance(tmp_path / "p.npz", 0.08))
    take = headroom.module("core.take_settings").TakeSettings(write_speech(tmp_path / "speech.wav", 0.08))
    headroom.module("scene.output.shot_tasks").apply_performance(shot, performance, take, 1)
    backend = FakeBackend(seconds=0.08)
    run(render_task(tasks, [shot], MovieOutput(tmp_path / "a.mp4"), lambda: backend))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    shot.face.data.vertices[0].co.x += 1.0  # so that the frames are made again
    shot = headroom.module("scene.build.shot").shots_in(bpy.context.scene)[0]
    run(render_task(tasks, [shot], MovieOutput(tmp_path / "b.mp4"), lambda: backend, plate_fit=0.5))
    name = shot.subject.cache_name
    folders = [folder / name for folder in headroom.module("scene.output.shot_frames").cache_folders()]
    assert name == forget.frames_name(subject) and all(any(folder.iterdir()) for folder in folders)
    forget.forget(subject)
    assert not any(folder.exists() for folder in folders) and not subject.exists()


def test_places_are_listed_once(headroom, tmp_path):
    remember = headroom.module("core.frame_cache").remember_place
    for folder in ("a", "b", "a"):
        remember(tmp_path / "places.txt", tmp_path / folder)
    assert (tmp_path / "places.txt").read_text().splitlines() == [str(tmp_path / "a"), str(tmp_path / "b")]


@pytest.mark.parametrize("name", ["", "subject-1"])
def test_a_cache_finds_and_prunes_the_frames_of_all_subjects(headroom, tmp_path, name):
    cache = headroom.module("core.frame_cache").FrameCache([tmp_path / "frames"], name)
    path = cache.find_or_store("key", ".npy", lambda path: np.save(path, np.zeros(1)))
    assert path.parent == tmp_path / "frames" / name and cache.find("key", ".npy") == path
    other = SimpleNamespace(path=tmp_path / "frames" / "subject-2" / "x.png")
    other.path.parent.mkdir(parents=True)
    other.path.write_bytes(b"x")
    cache.prune(max_bytes=0)
    assert not path.exists() and not other.path.exists()
