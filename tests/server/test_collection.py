"""What is removed from the data folder, and what stays because it is in use."""

import os
import time
from contextlib import closing

import pytest
from running import a_request

from headroom.common.subject_files import PLATES
from headroom.server.collection import RECENT_SECONDS, Collector, collect
from headroom.server.jobs import Finished
from headroom.server.requests import JoinChunksRequest, PerformRequest
from headroom.server.results import PerformResult
from headroom.server.store import Store
from headroom.server.uploads import Uploads

HOUR = 3600.0


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "data")) as store:
        yield store


def add(store, name, kilobytes=1, hours=0.0):
    """Store a blob that was last used some hours ago; return its SHA-256."""
    file = store.folder / "file"
    file.write_bytes(name.encode().ljust(kilobytes * 1000))
    sha = store.blobs.add(file)
    age(store.blobs.path(sha), hours)
    return sha


def age(path, hours):
    os.utime(path, (time.time() - hours * HOUR,) * 2)


def test_the_least_recently_used_files_go_until_the_rest_fits(store):
    shas = [add(store, f"file {hours}", 10, hours) for hours in (50, 40, 30, 20)]
    assert collect(store, 14, most_bytes=25_000) == 2
    assert [sha in store.blobs for sha in shas] == [False, False, True, True]


def test_recent_files_stay_although_the_quota_is_exceeded(store):
    recent, old = add(store, "recent", 10, RECENT_SECONDS / HOUR / 2), add(store, "old", 10, 5)
    collect(store, 14, most_bytes=1000)
    assert recent in store.blobs and old not in store.blobs


def test_files_of_a_job_that_waits_or_runs_stay_however_old(store):
    subject = {"subject.toml": add(store, "toml", 1, 1000), PLATES: add(store, "plates", 5, 1000)}
    speech, other = add(store, "speech", 1, 1000), add(store, "other", 1, 1000)
    folder = store.cache.subject(subject, store.blobs)
    crop = store.cache.crops / subject[PLATES] / "crop"
    crop.parent.mkdir()
    crop.write_bytes(b"crop")
    age(folder, 1000), age(crop, 1000)
    job = store.add(PerformRequest(kind="perform", inputs={"subject": subject, "speech": speech}))
    collect(store, 14, most_bytes=1)
    assert all(sha in store.blobs for sha in [*subject.values(), speech]) and folder.is_dir() and crop.exists()
    assert other not in store.blobs
    store.apply(job.id, Finished(PerformResult(performance="0" * 64, notes=[])))
    for path in (crop, folder, *store.blobs.files()):
        age(path, 1000)
    collect(store, 14)
    assert not folder.is_dir() and not crop.exists() and list(store.blobs.files()) == []


def test_the_folders_of_everybody_in_a_waiting_job_stay(store):
    subjects = [{"subject.toml": add(store, name), PLATES: add(store, f"plates of {name}")} for name in ("anna", "ben")]
    folders = [store.cache.subject(subject, store.blobs) for subject in subjects]
    for folder in folders:
        age(folder, 1000)
    inputs = {"subject": subjects[0], "chunks": [add(store, "chunk")], "others": [{"subject": subjects[1]}]}
    store.add(JoinChunksRequest(kind="join_chunks", inputs=inputs, settings={"fps": 25.0, "frames": 1}))
    collect(store, 14)
    assert all(folder.is_dir() for folder in folders)


def test_a_broken_upload_stays_for_a_day(store):
    uploads = Uploads(store.blobs, "jobs-1")
    with pytest.raises(ConnectionError), uploads.receive("anna", "0" * 64) as upload:
        upload.write(b"half")
        raise ConnectionError
    collect(store, 14)
    assert uploads.offset("anna", "0" * 64) == uploads.partial_bytes("anna") == 4
    age(uploads._path("anna", "0" * 64), 25)
    collect(store, 14)
    assert uploads.offset("anna", "0" * 64) == uploads.partial_bytes("anna") == 0


def test_a_file_that_a_user_sends_twice_at_once_counts_twice_until_it_has_arrived(store):
    uploads = Uploads(store.blobs, "jobs-1")
    with pytest.raises(ConnectionError), uploads.receive("anna", "0" * 64) as first:
        with uploads.receive("anna", "0" * 64) as second:
            for upload in (first, second):
                upload._file.write(b"half")
                upload._file.flush()
            assert uploads.partial_bytes("anna") == 8 and uploads.partial_bytes("ann") == 0
            Uploads(store.blobs, "jobs-1")  # the next backend, if this one was killed
            assert first.path.exists() and not second.path.exists()
            raise ConnectionError
    assert uploads.partial_bytes("anna") == 4


def test_removed_files_no_longer_count_for_their_users(store):
    old, kept = add(store, "old", 10), add(store, "kept", 20)
    for user in ("anna", "ben"):
        store.holdings.add(user, [store.blobs.path(old), store.blobs.path(kept), store.blobs.path(kept)])
    assert store.holdings.bytes_of("anna") == 30_000
    age(store.blobs.path(old), 1000)
    collect(store, 14)
    assert store.holdings.bytes_of("anna") == store.holdings.bytes_of("ben") == 20_000
    assert store.holdings.holds("anna", kept) and not store.holdings.holds("anna", old)


def test_results_count_for_the_user_of_their_job(store):
    sha = add(store, "result", 3)
    job = store.add(a_request(), "anna")
    store.apply(job.id, Finished(PerformResult(performance=sha, notes=[])))
    assert store.holdings.holds("anna", sha) and not store.holdings.holds("ben", sha)
    assert store.holdings.bytes_of("anna") == 3000


def test_the_collector_runs_from_time_to_time_and_survives_an_error(store, monkeypatch, caplog):
    rounds = []

    def failing(*arguments):
        rounds.append(arguments)
        raise OSError("the disk is gone")

    monkeypatch.setattr("headroom.server.collection.ROUND_SECONDS", 0.01)
    monkeypatch.setattr("headroom.server.collection.collect", failing)
    collector = Collector(store, 14, 1000)
    collector.start()
    end = time.monotonic() + 10
    while len(rounds) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    collector.stop()
    assert len(rounds) >= 2 and "the disk is gone" in caplog.text
