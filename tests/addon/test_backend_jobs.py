"""The functions for backend jobs over a fake backend, without Blender."""

import numpy as np
import pytest
from stand_ins import FakeBackend, tiny_subject, write_speech

from addon.core import backend_jobs, movie_jobs
from addon.core.errors import Cancelled, HeadroomError
from addon.core.frame_cache import Render
from addon.core.take_settings import TakeSettings
from addon.core.tasks import ProgressToken


def token():
    return ProgressToken(lambda step: None)


def poses(frames, fixed=np.nan):
    return backend_jobs.Poses(25.0, np.zeros((frames, 3)), np.ones((frames, 3)), np.full(frames, fixed))


def test_matching_sends_the_poses_and_returns_plates_with_their_blob(tmp_path):
    backend, subject = FakeBackend(), backend_jobs.SubjectUse(tiny_subject(tmp_path / "s"))
    match = backend_jobs.match_plates(backend, subject, poses(3, fixed=1.5), 0.5, tmp_path, token())
    kind, inputs, settings = backend.submitted[-1]
    assert (kind, settings) == ("match_plates", {"plate_fit": 0.5})
    (tmp_path / "sent.npz").write_bytes(backend.blobs[inputs["poses"]])
    with np.load(tmp_path / "sent.npz") as sent:
        assert sent["fps"] == 25.0 and sent["fixed_positions"].tolist() == [1.5] * 3
        assert sent["translation"].tolist() == [[1, 1, 1]] * 3
    assert match.plate.tolist() == [0, 1, 2] and match.sha in backend.blobs


def test_a_match_of_another_number_of_frames_is_refused(tmp_path, monkeypatch):
    backend, subject = FakeBackend(), backend_jobs.SubjectUse(tiny_subject(tmp_path / "s"))
    three_frames = backend_jobs.match_plates(backend, subject, poses(3), 0.0, tmp_path, token()).sha
    monkeypatch.setattr(backend, "_match_plates", lambda inputs, settings: {"match": three_frames})
    with pytest.raises(HeadroomError, match="The backend matched 3 of 2 frames"):
        backend_jobs.match_plates(backend, subject, poses(2), 0.0, tmp_path, token())


def test_refining_frames_sends_renders_and_meshes_in_order_with_the_match(tmp_path):
    backend, subject = FakeBackend(), backend_jobs.SubjectUse(tiny_subject(tmp_path / "s"))
    match = backend_jobs.match_plates(backend, subject, poses(3), 0.0, tmp_path, token())
    renders = [tmp_path / name for name in ("b.png", "a.png", "c.png")]
    for render in renders:
        render.write_bytes(render.name.encode())
    (tmp_path / "b.npy").write_bytes(b"mesh b")
    meshes = [tmp_path / "b.npy", None, None]
    shot = movie_jobs.MatchedRenders(subject, match, [Render(*files) for files in zip(renders, meshes)])
    assert movie_jobs.refine_frames(backend, shot, 0, 1, False, token()) == []
    kind, inputs, settings = backend.submitted[-1]
    assert (kind, settings) == ("refine_frames", {"first": 0, "context": 1, "compare": False})
    assert [backend.blobs[sha] for sha in inputs["renders"]] == [b"b.png", b"a.png", b"c.png"]
    assert inputs["match"] == match.sha
    assert [sha and backend.blobs[sha] for sha in inputs["meshes"]] == [b"mesh b", None, None]


def test_use_and_label_go_to_the_jobs_that_know_them(tmp_path):
    backend = FakeBackend()
    subject = backend_jobs.SubjectUse(tiny_subject(tmp_path / "s"), "Film A", "AI-generated")
    match = backend_jobs.match_plates(backend, subject, poses(1), 0.0, tmp_path, token())
    (tmp_path / "a.png").write_bytes(b"a.png")
    shot = movie_jobs.MatchedRenders(subject, match, [Render(tmp_path / "a.png", None)])
    movie_jobs.refine_frames(backend, shot, 0, 0, True, token())
    person = movie_jobs.PersonInMovie(shot, None)
    movie_jobs.refine(backend, [person], movie_jobs.MovieFile(tmp_path / "movie.mp4", 25.0, {}), token())
    given = {kind: (settings.get("use"), settings.get("label")) for kind, _, settings in backend.submitted}
    picture = ("Film A", "AI-generated")
    assert given == {"match_plates": ("Film A", None), "refine_frames": picture, "refine": picture}


def test_a_failed_job_raises_its_message(tmp_path):
    backend = FakeBackend(fail="perform")
    subject, speech = backend_jobs.SubjectUse(tiny_subject(tmp_path / "s")), write_speech(tmp_path / "a.wav")
    with pytest.raises(HeadroomError, match="No luck with perform"):
        backend_jobs.perform(backend, subject, TakeSettings(speech), tmp_path / "p.npz", token())


def test_stopping_cancels_the_job_on_the_backend():
    backend = FakeBackend()
    stopping = ProgressToken(lambda step: stopping.stop() if step.message == "Working" else None)
    with pytest.raises(Cancelled):
        backend_jobs.run_job(backend, "learn", {}, {}, stopping)
    assert backend.cancelled[0] == "learn-1"


def test_nothing_is_submitted_after_the_user_stopped(tmp_path):
    backend, stopped = FakeBackend(), token()
    stopped.stop()
    with pytest.raises(Cancelled):
        backend_jobs.learn(backend, write_speech(tmp_path / "a.wav"), tmp_path / "s", {}, stopped)
    assert not backend.submitted


def test_the_device_is_known_once_the_worker_has_started(monkeypatch):
    backend = FakeBackend()
    assert backend_jobs.device(backend, token()) == "a fake device"
    monkeypatch.setattr(backend, "health", lambda: {"device": "starting"})
    with pytest.raises(HeadroomError, match="worker has not started"):
        backend_jobs.device(backend, token(), seconds=0.0)
