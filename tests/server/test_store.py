"""Jobs as values, the store, blobs and trees, without a server."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from running import a_job

from headroom.common.errors import InputError
from headroom.server.blobs import Blobs, WrongHash
from headroom.server.jobs import Cancelled, Failed, Finished, Job, JobState, Progressed, Started
from headroom.server.requests import LearnRequest
from headroom.server.results import LearnResult, PerformResult
from headroom.server.store import Store
from headroom.server.trees import plain_name, read_tree, write_tree

LONG_AGO = time.time() - 30 * 86400
RESULT = PerformResult(performance="2" * 64, notes=[])


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def test_a_finished_job_stays_finished():
    job = a_job().after(Started()).after(Cancelled())
    for event in (Started(), Progressed(0.5, "on"), Finished(RESULT), Failed("no")):
        assert job.after(event) is job


def test_progress_stays_between_0_and_1_and_never_goes_back():
    job = a_job()
    jobs = [job := job.after(Progressed(fraction, "on")) for fraction in (-1.0, 0.5, 0.2, float("nan"), 7.0)]
    assert [job.progress for job in jobs] == [0.0, 0.5, 0.5, 0.5, 1.0]


def test_a_job_sent_twice_at_once_is_one_job(store):
    request = a_job().request
    jobs = [Job(request.model_copy(update={"settings": {"seed": number}})) for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        stored = list(threads.map(store.add, jobs))
    assert len(store.jobs()) == 1 and len({job.created for job in [*store.jobs(), *stored]}) == 1


def test_a_job_comes_back_from_the_store_as_it_was(store):
    settings = {"name": "Zoë", "from_seconds": 1.5}
    job = store.add(Job(LearnRequest(kind="learn", inputs={"clip": "0" * 64}, settings=settings)))
    assert store.job(job.id) == job
    done = store.apply(job.id, Finished(LearnResult(subject={"a": "1" * 64}, notes=["A note."])))
    assert store.job(job.id) == done and done.state is JobState.DONE and done.result.notes == ["A note."]
    assert store.next_queued() is None


def test_jobs_are_taken_in_the_order_they_came(store):
    first, second = store.add(a_job()), store.add(a_job())
    assert store.next_queued() == first
    store.apply(first.id, Cancelled())
    assert store.next_queued() == second


def test_old_jobs_and_unused_blobs_are_removed(store, tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    old = store.blobs.add(tmp_path / "file")
    (tmp_path / "file").write_bytes(b"used again")
    used = store.blobs.add(tmp_path / "file")
    for sha in (old, used):
        os.utime(store.blobs.path(sha), (LONG_AGO, LONG_AGO))
    store.blobs.touch(used)
    store.add(a_job(created=LONG_AGO, finished=LONG_AGO))
    queued = store.add(a_job(created=LONG_AGO))
    store.prune(max_age_days=14)
    assert old not in store.blobs and used in store.blobs
    assert store.jobs() == [queued]


def test_a_wrong_hash_or_a_broken_upload_leaves_nothing(tmp_path):
    blobs = Blobs(tmp_path)
    with pytest.raises(WrongHash), blobs.receive("0" * 64) as upload:
        upload.write(b"other bytes")
    with pytest.raises(ConnectionError), blobs.receive("0" * 64) as upload:
        upload.write(b"half")
        raise ConnectionError
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_written_and_read_is_the_same_tree(store, tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    sha = store.blobs.add(tmp_path / "file")
    tree = {"a b/ü.txt": sha, "z": sha}
    assert read_tree(write_tree(tree, store.blobs, tmp_path / "subject"), store.blobs) == tree


def test_links_in_a_result_are_not_followed(store, tmp_path):
    (tmp_path / "result").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "result" / "link").symlink_to(tmp_path / "secret")
    assert read_tree(tmp_path / "result", store.blobs) == {}


def test_a_changed_copy_leaves_the_blob_alone(store, tmp_path):
    (tmp_path / "file").write_bytes(b"original")
    sha = store.blobs.add(tmp_path / "file")
    store.blobs.copy(sha, tmp_path / "copy").write_bytes(b"changed")
    assert store.blobs.path(sha).read_bytes() == b"original"


def test_a_pruned_blob_is_reported_in_a_sentence(store, tmp_path):
    with pytest.raises(InputError, match="no longer holds"):
        store.blobs.copy("0" * 64, tmp_path / "copy")


@pytest.mark.parametrize("name, plain", [
    ("my clip.mp4", "my clip.mp4"), ("/etc/passwd", "passwd"), ("..\\..\\x.wav", "x.wav"), ("..", "clip"), ("", "clip"),
    ("NUL.txt", "clip"), ("a:b?.mov", "a_b_.mov"), ("größe 日本.mp4", "größe 日本.mp4"),
])
def test_a_clients_file_name_is_made_harmless(name, plain):
    assert plain_name(name, otherwise="clip") == plain
