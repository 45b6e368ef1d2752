"""Data folders of older servers: finished jobs keep their results, waiting jobs run, newer folders are refused."""

import json
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from running import fake_backend, wait_for

from headroom.common.errors import HeadroomError
from headroom.server import database_upgrade
from headroom.server.database_upgrade import FORMAT
from headroom.server.jobs import JobState
from headroom.server.requests import LearnRequest, MatchPlatesRequest, RefineRequest
from headroom.server.store import Store

SERVER_1 = Path(__file__).resolve().parents[1] / "formats" / "server-1"
MATCH_BLOB = "bcebb9397abeecdfba7121f8df1b8fd53cd28781ce6b0a15a4a12fcc6e1bcda7"
IDS = [f"{number:032x}" for number in range(1, 12)]
(LEARN, PERFORM, MATCH, REFINE_FRAMES, REFINE, FAILED, INTERRUPTED, QUEUED_MATCH, QUEUED_REFINE, QUEUED_LEARN,
 CANCELLED) = IDS


def sql(folder, *statements):
    with closing(sqlite3.connect(folder / "jobs-1.sqlite", isolation_level=None)) as database:
        return [database.execute(statement).fetchall() for statement in statements]


@pytest.fixture
def folder(tmp_path):
    """A copy of the folder whose server was killed a moment ago."""
    copy = shutil.copytree(SERVER_1, tmp_path / "data", copy_function=shutil.copyfile)
    match = next((copy / "blobs").rglob(MATCH_BLOB))
    with np.load(match) as arrays:  # the pipeline that made the folder left a position unknown; a real one never does
        known = {**arrays, "position": np.nan_to_num(arrays["position"])}
    with open(match, "wb") as file:
        np.savez(file, **known)
    ((latest,),), = sql(copy, "SELECT max(changed) FROM jobs")
    age = time.time() - latest
    sql(copy, f"UPDATE jobs SET created = created + {age}, finished = finished + {age}, changed = changed + {age}")
    return copy


@pytest.fixture
def store(folder):
    with closing(Store(folder)) as store:
        yield store


def test_finished_jobs_of_format_1_keep_their_results(store):
    results = {job.id: job.result for job in store.jobs() if job.state is JobState.DONE}
    assert list(results) == [LEARN, PERFORM, MATCH, REFINE_FRAMES, REFINE]
    assert [store.job(each).kind for each in results] == [
        "learn", "perform", "match_plates", "refine_frames", "refine"]
    assert results[LEARN].notes == ["A note."]
    assert store.blobs.path(results[LEARN].subject["größe & Name/Ä clip.bin"]).read_bytes() == b"clip"
    assert results[PERFORM].performance in store.blobs and results[MATCH].match in store.blobs
    assert (results[REFINE_FRAMES].frames, results[REFINE_FRAMES].refined) == (2, 2)
    assert [store.blobs.path(sha).read_bytes() for sha in results[REFINE_FRAMES].pictures] == [
        b"before|two", b"before|three"]
    assert results[REFINE].frames == 3
    assert store.blobs.path(results[REFINE].movie).read_bytes() == b"onetwothreecount 1"


def test_requests_of_format_1_have_the_names_of_version_2_of_the_api(store):
    learn, match, refine = (store.request(each) for each in (LEARN, QUEUED_MATCH, QUEUED_REFINE))
    assert isinstance(learn, LearnRequest) and isinstance(match, MatchPlatesRequest)
    assert isinstance(refine, RefineRequest)
    assert (learn.settings.preset, learn.settings.from_seconds) == ("standard", 1.5)
    assert learn.settings.consent == "The person shown has agreed to this use."
    assert learn.inputs.clip_name == "Zoë.mp4"
    assert refine.settings.speech_range == (0.25, 1.5) and refine.inputs.speech_name == "line 1.wav"
    assert store.request(REFINE).settings.speech_from_seconds == -0.5


def test_jobs_of_format_1_keep_their_states_and_their_order(store):
    jobs = store.jobs()
    assert [job.id for job in jobs] == IDS
    assert (store.job(FAILED).state, store.job(FAILED).message) == (JobState.FAILED, "No luck.")
    assert store.job(CANCELLED).state is JobState.CANCELLED
    interrupted = store.job(INTERRUPTED)
    assert (interrupted.state, interrupted.attempts, interrupted.progress) == (JobState.QUEUED, 1, 0.3)
    assert [job.id for job in jobs if job.state is JobState.QUEUED] == [
        INTERRUPTED, QUEUED_MATCH, QUEUED_REFINE, QUEUED_LEARN]


def test_an_upgraded_file_is_opened_again_as_it_is(folder):
    with closing(Store(folder)) as store:
        jobs = store.jobs()
    ((version,),), = sql(folder, "PRAGMA user_version")
    assert version == FORMAT
    with closing(Store(folder)) as store:
        assert store.jobs() == jobs


def test_jobs_of_format_1_that_waited_run_on_a_server_of_now(folder, tmp_path):
    backend = fake_backend(folder)
    client = backend.start()
    try:
        assert wait_for(client, INTERRUPTED).result["frames"] == 10
        wait_for(client, QUEUED_MATCH)
        movie = client.get_file(wait_for(client, QUEUED_REFINE).result["movie"], tmp_path / "movie").read_bytes()
        assert movie == b"onetwothreecount 3"
        subject = client.get_tree(wait_for(client, QUEUED_LEARN).result["subject"], tmp_path / "subject")
        assert json.loads((subject / "subject.toml").read_bytes())["consent"] == "Zoë, 2 May"
        assert client.job(LEARN).result["notes"] == ["A note."]
    finally:
        backend.stop()


def test_a_jobs_file_of_format_2_has_the_same_jobs(folder):
    with closing(Store(folder)) as store:
        jobs = {job.id: (store.request(job.id), job.result, job.state) for job in store.jobs()}
    shutil.copyfile(SERVER_1.parent / "server-2" / "jobs-1.sqlite", folder / "jobs-1.sqlite")
    with closing(Store(folder)) as store:
        upgraded = {job.id: (store.request(job.id), job.result, job.state) for job in store.jobs()}
        assert all((job.user, job.priority, job.kind) == ("", "normal", store.request(job.id).kind)
                   for job in store.jobs())
    for each in (jobs, upgraded):
        del each[INTERRUPTED]  # was killed a moment ago in one and long ago in the other
    assert upgraded == jobs


def test_the_first_files_of_format_1_lack_two_columns(folder):
    sql(folder, "ALTER TABLE jobs DROP COLUMN attempts", "ALTER TABLE jobs DROP COLUMN changed")
    with closing(Store(folder)) as store:
        assert len(store.jobs()) == 11 and store.job(REFINE).result.frames == 3
        assert store.job(INTERRUPTED).state is JobState.FAILED  # its last change counts as long ago


def test_a_job_that_makes_no_sense_any_more_is_removed_and_the_others_stay(folder, caplog):
    sql(folder, f"UPDATE jobs SET kind = 'sing' WHERE id = '{FAILED}'",
        f"UPDATE jobs SET settings = '{{\"preset\": \"best\"}}' WHERE id = '{QUEUED_LEARN}'",
        f"UPDATE jobs SET inputs = 'damaged' WHERE id = '{MATCH}'")
    with closing(Store(folder)) as store:
        assert set(IDS) - {job.id for job in store.jobs()} == {FAILED, QUEUED_LEARN, MATCH}
    assert all(f"The job {job} of an older version cannot be read and is removed" in caplog.text
               for job in (FAILED, QUEUED_LEARN, MATCH))


def test_an_upgrade_that_fails_leaves_the_old_file(folder, monkeypatch):
    before, = sql(folder, "SELECT * FROM jobs")
    monkeypatch.setattr(database_upgrade, "_row_from_1", lambda row: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Store(folder)
    assert sql(folder, "SELECT * FROM jobs") == [before]


def test_a_newer_jobs_file_is_refused_in_a_sentence_and_left_alone(folder):
    sql(folder, f"PRAGMA user_version = {FORMAT + 1}")
    before = (folder / "jobs-1.sqlite").read_bytes()
    with pytest.raises(HeadroomError, match=r"jobs-1.sqlite was written by a newer version of Headroom\. Update"):
        Store(folder)
    assert (folder / "jobs-1.sqlite").read_bytes() == before
