"""Temporary folders of owners that were killed are removed at the next start; nothing that was replaced is lost."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import addon.core.temporary
from headroom.cli.app import main
from headroom.common import temporary
from headroom.common.files import atomic_files, atomic_folder, atomic_write
from headroom.common.temporary import remove_abandoned, temporary_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")

KILL_AT_RENAME = """
import os, signal, sys
from pathlib import Path
rename, done = os.replace, []
def replace(source, target):
    if "owner" not in str(source):
        done.append(source)
        if len(done) == {number}:
            os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)
"""


@pytest.fixture(autouse=True)
def system_folder(tmp_path, monkeypatch):
    """A system's temporary folder of the test's own, and no memory of the folders that were looked through."""
    folder = tmp_path / "system"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    temporary._remove_abandoned_once.cache_clear()
    yield folder
    tempfile.tempdir = None


def run_until_killed(program):
    """Run a program that kills itself."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def content_of(folder):
    """Contents by path of all files below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_backend_and_extension_have_the_same_module():
    assert Path(addon.core.temporary.__file__).read_text() == Path(temporary.__file__).read_text()


def test_a_folder_of_a_killed_owner_is_removed_and_that_of_a_living_one_stays(system_folder):
    with temporary_folder() as living:
        (living / "file").write_text("needed")
        run_until_killed("""
import os, signal
from headroom.common.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "frames").mkdir()
    (folder / "frames" / "000000.png").write_text("left")
    os.kill(os.getpid(), signal.SIGKILL)
""")
        assert len(list(system_folder.iterdir())) == 2
        remove_abandoned(system_folder)
        assert list(system_folder.iterdir()) == [living] and (living / "file").read_text() == "needed"
    assert list(system_folder.iterdir()) == []


def test_every_command_removes_them(system_folder, monkeypatch, capsys):
    run_until_killed("import os\nfrom headroom.common.temporary import temporary_folder\n"
                     "with temporary_folder():\n    os.kill(os.getpid(), 9)")
    monkeypatch.setattr(sys, "argv", ["headroom", "--version"])
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        main()
    signal.signal(signal.SIGTERM, handler)
    assert list(system_folder.iterdir()) == []


def test_a_folder_of_the_user_stays(system_folder):
    (system_folder / "headroom-0123abcd").mkdir()
    (system_folder / "headroom-clips").mkdir()
    remove_abandoned(system_folder)
    assert len(list(system_folder.iterdir())) == 2


def test_a_kept_folder_stays_for_two_weeks(system_folder):
    with temporary_folder() as folder:
        (folder / "worker.log").write_text("why")
        temporary.keep(folder)
    remove_abandoned(system_folder)
    assert (folder / "worker.log").read_text() == "why"
    os.utime(folder / temporary.KEPT, (0, time.time() - 15 * 86_400))
    remove_abandoned(system_folder)
    assert not folder.exists()


def test_a_file_that_a_killed_process_had_half_written_is_removed_by_the_next_writer(tmp_path):
    path = tmp_path / "movies" / "shot.mp4"
    with atomic_write(path) as new:
        new.write_text("old")
    temporary._remove_abandoned_once.cache_clear()
    run_until_killed(f"""
import os
from pathlib import Path
from headroom.common.files import atomic_write
with atomic_write(Path({str(path)!r})) as new:
    new.write_text("half")
    os.kill(os.getpid(), 9)
""")
    assert len(content_of(path.parent)) == 3
    with atomic_write(path.with_name("another.mp4")) as new:
        new.write_text("new")
    assert content_of(path.parent) == {"shot.mp4": "old", "another.mp4": "new"}


@pytest.mark.parametrize("side", ["headroom.common.files import atomic_folder", "addon.core.files import atomic_write"])
def test_a_folder_whose_replacement_was_cut_short_is_there_again(tmp_path, side):
    folder = tmp_path / "people" / "robin"
    folder.mkdir(parents=True)
    (folder / "part").write_text("old")
    run_until_killed(KILL_AT_RENAME.format(number=2) + f"""
from {side} as write
with write(Path({str(folder)!r})) as new:
    new.mkdir(exist_ok=True)
    (new / "part").write_text("new")
    os.replace = replace
""")
    assert not folder.exists()
    with atomic_folder(tmp_path / "people" / "sam"):
        pass
    assert content_of(tmp_path / "people") == {"robin/part": "old"}


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_files_of_a_folder_are_all_old_when_their_replacement_was_cut_short(tmp_path, number):
    for name in ("info", "part", "the user's"):
        (tmp_path / name).write_text("old")
    run_until_killed(KILL_AT_RENAME.format(number=number) + f"""
from headroom.common.files import atomic_files
with atomic_files(Path({str(tmp_path)!r}), ("info", "part")) as new:
    for name in ("info", "part"):
        (new / name).write_text("new")
    os.replace = replace
""")
    remove_abandoned(tmp_path)
    assert content_of(tmp_path) == dict.fromkeys(("info", "part", "the user's"), "old")
    with atomic_files(tmp_path, ("info", "part")) as new:
        (new / "info").write_text("new")
    assert content_of(tmp_path) == {"info": "new", "the user's": "old"}


def test_the_folder_of_a_killed_command_and_all_that_its_server_left_is_removed(system_folder):
    """The server ends with the process that started it, and its worker with the server."""
    run_until_killed("""
import os
from headroom.cli.local_server import local_server
with local_server():
    os.kill(os.getpid(), 9)
""")
    assert len(list(system_folder.iterdir())) == 1
    end = time.monotonic() + 20
    while list(system_folder.iterdir()) and time.monotonic() < end:
        remove_abandoned(system_folder)
        time.sleep(0.5)
    assert list(system_folder.iterdir()) == []
