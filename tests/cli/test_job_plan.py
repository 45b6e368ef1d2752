"""What a job file asks for: which jobs wait for which, what an earlier run has finished, and the farms' own forms."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scripts import PYTHON

from headroom.cli.batch import workers
from headroom.cli.batch.farm import FLAMENCO_SCRIPT, flamenco_job, openjd_template
from headroom.cli.batch.plan import Job, in_order, read_plan
from headroom.cli.batch.report import Report, thumbnail_name
from headroom.cli.blender import planning_extension
from headroom.media.image import read_picture, write_picture

FOLDER = Path("/films")


def job(number, reads=(), writes=(), **more):
    return Job(number, "shot", tuple(FOLDER / name for name in reads), tuple(FOLDER / name for name in writes), **more)


def touch(one, other):
    """Whether a path is, or lies in, another, or the other way round; slowly."""
    return one == other or one in other.parents or other in one.parents


def test_jobs_wait_for_those_that_write_what_they_read_or_write_and_for_those_that_read_what_they_write():
    rng = random.Random(0)
    names = ["a", "a/b", "a/b/c", "d", "d/e", "f", "a b"]
    for _ in range(60):
        jobs = [job(number, rng.sample(names, 2), rng.sample(names, 1)) for number in range(1, 9)]
        for found in in_order(jobs):
            earlier = jobs[: found.number - 1]
            needs = [each.number for each in earlier
                     if any(touch(a, b) for a in each.writes for b in found.reads)]
            after = [each.number for each in earlier
                     if each.number in needs
                     or any(touch(a, b) for a in each.reads + each.writes for b in found.writes)]
            assert (list(found.after), list(found.needs)) == (after, needs)


def test_paths_written_in_two_ways_are_one():
    first, second = job(1, writes=["people/anna"]), Job(2, "shot", (FOLDER / "x" / ".." / "people" / "anna",), ())
    assert in_order([first, second])[1].needs == (1,)


@pytest.fixture
def finished(tmp_path):
    """A job whose speech and movie exist, and the report of the run that has finished it."""
    (tmp_path / "line.wav").write_bytes(b"speech")
    (tmp_path / "line.mp4").write_bytes(b"movie")
    done = Job(1, "shot", (tmp_path / "line.wav",), (tmp_path / "line.mp4",), entry={"kind": "shot", "seed": 1})
    report = Report(tmp_path / "jobs.json")
    report.add(done, {"job": 1, "kind": "shot", "state": "done", "movie": str(done.writes[0]), "seconds": 2.5})
    report.write()
    return done


def test_a_finished_job_does_not_run_again(finished, tmp_path):
    line = Report(tmp_path / "jobs.json").finished_before(finished)
    assert line["state"] == "done" and line["seconds"] == 2.5
    assert Report(tmp_path / "jobs.json", again=True).finished_before(finished) is None


def test_a_job_runs_again_when_its_settings_inputs_or_results_are_others(finished, tmp_path):
    assert Report(tmp_path / "jobs.json").finished_before(replace(finished, entry={"kind": "shot", "seed": 2})) is None
    os.utime(tmp_path / "line.wav", ns=(1, 1))
    assert Report(tmp_path / "jobs.json").finished_before(finished) is None
    report = Report(tmp_path / "jobs.json")
    report.add(finished, {"job": 1, "kind": "shot", "state": "done"})
    report.write()
    (tmp_path / "line.mp4").unlink()
    assert Report(tmp_path / "jobs.json").finished_before(finished) is None


def test_numbered_pictures_are_results_and_have_a_small_picture(finished, tmp_path):
    output, report = tmp_path / "shot[1].####.png", Report(tmp_path / "jobs.json")
    sequence = replace(finished, writes=(output,))
    report.add(sequence, {"job": 1, "kind": "shot", "state": "done"})
    report.write()
    assert Report(tmp_path / "jobs.json").finished_before(sequence) is None
    for number in range(3):
        write_picture(tmp_path / f"shot[1].{number:04d}.png", np.full((40, 80, 3), 100 * number, np.uint8))
    assert Report(tmp_path / "jobs.json").finished_before(sequence)["state"] == "done"
    workers._write_thumbnail(output, tmp_path / "small.png")
    assert np.array_equal(read_picture(tmp_path / "small.png"), np.full((120, 240, 3), 100))


def test_a_failed_job_and_one_of_a_damaged_report_run_again(finished, tmp_path):
    report = Report(tmp_path / "jobs.json")
    report.add(finished, {"job": 1, "kind": "shot", "state": "failed", "error": "No."})
    report.write()
    assert Report(tmp_path / "jobs.json").finished_before(finished) is None
    (report.folder / "report.json").write_text('{"jobs": [{')
    assert Report(tmp_path / "jobs.json").finished_before(finished) is None


def test_the_page_shows_every_job_with_its_picture_and_escapes_text(finished, tmp_path):
    report = Report(tmp_path / "jobs.json")
    report.thumbnails.mkdir()
    (report.thumbnails / thumbnail_name(1)).write_bytes(b"jpeg")
    report.add(replace(finished, number=2), {"job": 2, "kind": "shot", "state": "failed", "error": "<b> & co"})
    report.write()
    page = (report.folder / "report.html").read_text()
    assert 'src="thumbnails/00001.jpg"' in page and "00002.jpg" not in page
    assert "line.mp4" in page and "&lt;b&gt; &amp; co" in page and "2.5" in page


def test_the_page_shows_the_figures_of_an_evaluation(finished, tmp_path):
    report = Report(tmp_path / "jobs.json")
    tables = {"prediction": {"psnr_face": 27.684, "flicker": 1.071, "identity": None, "w1_degrees": [1.0, 2.0, 3.0]}}
    report.add(finished, {"job": 1, "kind": "evaluate", "state": "done", "figures": "/f.json", "tables": tables})
    report.write()
    page = (report.folder / "report.html").read_text()
    assert "/f.json<br>prediction: PSNR, face 27.68 dB; flicker relative to the true frames&#x27; 1.07</td>" in page


def jobs_of_a_film():
    return in_order([job(1, ["anna.mp4"], ["people/anna"]), job(2, ["people/anna", "1.wav"], ["out/1.mp4"]),
                     job(3, ["people/anna", "2.wav"], ["out/" + 80 * "x" + ".mp4"])])


def test_the_open_job_description_template_is_valid_and_keeps_the_order():
    model = pytest.importorskip("openjd.model")
    template = openjd_template(FOLDER / "tonight.json", jobs_of_a_film())
    checked = model.decode_job_template(template=json.loads(json.dumps(template)))
    steps = {step.name: [each.dependsOn for each in step.dependencies or ()] for step in checked.steps}
    assert next(iter(steps)) == "1 shot anna" and list(steps.values()) == [[], ["1 shot anna"], ["1 shot anna"]]
    assert template["steps"][1]["script"]["actions"]["onRun"]["args"][-2:] == ["--only", "2"]


RUN_FLAMENCO = """
const [script, body] = process.argv.slice(1).map((path) => require("fs").readFileSync(path, "utf8"));
const author = {
    Task: (name, type) => ({
        name, type, commands: [], after: [],
        addCommand(each) { this.commands.push(each) }, addDependency(each) { this.after.push(each.name) } }),
    Command: (name, parameters) => ({ name, parameters }),
};
const tasks = [];
new Function("author", script + "; return compileJob")(author)({
    settings: JSON.parse(body).settings, addTask: (task) => tasks.push(task) });
console.log(JSON.stringify(tasks));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node to run Flamenco's job type")
def test_the_job_type_of_flamenco_makes_a_task_of_each_job(tmp_path):
    (tmp_path / "body.json").write_text(json.dumps(flamenco_job(FOLDER / "tonight.json", jobs_of_a_film())))
    done = subprocess.run(["node", "-e", RUN_FLAMENCO, str(FLAMENCO_SCRIPT), str(tmp_path / "body.json")],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tasks = json.loads(done.stdout)
    assert [task["after"] for task in tasks] == [[], ["1 shot anna"], ["1 shot anna"]]
    assert tasks[2]["commands"] == [{"name": "exec", "parameters": {
        "exe": "headroom", "args": ["batch", str(FOLDER / "tonight.json"), "--only", "3"]}}]


def test_a_batch_is_planned_without_a_backend(tmp_path, monkeypatch):
    program = tmp_path / "blender"
    program.write_text(PYTHON + """
import json, os, sys
print(json.dumps({"job": 1, "kind": "shot", "state": "failed", "error": repr(
    ["--url" in sys.argv, "HEADROOM_TOKEN" in os.environ])}))
""")
    program.chmod(0o755)
    monkeypatch.setenv("HEADROOM_BLENDER", str(program))
    monkeypatch.delenv("HEADROOM_TOKEN", raising=False)
    (tmp_path / "jobs.json").write_text(json.dumps({"headroom": 1, "jobs": [{}]}))
    with planning_extension() as extension:
        (job,) = read_plan(tmp_path / "jobs.json", extension)
    assert job.error == "[False, False]" and not extension.folder.exists()


@pytest.mark.skipif(os.name != "posix", reason="interrupts as Unix does")
def test_an_interrupted_batch_does_not_wait_for_the_blender_that_plans(tmp_path):
    program, started = tmp_path / "blender", tmp_path / "started"
    program.write_text(f"{PYTHON}import pathlib, time\npathlib.Path({str(started)!r}).touch()\ntime.sleep(120)\n")
    program.chmod(0o755)
    (tmp_path / "jobs.json").write_text(json.dumps({"headroom": 1, "jobs": [{}]}))
    batch = subprocess.Popen([sys.executable, "-m", "headroom", "batch", str(tmp_path / "jobs.json")],
                             stderr=subprocess.PIPE, env={**os.environ, "HEADROOM_BLENDER": str(program)})
    deadline = time.monotonic() + 60
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    batch.send_signal(signal.SIGINT)
    _, errors = batch.communicate(timeout=60)
    assert batch.returncode == 130 and errors.endswith(b"Stopped; run the same command again to go on.\n")
