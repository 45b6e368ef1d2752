"""Atomic writing: whatever fails, the old file or folder is complete, or the message has its path."""

import os
from pathlib import Path

import pytest

from addon.core.errors import InputError
from addon.core.files import atomic_write


def replace_folder(folder):
    with atomic_write(folder) as temporary:
        temporary.mkdir()
        (temporary / "new").touch()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "subject"
    made.mkdir()
    (made / "old").touch()
    return made


def test_a_folder_is_replaced_and_no_temporary_one_remains(folder):
    replace_folder(folder)
    assert [path.name for path in folder.iterdir()] == ["new"] and list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("failing_move", [1, 2])
def test_a_failed_move_leaves_the_old_folder(folder, monkeypatch, failing_move):
    fail_moves(monkeypatch, {failing_move})
    with pytest.raises(InputError, match=r"Cannot write .*: No space left on device\. Free some disk space"):
        replace_folder(folder)
    assert [path.name for path in folder.iterdir()] == ["old"] and list(folder.parent.iterdir()) == [folder]


def test_the_message_has_the_path_of_an_old_folder_that_cannot_be_moved_back(folder, monkeypatch):
    fail_moves(monkeypatch, {2, 3})
    with pytest.raises(InputError, match="The previous folder is now") as error:
        replace_folder(folder)
    (left,) = folder.parent.iterdir()
    assert str(left) in str(error.value) and [path.name for path in left.iterdir()] == ["old"]


def test_a_full_disk_in_the_block_is_an_input_error_and_the_old_file_stays(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(InputError, match="No space left on device"), atomic_write(path) as temporary:
        temporary.write_text("ne")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_long_name_has_room_for_the_temporary_one(tmp_path):
    path = tmp_path / f"{'ö' * 120}.npz"
    with atomic_write(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_a_folder_never_replaces_a_file(tmp_path):
    path = tmp_path / "subject"
    path.write_text("a file")
    with pytest.raises(InputError):
        replace_folder(path)
    assert path.read_text() == "a file" and list(tmp_path.iterdir()) == [path]


def fail_moves(monkeypatch, failing):
    """Let some moves fail, counted from 1."""
    replace, count = os.replace, 0

    def failing_replace(source, target):
        nonlocal count
        count += 1
        if count in failing:
            raise OSError(28, "No space left on device", str(Path(source)))
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing_replace)
