"""The backend's private environment, made with a stand-in for uv that writes a package of three lines."""

import importlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from scripts import PYTHON

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
environment = importlib.import_module("addon.core.environment")
pythons = importlib.import_module("addon.core.pythons")
errors = importlib.import_module("addon.core.errors")
tasks = importlib.import_module("addon.core.tasks")
uv_output = importlib.import_module("addon.core.uv_output")
processes = importlib.import_module("addon.core.processes")
State = environment.State

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for uv is a script with a #! line")

UV = PYTHON + """
import json, os, pathlib, subprocess, sys, time
words = sys.argv[1:]
folder = pathlib.Path(os.environ["UV_CACHE_DIR"]).parent
mode = (folder / "mode").read_text() if (folder / "mode").exists() else ""
with open(folder / "asked", "a") as file:
    print(json.dumps(words), file=file)
if words[0] == "venv":
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", words[-1]], check=True)
elif words[0] == "pip":
    print("Resolved 2 packages in 3ms")
    print("Downloading torch (190.0MiB)")
    print("Downloading scipy (10.0MiB)", flush=True)
    (folder / "cache").mkdir(exist_ok=True)
    if mode == "hang":
        (folder / "hangs").write_text(str(os.getpid()))
        time.sleep(60)
    print(" Downloaded torch")
    if mode.startswith("error"):
        sys.exit(mode)
    print("Prepared 2 packages in 3ms")
    package = next(pathlib.Path(words[3]).parent.parent.glob("lib/python*/site-packages")) / "headroom"
    (package / "server").mkdir(parents=True)
    for name in ("__init__", "pipeline", "server/__init__", "server/serve"):
        (package / (name + ".py")).write_text("")
    ok = mode != "lacks"
    findings = [dict(what="device", ok=True, found="a fake GPU", remedy=""),
                dict(what="Blender", ok=False, found="not found", remedy=""),
                dict(what="OpenGL", ok=ok, found="none", remedy="Run `apt install it`.")]
    (package / "__main__.py").write_text(
        "import json, sys; print('Loading'); print(json.dumps(" + repr(findings) + ", indent=2)); sys.exit(1)")
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An environment whose tools are there already; `place.mode(…)` says how the stand-in shall behave."""
    monkeypatch.setattr(environment, "find_python", lambda watch: Path(sys.executable))
    made = environment.Environment(tmp_path / "backend of Zoë", "1.2.3")
    tools = made.folder / "tools" / "bin"
    tools.mkdir(parents=True)
    (tools / "uv").write_text(UV)
    (tools / "uv").chmod(0o755)
    made.mode = (made.folder / "mode").write_text
    made.asked = lambda: [json.loads(line) for line in (made.folder / "asked").read_text().splitlines()]
    return made


def watch(steps=None):
    return tasks.ProgressToken(lambda step: steps.append(step) if steps is not None else None)


def test_setting_up_makes_a_backend_that_is_ready_and_says_what_it_runs_on(place):
    assert place.state is State.NOT_INSTALLED
    steps = []
    assert place.install("headroom.whl", sys.executable, watch(steps)) == "a fake GPU"
    assert place.state is State.READY and place.python.exists() and place.problem == ""
    assert [words[:2] for words in place.asked()] == [["--version"], ["venv", "--clear"], ["pip", "install"]]
    assert place.asked()[-1] == ["pip", "install", "--python", str(place.python), "headroom.whl"]
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions) and fractions[-1] < 1
    assert "Downloading torch (190 MB) and 1 more" in [step.message for step in steps]
    assert not (place.folder / "cache").exists()


def test_another_blender_session_finds_it_ready_and_a_newer_add_on_outdated(place):
    place.install("headroom.whl", sys.executable, watch())
    assert environment.Environment(place.folder, "1.2.3").state is State.READY
    assert environment.Environment(place.folder, "1.3.0").state is State.OUTDATED


def test_what_is_written_down_is_read_once_and_again_when_it_has_changed(place, monkeypatch):
    place.install("headroom.whl", sys.executable, watch())
    read, seen = environment._record_in, []
    monkeypatch.setattr(environment, "_record_in", lambda path: seen.append(path) or read(path))
    panel = environment.Environment(place.folder, "1.2.3")
    assert [panel.state for _ in range(5)] == [State.READY] * 5 and panel.problem == ""
    assert len(seen) == 1
    place._write(environment.Record(True, "1.2.2"))  # as another Blender would
    assert [panel.state for _ in range(5)] == [State.OUTDATED] * 5 and len(seen) == 2


def test_stopping_ends_the_installer_and_the_next_attempt_goes_on_from_the_cache(place):
    place.mode("hang")
    watching, raised = watch(), []

    def work():
        try:
            place.install("headroom.whl", sys.executable, watching)
        except errors.Cancelled as stop:
            raised.append(stop)

    thread = threading.Thread(target=work)
    thread.start()
    hanging = wait_for(place.folder / "hangs")
    assert place.state is State.INSTALLING
    watching.stop()
    thread.join(10)
    assert raised and not thread.is_alive() and not runs(hanging)
    assert place.state is State.INCOMPLETE and (place.folder / "cache").is_dir()
    place.mode("")
    place.install("headroom.whl", sys.executable, watch())
    assert place.state is State.READY


def test_an_installation_cut_off_by_a_crash_is_incomplete_and_can_be_taken_up(place):
    place.mode("hang")
    program = (f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
               "from pathlib import Path\nfrom addon.core import environment, tasks\n"
               "environment.find_python = lambda watch: Path(sys.executable)\n"
               f"place = environment.Environment(Path({str(place.folder)!r}), '1.2.3')\n"
               "place.install('headroom.whl', sys.executable, tasks.ProgressToken(lambda step: None))")
    blender = subprocess.Popen([sys.executable, "-c", program])
    hanging = wait_for(place.folder / "hangs")
    with pytest.raises(errors.HeadroomError, match="Another Blender is setting up"):
        place.install("headroom.whl", sys.executable, watch())
    blender.kill()
    blender.wait()
    os.kill(hanging, signal.SIGKILL)
    assert place.state is State.INCOMPLETE
    place.mode("")
    place.install("headroom.whl", sys.executable, watch())
    assert place.state is State.READY


@pytest.mark.parametrize(("said", "words"), [
    ("error: No space left on device (os error 28)", "disk is full"),
    ("error: Failed to fetch: dns error", "cannot be reached.*proxy"),
    ("error: No solution found when resolving dependencies", "does not exist for this machine"),
    ("error: something new", r"Setting up failed: error: something new\. Try again; .*setup\.log has"),
])
def test_the_installers_last_words_become_a_sentence_with_a_remedy_that_is_kept(place, said, words):
    place.mode(said)
    with pytest.raises(errors.HeadroomError, match=words) as failure:
        place.install("headroom.whl", sys.executable, watch())
    again = environment.Environment(place.folder, "1.2.3")
    assert again.state is State.FAILED and again.problem == str(failure.value)
    assert said in (place.folder / "setup.log").read_text()


def test_what_the_doctor_finds_missing_is_told_with_its_remedy(place):
    place.mode("lacks")
    with pytest.raises(errors.HeadroomError, match=r"OpenGL: none\)\. Run `apt install it`\."):
        place.install("headroom.whl", sys.executable, watch())
    assert place.state is State.FAILED


def test_verifying_finds_a_broken_backend_and_setting_up_again_repairs_it(place):
    place.install("headroom.whl", sys.executable, watch())
    assert place.verify(watch()) == "a fake GPU" and place.state is State.READY
    next(place.folder.glob("env/lib/*/site-packages/headroom/pipeline.py")).unlink()
    with pytest.raises(errors.HeadroomError, match=r"No module named 'headroom\.pipeline'"):
        place.verify(watch())
    assert place.state is State.FAILED
    place.install("headroom.whl", sys.executable, watch())
    assert place.state is State.READY


def test_removing_deletes_what_is_ours_and_leaves_what_somebody_put_there(place, tmp_path):
    place.install("headroom.whl", sys.executable, watch())
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "keep").write_text("me")
    (place.folder / "python").symlink_to(precious)
    (place.folder / "notes.txt").write_text("mine")
    place.remove(watch())
    assert place.state is State.NOT_INSTALLED and (precious / "keep").exists()
    assert {path.name for path in place.folder.iterdir()} == {"notes.txt", "asked"}


def test_removing_refuses_a_folder_that_was_not_made_by_headroom(tmp_path):
    (tmp_path / "env").mkdir()
    with pytest.raises(errors.InputError, match="not made by Headroom"):
        environment.Environment(tmp_path, "1").remove(watch())
    assert (tmp_path / "env").is_dir()


def test_verifying_what_is_not_there_says_so_and_makes_no_folder(tmp_path):
    with pytest.raises(errors.InputError, match="not set up"):
        environment.Environment(tmp_path / "no", "1").verify(watch())
    assert not (tmp_path / "no").exists()


def test_a_state_file_that_was_cut_short_counts_as_incomplete(place):
    (place.folder / "state.json").write_text('{"complete": tr')
    assert place.state is State.INCOMPLETE


def test_without_a_python_on_the_machine_uv_fetches_one(place, monkeypatch):
    monkeypatch.setattr(environment, "find_python", lambda watch: None)
    place.install("headroom.whl", sys.executable, watch())
    assert place.asked()[1][:4] == ["venv", "--clear", "--python", "3.11"]


def program(folder, name, says):
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_best_python_is_found_and_unfit_ones_are_passed_over(tmp_path, monkeypatch):
    program(tmp_path, "python3.11", '[3, 11, "/x/python3.11", 4]')  # 32 bits
    program(tmp_path, "python3.12", '[3, 12, "/x/python3.12", 8]')
    program(tmp_path, "python3", '[3, 14, "/x/python3.14", 8]')
    program(tmp_path, "python", "Python was not found")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pythons, "_patterns", lambda: [str(tmp_path / "python3.1?")])
    assert pythons.find_python(watch()) == Path("/x/python3.12")
    program(tmp_path, "python3.10", '[3, 10, "/x/python3.10", 8]')
    assert pythons.find_python(watch()) == Path("/x/python3.12")
    (tmp_path / "python3.12").unlink()
    (tmp_path / "python3.10").unlink()
    assert pythons.find_python(watch()) is None


def test_this_python_is_fit_when_its_version_is():
    version, path = pythons.probe([sys.executable])
    assert version == sys.version_info[:2] and path.exists()


def wait_for(path):
    """The number in a file that another process writes."""
    end = time.monotonic() + 20
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)
    return int(path.read_text())


def runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").is_dir() else True
