"""Running jobs on workers: the order, failures, going on after an interruption, and workers that are killed."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import dask
import pytest
from distributed import Client, Future
from scripts import PYTHON

from headroom.cli import dask_workers
from headroom.cli.app import main
from headroom.cli.batch import workers
from headroom.cli.batch.plan import Job, in_order
from headroom.cli.batch.report import Report
from headroom.cli.batch.run import run_jobs
from headroom.cli.blender import BlenderKilled
from headroom.cli.dask_workers import local_workers
from headroom.cli.local_server import BackendKilled
from headroom.common.errors import HeadroomError, InputError


class FakeExtension:
    """Writes the outputs of jobs instead of Blender; job 2 fails, and job 3 is told so in an exception."""

    jobs: list[Job]
    ran: list[int]
    turn = threading.Lock()

    def run(self, arguments, progress, codes):
        number = int(arguments[arguments.index("--only") + 1])
        progress(0.5, "Half")
        with self.turn:
            self.ran.append(number)
        if number == 2:
            return [{"job": 2, "kind": "shot", "state": "failed", "error": "2.wav is silent."}]
        if number == 3:
            raise InputError("Blender has no such job.")
        for path in self.jobs[number - 1].writes:
            path.write_text("made")
        return [{"job": number, "kind": "shot", "state": "done"}]

    is_usable = True

    def stop(self):
        pass


class Shown:
    """Collects what a batch shows."""

    def __init__(self):
        self.steps, self.jobs = [], []

    def progress(self, task, fraction, message):
        self.steps.append((task, fraction, message))

    def ended(self, task):
        pass

    def finished(self, job, line):
        self.jobs.append(job.number)


@pytest.fixture
def extension(monkeypatch):
    fake = FakeExtension()
    fake.ran = []

    @contextmanager
    def running():
        yield fake

    monkeypatch.setattr(workers, "running_extension", running)
    return fake


@pytest.fixture
def jobs(tmp_path, extension):
    """Six jobs: 4 needs 1, 5 needs 2, which fails, and 6 is wrong."""
    def job(number, reads, writes, **more):
        return Job(number, "shot", tuple(tmp_path / name for name in reads), tuple(tmp_path / name for name in writes),
                   entry={"seed": number}, **more)

    extension.jobs = in_order([job(1, [], ["1"]), job(2, [], ["2"]), job(3, [], ["3"]), job(4, ["1"], ["4"]),
                               job(5, ["2"], ["5"]), job(6, [], ["6"], error="There is no job of kind 'sing'.")])
    return extension.jobs


def run(jobs, client, tmp_path, shown=None, chunk_seconds=0.0):
    report = Report(tmp_path / "jobs.json")
    run_jobs(jobs, client, report, shown or Shown(), chunk_seconds)
    report.write()
    return {number: (line["state"], line.get("error", "")) for number, line in sorted(report.lines.items())}


def test_jobs_run_in_order_and_one_that_fails_stops_only_those_that_need_it(jobs, client, extension, tmp_path):
    shown = Shown()
    assert run(jobs, client, tmp_path, shown) == {
        1: ("done", ""), 2: ("failed", "2.wav is silent."), 3: ("failed", "Blender has no such job."), 4: ("done", ""),
        5: ("failed", "Job 2, which makes what this one needs, failed."),
        6: ("failed", "There is no job of kind 'sing'.")}
    assert sorted(shown.jobs) == [1, 2, 3, 4, 5, 6]
    assert extension.ran.index(1) < extension.ran.index(4) and sorted(extension.ran) == [1, 2, 3, 4]


def test_a_batch_whose_workers_are_gone_waits_for_others(jobs, client, tmp_path, monkeypatch):
    real, start, looks = client.nthreads, time.monotonic(), []
    monkeypatch.setattr(dask_workers, "POLL_SECONDS", 0.2)

    def nthreads():
        looks.append(1)
        return real() if time.monotonic() > start + 0.5 else {}

    monkeypatch.setattr(client, "nthreads", nthreads)
    assert run(jobs, client, tmp_path)[4] == ("done", "")
    assert len(looks) < 20


def test_a_second_run_does_what_the_first_has_not_finished(jobs, client, extension, tmp_path):
    first = run(jobs, client, tmp_path)
    extension.ran.clear()
    assert run(jobs, client, tmp_path) == first
    assert sorted(extension.ran) == [2, 3]
    (tmp_path / "1").unlink()
    extension.ran.clear()
    run(jobs, client, tmp_path)
    assert sorted(extension.ran) == [1, 2, 3, 4]  # 4 reads what 1 makes


def test_a_lost_scheduler_is_told_and_what_is_finished_stays(jobs, client, extension, tmp_path, monkeypatch):
    report, told = Report(tmp_path / "jobs.json"), threading.Event()

    def lose(arguments, progress, codes):
        if arguments[-1] == "4":  # the others have ended or run
            deadline = time.monotonic() + 30
            while 1 not in report.lines and time.monotonic() < deadline:
                time.sleep(0.01)
            client.cancel([Future(key, client) for key in list(client.futures)], force=True)
            told.wait(30)
        return FakeExtension.run(extension, arguments, progress, codes)

    monkeypatch.setattr(extension, "run", lose)
    with pytest.raises(HeadroomError, match="The connection to the scheduler was lost"):
        run_jobs(jobs, client, report, Shown())
    told.set()
    assert report.lines[1]["state"] == "done" and 4 not in report.lines


def test_a_job_whose_backend_was_killed_runs_again_with_another(jobs, client, tmp_path, monkeypatch):
    started = []

    class Dying(FakeExtension):
        """Its backend is killed during the first job."""

        def __init__(self):
            started.append(self)
            self.jobs, self.ran, self.number = jobs, [], len(started)

        @property
        def is_usable(self):
            return self.number > 1

        def run(self, arguments, progress, codes):
            if not self.is_usable:
                return [{"job": 1, "kind": "shot", "state": "failed", "error": "The backend does not answer."}]
            return super().run(arguments, progress, codes)

    @contextmanager
    def running():
        yield Dying()

    monkeypatch.setattr(workers, "running_extension", running)
    assert run(jobs[:1], client, tmp_path) == {1: ("done", "")}
    assert len(started) == 2


def test_a_job_runs_again_where_its_backend_was_killed_while_it_started(jobs, client, extension, tmp_path, monkeypatch):
    starts = []

    @contextmanager
    def running():
        starts.append(1)
        if len(starts) < 3:
            raise BackendKilled("The backend did not start: it was ended by SIGKILL.")
        yield extension

    monkeypatch.setattr(workers, "running_extension", running)
    assert run(jobs[:1], client, tmp_path) == {1: ("done", "")} and len(starts) == 3


class SplitExtension(FakeExtension):
    """Splits the shot of job 1 into three chunks, which it keeps in the folder as the extension does."""

    fails = ()  # chunks
    crashes = 0  # chunk 1, so many times

    def run(self, arguments, progress, codes):
        words = dict(zip(arguments[2::2], arguments[3::2]))
        if words["--only"] != "1":
            return super().run(arguments, progress, codes)
        folder, line = Path(words["--chunk-folder"]), {"job": 1, "kind": "shot"}
        folder.mkdir(parents=True, exist_ok=True)
        done = [int(path.name) for path in folder.iterdir()]
        with self.turn:
            self.ran.append((words.get("--chunk"), words.get("--chunk-number")))
        if "--chunk" in words:
            return [{**line, "state": "split", "chunks": 3, "unfinished": sorted({0, 1, 2} - set(done))}]
        if "--chunk-number" in words:
            number = int(words["--chunk-number"])
            if number == 1 and self.crashes:
                self.crashes -= 1
                raise BlenderKilled("Blender failed: it was ended by SIGKILL.")
            if number in self.fails:
                return [{**line, "state": "failed", "error": "The disk is full."}]
            (folder / str(number)).touch()
            return [{**line, "state": "done"}]
        self.jobs[0].writes[0].write_text(f"{len(done)} chunks")
        return [{**line, "state": "done"}]


@pytest.fixture
def splitting(jobs, monkeypatch, extension):
    fake = SplitExtension()
    fake.jobs, fake.ran = jobs, []

    @contextmanager
    def running():
        yield fake

    monkeypatch.setattr(workers, "running_extension", running)
    return fake


def test_a_long_shot_is_split_its_chunks_rendered_and_joined_and_nothing_is_left(splitting, jobs, client, tmp_path):
    splitting.crashes = 2
    states = run(jobs, client, tmp_path, chunk_seconds=30.0)
    assert states[1] == states[4] == ("done", "")
    assert (tmp_path / "1").read_text() == "3 chunks"
    parts = [each for each in splitting.ran if isinstance(each, tuple)]
    assert parts[0] == ("30.0", None) and parts[-1] == (None, None)
    assert sorted(parts[1:-1]) == [(None, "0"), (None, "1"), (None, "1"), (None, "1"), (None, "2")]
    assert sorted(path.name for path in (tmp_path / "jobs_report").iterdir()) == ["report.html", "report.json"]


def test_what_a_worker_that_was_killed_had_half_written_is_removed(jobs, client, extension, tmp_path):
    thumbnails = Report(tmp_path / "jobs.json").thumbnails
    written_by_half = f"""
import os
from pathlib import Path
from headroom.common.files import atomic_write
Path({str(thumbnails)!r}).mkdir(parents=True)
with atomic_write(Path({str(thumbnails / "00001.jpg")!r})) as new:
    new.write_text("half")
    os._exit(9)
"""
    subprocess.run([sys.executable, "-c", written_by_half], check=False)
    assert len(list(thumbnails.iterdir())) == 1
    run(jobs, client, tmp_path)
    assert list(thumbnails.iterdir()) == []


def test_a_failed_chunk_fails_its_shot_alone_and_leaves_nothing(splitting, jobs, client, tmp_path):
    splitting.fails = (2,)
    states = run(jobs, client, tmp_path, chunk_seconds=30.0)
    assert states[1] == ("failed", "The disk is full.")
    assert states[4] == ("failed", "Job 1, which makes what this one needs, failed.")
    assert not (tmp_path / "jobs_report" / "chunks").exists()


def test_a_batch_goes_on_with_the_chunks_that_are_missing(splitting, jobs, client, tmp_path):
    report = Report(tmp_path / "jobs.json")
    folder, other = report.chunk_folder(jobs[0]), report.folder / "chunks" / "00001-of-other-settings"
    for each in (folder, other):
        each.mkdir(parents=True)
        (each / "0").touch()
    assert run(jobs[:1], client, tmp_path)[1] == ("done", "")
    assert splitting.ran[0] == ("inf", None) and sorted(splitting.ran[1:3]) == [(None, "1"), (None, "2")]
    assert (tmp_path / "1").read_text() == "3 chunks" and not other.exists()


def test_one_worker_splits_nothing(jobs, extension, tmp_path, monkeypatch):
    given = []

    def run_and_remember(arguments, progress, codes):
        given.append(arguments[2:])
        return FakeExtension.run(extension, arguments, progress, codes)

    monkeypatch.setattr(extension, "run", run_and_remember)
    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as alone:
        run(jobs[:1], alone, tmp_path, chunk_seconds=30.0)
    assert given == [["--only", "1"]]


KILLER = PYTHON + """
import json, os, signal, sys
number = sys.argv[sys.argv.index("--only") + 1]
if number == "1":
    os.kill(os.getppid(), signal.SIGKILL)
print(json.dumps({"job": int(number), "kind": "shot", "state": "done"}))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as Unix does")
def test_a_job_that_kills_its_worker_fails_with_a_reason_and_the_others_run(tmp_path, monkeypatch):
    program = tmp_path / "blender"
    program.write_text(KILLER)
    program.chmod(0o755)
    monkeypatch.setenv("HEADROOM_BLENDER", str(program))
    jobs = in_order([Job(1, "shot", (), (tmp_path / "1",)), Job(2, "shot", (), (tmp_path / "2",))])
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), local_workers(1) as client:
        states = run(jobs, client, tmp_path)
    assert states[2] == ("done", "")
    assert states[1][0] == "failed" and "Every worker that ran it was killed." in states[1][1]


def test_a_stopped_batch_says_how_to_go_on(tmp_path, monkeypatch, extension, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("headroom.cli.blender.planning_extension", workers.running_extension)
    monkeypatch.setattr("headroom.cli.batch.plan.read_plan", lambda file, extension: [])
    monkeypatch.setattr(dask_workers, "local_workers", interrupted)
    monkeypatch.setattr("sys.argv", ["headroom", "batch", str(tmp_path / "jobs.json")])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130 and capsys.readouterr().err == "Stopped; run the same command again to go on.\n"
