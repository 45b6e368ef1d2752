"""Jobs that are cancelled, and jobs whose worker ends."""

import os
import re
import signal
import threading
from pathlib import Path

import pytest
from running import JobFailed, shot_inputs, wait_for

from addon.core.errors import Cancelled


def wait_for_message(client, job, words):
    """Return the job when its message first contains `words`."""
    return next(job for job in client.events(job.id) if words in job.message)


def workers_of(client, job):
    """Yield the process ids of the workers that run `job`, which must not end by itself."""
    matches = (re.search(r"Worker (\d+)", job.message) for job in client.events(job.id))
    return (int(match[1]) for match in matches if match)


def worker_of_finished(client, job):
    """Return the process id of the worker that ran `job`."""
    return int(wait_for(client, job.id).result["notes"][1].split()[1])


def test_a_queued_job_is_cancelled_without_running(client, perform):
    first, second = perform("wait"), perform("count")
    assert client.cancel(second.id).state == "cancelled"
    client.cancel(first.id)
    assert [job.state for job in client.events(second.id)] == ["cancelled"]
    assert client.job(second.id).progress == 0.0


def test_a_running_job_is_cancelled_by_itself_and_its_worker_lives_on(client, perform):
    worker = worker_of_finished(client, perform("nothing"))
    job = perform("wait")
    wait_for_message(client, job, "Waiting to be")
    assert client.cancel(job.id).state == "cancelled"
    with pytest.raises(Cancelled):
        wait_for(client, job.id)
    assert worker_of_finished(client, perform("nothing")) == worker


def test_a_stuck_job_is_cancelled_with_its_worker_and_leaves_no_files(client, perform):
    job = perform("stuck")
    running = wait_for_message(client, job, "Worker")
    folder = Path(running.message.split(" in ")[1])
    assert folder.is_dir()
    assert client.cancel(job.id).state == "cancelled"
    assert worker_of_finished(client, perform("nothing")) != int(running.message.split()[1])
    assert not folder.exists()


def test_a_finished_job_cannot_be_cancelled(client, perform):
    done = wait_for(client, perform("nothing").id)
    assert client.cancel(done.id) == done


def test_cancelling_while_following_from_the_same_thread(client, perform):
    """What the add-on does when the artist presses escape."""
    states = []
    for job in client.events(perform("wait").id):
        states.append(job.state)
        if "Waiting to be stopped" in job.message:
            client.cancel(job.id)
    assert states[-1] == "cancelled"


def test_several_clients_see_the_same_end_of_a_job(client, perform):
    job = perform("wait")
    ends = []
    clients = [threading.Thread(target=lambda: ends.append(list(client.events(job.id))[-1].state)) for _ in range(3)]
    for thread in clients:
        thread.start()
    wait_for_message(client, job, "Waiting to be")
    client.cancel(job.id)
    for thread in clients:
        thread.join()
    assert ends == ["cancelled"] * 3


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes in another way")
def test_the_job_of_a_killed_worker_gets_a_second_attempt_and_no_third(client, perform):
    job = perform("stuck")
    first = next(workers_of(client, job))
    os.kill(first, signal.SIGKILL)
    second = next(worker for worker in workers_of(client, job) if worker != first)
    os.kill(second, signal.SIGKILL)
    with pytest.raises(JobFailed, match=r"was killed .* Close other programs and start the job again\."):
        wait_for(client, job.id)
    assert wait_for(client, perform("nothing").id).state == "done"


def test_a_refine_job_whose_worker_is_killed_resumes(client, tmp_path):
    shot = shot_inputs(client, tmp_path, [b"slow %d" % frame for frame in range(8)])
    job = client.submit("refine", shot, {"fps": 25})
    half_way = next(event for event in client.events(job.id) if event.progress >= 0.5)
    os.kill(int(half_way.message.split()[1]), signal.SIGKILL)
    movie = client.get_file(wait_for(client, job.id).result["movie"], tmp_path / "movie.mp4").read_bytes()
    assert 0 < int(movie.split()[-1]) <= 4
    again = client.submit("refine", shot, {"fps": 25})
    assert client.get_file(wait_for(client, again.id).result["movie"], tmp_path / "again").read_bytes().endswith(b" 0")


def test_an_aborted_worker_fails_its_job_and_the_next_one_runs(client, perform):
    with pytest.raises(JobFailed, match="ended unexpectedly while it ran this job"):
        wait_for(client, perform("die").id)
    assert wait_for(client, perform("nothing").id).state == "done"
