"""The backend's own Python environment, installed with a fake uv that writes a package of empty modules."""

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
setup_state = importlib.import_module("addon.core.setup_state")
pythons = importlib.import_module("addon.core.pythons")
errors = importlib.import_module("addon.core.errors")
tasks = importlib.import_module("addon.core.tasks")
State = environment.State

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fake uv is a script with a #! line")

UV = PYTHON + """
import json, os, pathlib, subprocess, sys, time
words = sys.argv[1:]
folder = pathlib.Path(os.environ["UV_CACHE_DIR"]).parent
mode = (folder / "mode").read_text() if (folder / "mode").exists() else ""
with open(folder / "calls", "a") as file:
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
    ok = mode != "no OpenGL"
    findings = [dict(what="device", ok=True, found="a fake GPU", remedy=""),
                dict(what="Blender", ok=False, found="not found", remedy=""),
                dict(what="OpenGL", ok=ok, found="none", remedy="Run `apt install it`.")]
    (package / "__main__.py").write_text(
        "import json, sys; print('Loading'); print(json.dumps(" + repr(findings) + ", indent=2)); sys.exit(1)")
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An environment with the fake uv; `place.mode(…)` sets how it behaves, `place.calls()` lists its calls."""
    monkeypatch.setattr(environment, "find_python", lambda progress: Path(sys.executable))
    made = environment.Environment(tmp_path / "backend of Zoë", "1.2.3")
    tools = made.folder / "tools" / "bin"
    tools.mkdir(parents=True)
    (tools / "uv").write_text(UV)
    (tools / "uv").chmod(0o755)
    made.mode = (made.folder / "mode").write_text
    made.calls = lambda: [json.loads(line) for line in (made.folder / "calls").read_text().splitlines()]
    return made


def progress(steps=None):
    return tasks.ProgressToken(lambda step: steps.append(step) if steps is not None else None)


def test_installing_makes_a_ready_backend_and_returns_its_device(place):
    assert place.state is State.NOT_INSTALLED
    steps = []
    assert place.install("headroom.whl", sys.executable, progress(steps)) == "a fake GPU"
    assert place.state is State.READY and place.python.exists() and place.error == ""
    assert [words[:2] for words in place.calls()] == [["--version"], ["venv", "--clear"], ["pip", "install"]]
    assert place.calls()[-1] == ["pip", "install", "--python", str(place.python), "headroom.whl"]
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions) and fractions[-1] < 1
    assert "Downloading torch (190 MB) and 1 more" in [step.message for step in steps]
    assert not (place.folder / "cache").exists()


def test_another_blender_session_finds_it_ready_and_a_newer_add_on_outdated(place):
    place.install("headroom.whl", sys.executable, progress())
    assert environment.Environment(place.folder, "1.2.3").state is State.READY
    assert environment.Environment(place.folder, "1.3.0").state is State.OUTDATED


def test_the_state_file_is_read_once_and_again_when_another_blender_changes_it(place, monkeypatch):
    place.install("headroom.whl", sys.executable, progress())
    read, seen = environment.read_setup_state, []
    monkeypatch.setattr(environment, "read_setup_state", lambda path: seen.append(path) or read(path))
    panel = environment.Environment(place.folder, "1.2.3")
    assert [panel.state for _ in range(5)] == [State.READY] * 5 and panel.error == ""
    assert len(seen) == 1
    setup_state.write_setup_state(place.folder / "state.json", setup_state.SetupState(True, "1.2.2"))
    assert [panel.state for _ in range(5)] == [State.OUTDATED] * 5 and len(seen) == 2


def test_cancelling_kills_the_installer_and_the_next_attempt_resumes_from_the_cache(place):
    place.mode("hang")
    token, raised = progress(), []

    def work():
        try:
            place.install("headroom.whl", sys.executable, token)
        except errors.Cancelled as stop:
            raised.append(stop)

    thread = threading.Thread(target=work)
    thread.start()
    hanging = wait_for(place.folder / "hangs")
    assert place.activity is State.INSTALLING and place.state is State.INCOMPLETE
    token.stop()
    thread.join(10)
    assert raised and not thread.is_alive() and not is_running(hanging)
    assert place.activity is None
    assert place.state is State.INCOMPLETE and (place.folder / "cache").is_dir()
    place.mode("")
    place.install("headroom.whl", sys.executable, progress())
    assert place.state is State.READY


def test_an_installation_interrupted_by_a_crash_is_incomplete_and_can_be_resumed(place):
    place.mode("hang")
    program = (f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
               "from pathlib import Path\nfrom addon.core import environment, tasks\n"
               "environment.find_python = lambda progress: Path(sys.executable)\n"
               f"place = environment.Environment(Path({str(place.folder)!r}), '1.2.3')\n"
               "place.install('headroom.whl', sys.executable, tasks.ProgressToken(lambda step: None))")
    blender = subprocess.Popen([sys.executable, "-c", program])
    hanging = wait_for(place.folder / "hangs")
    with pytest.raises(errors.HeadroomError, match="Another Blender is setting up the backend"):
        place.install("headroom.whl", sys.executable, progress())
    blender.kill()
    blender.wait()
    os.kill(hanging, signal.SIGKILL)
    assert place.state is State.INCOMPLETE
    place.mode("")
    place.install("headroom.whl", sys.executable, progress())
    assert place.state is State.READY


@pytest.mark.parametrize(("output", "words"), [
    ("error: No space left on device (os error 28)", "disk is full"),
    ("error: Failed to fetch: dns error", "Cannot reach the package index.*proxy"),
    ("error: No solution found when resolving dependencies", "not available for this machine"),
    ("error: something new", r"Setup failed: error: something new\. Try again; details are in .*setup\.log"),
])
def test_the_installers_error_becomes_a_message_that_is_stored(place, output, words):
    place.mode(output)
    with pytest.raises(errors.HeadroomError, match=words) as failure:
        place.install("headroom.whl", sys.executable, progress())
    again = environment.Environment(place.folder, "1.2.3")
    assert again.state is State.FAILED and again.error == str(failure.value)
    assert output in (place.folder / "setup.log").read_text()


def test_a_failed_check_of_the_doctor_is_reported_with_its_remedy(place):
    place.mode("no OpenGL")
    with pytest.raises(errors.HeadroomError, match=r"OpenGL: none\)\. Run `apt install it`\."):
        place.install("headroom.whl", sys.executable, progress())
    assert place.state is State.FAILED


def test_verifying_finds_a_broken_backend_and_setting_up_again_repairs_it(place):
    place.install("headroom.whl", sys.executable, progress())
    assert place.verify(progress()) == "a fake GPU" and place.state is State.READY
    next(place.folder.glob("env/lib/*/site-packages/headroom/pipeline.py")).unlink()
    with pytest.raises(errors.HeadroomError, match=r"No module named 'headroom\.pipeline'"):
        place.verify(progress())
    assert place.state is State.FAILED
    place.install("headroom.whl", sys.executable, progress())
    assert place.state is State.READY


def test_removing_deletes_headrooms_files_and_leaves_the_users(place, tmp_path):
    place.install("headroom.whl", sys.executable, progress())
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "keep").write_text("me")
    (place.folder / "python").symlink_to(precious)
    (place.folder / "notes.txt").write_text("mine")
    place.remove(progress())
    assert place.state is State.NOT_INSTALLED and (precious / "keep").exists()
    assert {path.name for path in place.folder.iterdir()} == {"notes.txt", "calls"}


def test_removing_refuses_a_folder_that_was_not_made_by_headroom(tmp_path):
    (tmp_path / "env").mkdir()
    with pytest.raises(errors.InputError, match="not made by Headroom"):
        environment.Environment(tmp_path, "1").remove(progress())
    assert (tmp_path / "env").is_dir()


def test_verifying_without_an_installation_fails_and_makes_no_folder(tmp_path):
    with pytest.raises(errors.InputError, match="not set up"):
        environment.Environment(tmp_path / "no", "1").verify(progress())
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("content", ['{"complete": tr', "[]", '{"format": 2}', ""])
def test_a_damaged_state_file_counts_as_incomplete(place, content):
    (place.folder / "state.json").write_text(content)
    assert place.state is State.INCOMPLETE


def test_a_state_file_of_format_1_keeps_its_error(place):
    stored = (ROOT / "tests" / "formats" / "backend_state_1.json").read_text(encoding="utf-8")
    (place.folder / "state.json").write_text(stored, encoding="utf-8")
    assert place.state is State.FAILED and place.error.startswith("The disk is full.")


def test_failed_doctor_output_is_quoted(place):
    place.install("headroom.whl", sys.executable, progress())
    (main,) = place.folder.glob("env/lib/*/site-packages/headroom/__main__.py")
    main.write_text("print('a library is missing')\nraise SystemExit(1)")
    with pytest.raises(errors.HeadroomError, match=r"The backend's checks failed: a library is missing\. Repair"):
        place.verify(progress())


def test_without_a_python_on_the_machine_uv_downloads_one(place, monkeypatch):
    monkeypatch.setattr(environment, "find_python", lambda progress: None)
    place.install("headroom.whl", sys.executable, progress())
    assert place.calls()[1][:4] == ["venv", "--clear", "--python", "3.11"]


def program(folder, name, output):
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_preferred_python_is_found_and_unusable_ones_are_skipped(tmp_path, monkeypatch):
    program(tmp_path, "python3.11", '[3, 11, "/x/python3.11", 4]')  # 32 bits
    program(tmp_path, "python3.12", '[3, 12, "/x/python3.12", 8]')
    program(tmp_path, "python3", '[3, 14, "/x/python3.14", 8]')
    program(tmp_path, "python", "Python was not found")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pythons, "search_patterns", lambda: [str(tmp_path / "python3.1?")])
    assert pythons.find_python(progress()) == Path("/x/python3.12")
    program(tmp_path, "python3.10", '[3, 10, "/x/python3.10", 8]')
    assert pythons.find_python(progress()) == Path("/x/python3.12")
    (tmp_path / "python3.12").unlink()
    (tmp_path / "python3.10").unlink()
    assert pythons.find_python(progress()) is None


def test_checking_this_python_returns_its_version_and_path():
    version, path = pythons.check_python([sys.executable])
    assert version == sys.version_info[:2] and path.exists()


def wait_for(path):
    """Return the number in a file that another process writes."""
    end = time.monotonic() + 20
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)
    return int(path.read_text())


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").is_dir() else True
