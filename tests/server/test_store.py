"""Jobs as values, the store, blobs and trees, without a server."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from running import a_request

from headroom.common.errors import InputError
from headroom.server.blobs import Blobs
from headroom.server.collection import collect
from headroom.server.jobs import Cancelled, Failed, Finished, Job, JobState, Progressed, Started
from headroom.server.requests import LearnRequest
from headroom.server.results import LearnResult, PerformResult
from headroom.server.store import Store
from headroom.server.trees import plain_name, read_tree, write_tree
from headroom.server.uploads import Uploads, WrongHash


def first(waiting, running):
    """Choose the oldest job."""
    return waiting[0] if waiting else None


LONG_AGO = time.time() - 30 * 86400
RESULT = PerformResult(performance="2" * 64, notes=[])


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


def test_a_finished_job_stays_finished():
    job = Job.of(a_request()).after(Started()).after(Cancelled())
    for event in (Started(), Progressed(0.5, "on"), Finished(RESULT), Failed("no")):
        assert job.after(event) is job


def test_progress_stays_between_0_and_1_and_never_goes_back():
    job = Job.of(a_request())
    jobs = [job := job.after(Progressed(fraction, "on")) for fraction in (-1.0, 0.5, 0.2, float("nan"), 7.0)]
    assert [job.progress for job in jobs] == [0.0, 0.5, 0.5, 0.5, 1.0]


def test_a_job_sent_twice_at_once_is_one_job(store):
    request = a_request()
    requests = [request.model_copy(update={"settings": {"seed": number}}) for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        stored = list(threads.map(store.add, requests))
    assert len(store.jobs()) == 1 and len({job.created for job in [*store.jobs(), *stored]}) == 1


def test_a_job_comes_back_from_the_store_as_it_was(store):
    settings = {"name": "Zoë", "from_seconds": 1.5}
    request = LearnRequest(kind="learn", inputs={"clip": "0" * 64}, settings=settings)
    job = store.add(request)
    assert store.job(job.id) == job and store.request(job.id) == request
    done = store.apply(job.id, Finished(LearnResult(subject={"a": "1" * 64}, notes=["A note."])))
    assert store.job(job.id) == done and done.state is JobState.DONE and done.result.notes == ["A note."]
    assert store.take(first) is None


def test_jobs_are_taken_in_the_order_they_came(store):
    ids = [store.add(a_request()).id for _ in range(3)]
    store.apply(ids[0], Cancelled())
    assert [store.take(first).id, store.take(first).id, store.take(first)] == [*ids[1:], None]


def test_the_store_is_the_same_after_a_restart(tmp_path):
    with closing(Store(tmp_path)) as store:
        ids = [store.add(a_request(priority="high"), user).id for user in ("anna", "")]
        store.apply(ids[0], Finished(RESULT))
        jobs = store.jobs()
        assert store.jobs("anna") == jobs[:1] and store.jobs(limit=1) == jobs[1:] == store.unfinished()
        assert store.jobs(limit=5, before=ids[1]) == jobs[:1]
    with closing(Store(tmp_path)) as store:
        assert store.jobs() == jobs and store.unfinished() == jobs[1:]


def test_old_jobs_and_unused_blobs_are_removed(store, tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    old = store.blobs.add(tmp_path / "file")
    (tmp_path / "file").write_bytes(b"used again")
    used = store.blobs.add(tmp_path / "file")
    for sha in (old, used):
        os.utime(store.blobs.path(sha), (LONG_AGO, LONG_AGO))
    store.blobs.touch(used)
    ended, queued = store.add(a_request()), store.add(a_request())
    store.apply(ended.id, Cancelled())
    store._database.execute("UPDATE jobs SET finished = ? WHERE id = ?", (LONG_AGO, ended.id))
    collect(store, keep_days=14)
    assert old not in store.blobs and used in store.blobs
    assert store.jobs() == [queued]


def test_a_wrong_hash_or_an_empty_upload_leaves_nothing(tmp_path):
    uploads = Uploads(Blobs(tmp_path), "jobs-1")
    with pytest.raises(WrongHash), uploads.receive("", "0" * 64) as upload:
        upload.write(b"other bytes")
    with pytest.raises(ConnectionError), uploads.receive("", "0" * 64):
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
