"""A corpus is prepared on workers of Dask: a bounded number of shards at a time, and one bad shard stops no other."""

import os
import signal
import threading
from functools import partial
from pathlib import Path

import dask
import pytest
from distributed import Future
from typer.testing import CliRunner

from headroom.cli import corpus as corpus_run
from headroom.cli.app import app
from headroom.cli.corpus import prepare_shards
from headroom.cli.dask_workers import local_workers
from headroom.common.errors import Cancelled, HeadroomError
from headroom.common.progress import no_progress
from headroom.motion.train.config import GENERAL
from headroom.training.shards.folder import CorpusFolder, CorpusSettings
from headroom.training.shards.prepare import Stages

SHARDS = 7


@pytest.fixture
def corpus(tmp_path):
    """A corpus with manifests without clips."""
    folder = CorpusFolder.open(tmp_path / "corpus", CorpusSettings("model", 1, "encoding"))
    folder.write_settings({})
    for number in range(SHARDS):
        folder.manifest_file(number).parent.mkdir(exist_ok=True)
        folder.manifest_file(number).write_text("")
    return folder


def fake_shard(calls, corpus, number, config, stages, progress):
    """Write a shard; the third cannot be written."""
    progress(0.0, "")
    calls.append(number)
    if number == 2:
        raise HeadroomError("The disk is full.")
    if number == 4 and calls.count(4) == 1:
        raise Cancelled("Stopped.")
    corpus.shard_file(number).parent.mkdir(exist_ok=True)
    corpus.shard_file(number).write_text("shard")
    return {"clips": 3, "left_out": []}


@pytest.fixture
def calls(monkeypatch):
    numbers = []
    monkeypatch.setattr(corpus_run, "prepare_shard", partial(fake_shard, numbers))
    return numbers


def test_all_shards_are_prepared_but_the_finished_ones_and_a_bad_one_is_named(corpus, client, calls):
    corpus.shard_file(1).parent.mkdir()
    corpus.shard_file(1).write_text("finished before")
    shown = []
    failures = prepare_shards(client, corpus, GENERAL, lambda *step: shown.append(step))
    assert failures == ["Shard 2 failed: The disk is full."]
    assert sorted(calls) == [0, 2, 3, 4, 4, 5, 6], "one that another client had cancelled runs again"
    assert shown[-1][0] == 1.0 and "7 of 7 shards" in shown[-1][1]
    calls.clear()
    prepare_shards(client, corpus, GENERAL, no_progress)
    assert calls == [2]


def test_a_finished_corpus_waits_for_no_workers(corpus, client, monkeypatch):
    for number in range(SHARDS):
        corpus.shard_file(number).parent.mkdir(exist_ok=True)
        corpus.shard_file(number).write_text("finished before")
    monkeypatch.setattr(client, "nthreads", dict)
    assert prepare_shards(client, corpus, GENERAL, no_progress) == []


def test_no_more_shards_are_submitted_than_the_workers_have_threads(corpus, client, calls, monkeypatch):
    most, submit = [], client.submit

    def counted(*given, **more):
        future = submit(*given, **more)
        most.append(len(client.futures))
        return future

    monkeypatch.setattr(client, "submit", counted)
    prepare_shards(client, corpus, GENERAL, no_progress)
    assert len(most) == SHARDS + 1 and max(most) <= 4  # two that run, and two that have ended and are let go


def test_a_lost_scheduler_is_told(corpus, client, calls, monkeypatch):
    told = threading.Event()

    def lose(*given):
        client.cancel([Future(key, client) for key in list(client.futures)], force=True)
        told.wait(30)
        return fake_shard(calls, *given)

    monkeypatch.setattr(corpus_run, "prepare_shard", lose)
    with pytest.raises(HeadroomError, match="The connection to the scheduler was lost"):
        prepare_shards(client, corpus, GENERAL, no_progress)
    told.set()


def kill_worker(movie, model, with_preview):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as Unix does")
def test_a_shard_that_kills_its_worker_fails_with_a_reason_and_the_others_are_prepared(tmp_path, corpus):
    corpus.manifest_file(3).write_text('["clips", "a.mp4", 1, ""]\n')
    corpus.write_settings({"clips": str(tmp_path)})
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), local_workers(1) as client:
        failures = prepare_shards(client, corpus, GENERAL, no_progress, Stages(track=kill_worker))
    assert failures == ["Shard 3 failed: Every worker that ran it was killed. Look for what ends them, such as "
                        "too little memory."]
    assert list(corpus.unfinished()) == [3]


def test_the_command_prepares_a_folder_and_lists_what_it_left_out(tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").write_bytes(b"no movie")
    arguments = ["train", "corpus", str(tmp_path / "clips"), "-o", str(tmp_path / "corpus")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "clips left out" in result.output and (tmp_path / "corpus" / "statistics.json").is_file()
    assert "a.mp4" in Path(tmp_path / "corpus" / "left_out.csv").read_text()
