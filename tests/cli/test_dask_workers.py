"""Workers of Dask: their threads, what they cost while they wait, and clusters that cannot be used."""

import os
import time

import psutil
import pytest
from distributed import LocalCluster

from headroom.cli import dask_workers
from headroom.cli.dask_workers import local_workers, workers_of
from headroom.common.errors import HeadroomError


@pytest.mark.parametrize("given", ["", "3"])
def test_workers_share_the_cores_unless_the_user_says_how_many_threads_they_have(monkeypatch, given):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setattr(dask_workers, "_usable_cores", lambda: 8)
    with local_workers(1) as client:
        assert set(client.run(os.getenv, "OMP_NUM_THREADS").values()) == {given or "8"}


def test_workers_that_wait_for_jobs_do_nothing():
    with local_workers(1) as client:
        time.sleep(2.0)
        processes = [psutil.Process(pid) for pid in client.run(os.getpid).values()]
        begin = [sum(process.cpu_times()[:2]) for process in processes]
        time.sleep(4.0)
        used = [sum(process.cpu_times()[:2]) - before for process, before in zip(processes, begin)]
    assert max(used) < 0.06, used  # with Dask's own settings 0.1 s and more


def test_a_cluster_that_cannot_be_used_is_told(monkeypatch, client):
    monkeypatch.setattr(dask_workers, "CONNECT_SECONDS", 0.2)
    nowhere = "tcp://127.0.0.1:9"
    with pytest.raises(HeadroomError, match=f"No scheduler answers at {nowhere}"), workers_of(nowhere):
        pass
    with LocalCluster(processes=False, n_workers=0, dashboard_address=None) as empty:
        sentence = "has no workers. Start some with"
        with pytest.raises(HeadroomError, match=sentence), workers_of(empty.scheduler_address):
            pass
    address = client.scheduler.address
    for version, sentence in ((lambda: 1 / 0, "A worker of the cluster has no Headroom."),
                              (lambda: "0.0.1", "A worker has Headroom 0.0.1, this is")):
        monkeypatch.setattr(dask_workers, "_version", version)
        with pytest.raises(HeadroomError, match=sentence), workers_of(address):
            pass
