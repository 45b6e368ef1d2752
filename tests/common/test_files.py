"""Files and folders appear whole or not at all, also when the disk is full or a rename fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from addon.core import files as addon_files
from addon.core.errors import InputError as AddonInputError
from headroom.common.errors import InputError
from headroom.common.files import atomic_files, atomic_folder, atomic_write

BOTH_SIDES = pytest.mark.parametrize("replace_folder, error", [
    (atomic_folder, InputError), (addon_files.atomic_write, AddonInputError)], ids=["backend", "add-on"])
"""The backend and the add-on replace folders in the same way."""


@pytest.fixture
def folder(tmp_path):
    """A folder with one file."""
    (tmp_path / "robin").mkdir()
    (tmp_path / "robin" / "part").write_text("old")
    return tmp_path / "robin"


def files_in(folder):
    """Contents by path of all files below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def fail_at(monkeypatch, number):
    """Let the renames from the given one on fail, but not those that restore what the first ones moved away."""
    rename, done = os.replace, []

    def replace(source, target):
        restores = (target, source) in done
        if len(done) >= number and not restores:
            raise OSError(28, "No space left on device")
        done.append((source, target))
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)


@BOTH_SIDES
def test_a_folder_is_replaced_as_a_whole(folder, replace_folder, error):
    with replace_folder(folder) as temporary:
        temporary.mkdir(exist_ok=True)
        (temporary / "new part").write_text("new")
    assert files_in(folder.parent) == {"robin/new part": "new"}


@BOTH_SIDES
@pytest.mark.parametrize("rename", [0, 1])
def test_when_a_rename_fails_the_old_folder_is_there_again(folder, replace_folder, error, monkeypatch, rename):
    with pytest.raises(error, match=r"Cannot write .*robin: No space left on device\. Free some disk space or choose"):
        with replace_folder(folder) as temporary:
            temporary.mkdir(exist_ok=True)
            (temporary / "part").write_text("new")
            fail_at(monkeypatch, rename)
    assert files_in(folder.parent) == {"robin/part": "old"}


@BOTH_SIDES
def test_when_restoring_fails_too_the_message_says_where_the_old_folder_is(folder, replace_folder, error, monkeypatch):
    rename, moved = os.replace, []

    def replace(source, target):
        if moved:
            raise OSError(5, "Input/output error")
        moved.append(target)
        rename(source, target)

    with pytest.raises(error, match=r"The previous .* now .*robin.*back") as raised:
        with replace_folder(folder) as temporary:
            temporary.mkdir(exist_ok=True)
            monkeypatch.setattr(os, "replace", replace)
    assert str(moved[0]) in str(raised.value) and files_in(moved[0]) == {"part": "old"}


@BOTH_SIDES
def test_a_full_disk_in_the_block_is_one_sentence_and_keeps_the_old_folder(folder, replace_folder, error):
    with pytest.raises(error, match=r"Cannot write .*robin: No space left on device\."):
        with replace_folder(folder) as temporary:
            temporary.mkdir(exist_ok=True)
            (temporary / "part").write_text("new")
            raise OSError(28, "No space left on device")
    assert files_in(folder.parent) == {"robin/part": "old"}


@BOTH_SIDES
def test_other_errors_of_the_block_pass_and_keep_the_old_folder(folder, replace_folder, error):
    with pytest.raises(ZeroDivisionError):
        with replace_folder(folder) as temporary:
            temporary.mkdir(exist_ok=True)
            raise ZeroDivisionError
    assert files_in(folder.parent) == {"robin/part": "old"}


def test_an_error_about_a_file_elsewhere_is_not_one_of_writing(folder, tmp_path_factory):
    missing = tmp_path_factory.mktemp("elsewhere") / "missing.mp4"
    with pytest.raises(FileNotFoundError, match=r"missing\.mp4"):
        with atomic_folder(folder):
            missing.read_bytes()


def test_a_name_of_255_bytes_can_be_written(tmp_path):
    name = "x" * 251 + ".txt"
    with atomic_write(tmp_path / name) as temporary:
        temporary.write_text("new")
    assert files_in(tmp_path) == {name: "new"}


WRITERS = {
    "np.savez to a file": "np.savez(open(path, 'wb'), a=values, b=values)",
    "np.savez_compressed": "np.savez_compressed(path, a=values, b=values)",
    "tofile": "values.tofile(path)",
    "write_text": "path.write_text(str(values.tolist()))",
    "safetensors": "save_file({'a': values}, path)",
    "torch": "torch.save(torch.from_numpy(values), path)",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_whatever_writes_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, writer):
    program = f"""
import resource, numpy as np, torch
from pathlib import Path
from safetensors.numpy import save_file
from headroom.common.errors import InputError
from headroom.common.files import atomic_write
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
values = np.random.default_rng(0).normal(size=5000)
try:
    with atomic_write(Path({str(tmp_path / 'part.npz')!r})) as path:
        {WRITERS[writer]}
except InputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.startswith(f"Cannot write {tmp_path / 'part.npz'}: "), done.stderr
    assert done.stdout.endswith("Free some disk space or choose another folder.\n")
    assert done.stdout.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_an_error_that_numpy_raises_after_a_failed_write_is_one_of_writing(tmp_path):
    with pytest.raises(InputError, match=r"Cannot write .*part: No space left on device\."):
        with atomic_write(tmp_path / "part"):
            try:
                raise OSError(28, "No space left on device")
            finally:
                raise ValueError("Can't close the ZIP file while there is an open writing handle on it.")
    with pytest.raises(ValueError, match="shapes differ"):
        with atomic_write(tmp_path / "part"):
            raise ValueError("shapes differ")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"Cannot write in .*Choose another folder"):
        with atomic_write(tmp_path / "file" / "part"):
            pass


def test_some_files_of_a_folder_are_replaced_and_the_others_stay(folder):
    (folder / "another part").write_text("old")
    (folder / "the user's").write_text("old")
    with atomic_files(folder, ("part", "another part", "third part")) as temporary:
        (temporary / "part").write_text("new")
        (temporary / "third part").write_text("new")
    assert files_in(folder) == {"part": "new", "third part": "new", "the user's": "old"}


def test_a_folder_that_is_not_there_appears_with_its_files(tmp_path):
    with atomic_files(tmp_path / "new" / "folder", ("part",)) as temporary:
        (temporary / "part").write_text("new")
        assert not (tmp_path / "new" / "folder").exists()
    assert files_in(tmp_path) == {str(Path("new", "folder", "part")): "new"}


def test_when_an_error_ends_the_block_the_files_stay_and_nothing_is_left(folder):
    with pytest.raises(KeyError):
        with atomic_files(folder, ("part",)) as temporary:
            (temporary / "part").write_text("new")
            raise KeyError
    assert files_in(folder.parent) == {"robin/part": "old"}


def test_the_first_file_leaves_first_and_arrives_last(folder, monkeypatch):
    """A reader that requires the first file never sees a mixture."""
    (folder / "second").write_text("old")
    rename, seen = os.replace, []

    def replace(source, target):
        rename(source, target)
        if (folder / "part").is_file():
            seen.append({name: text for name, text in files_in(folder).items() if not name.startswith(".")})

    with atomic_files(folder, ("part", "second")) as temporary:
        (temporary / "part").write_text("new")
        (temporary / "second").write_text("new")
        monkeypatch.setattr(os, "replace", replace)
    assert seen == [{"part": "new", "second": "new"}]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_written_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    with atomic_write(tmp_path / "written") as temporary:
        temporary.touch(mode=0o600)
    assert (tmp_path / "written").stat().st_mode == (tmp_path / "plain").stat().st_mode
