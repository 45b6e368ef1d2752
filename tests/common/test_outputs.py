"""Both packages refuse the same outputs: inputs by any name, parts of a subject, names and folders that cannot be."""

import os
from collections import namedtuple
from pathlib import Path

import pytest

from addon.core import outputs as addon_outputs
from addon.core import subject as addon_subject
from addon.core.errors import InputError as AddonInputError
from headroom.common import outputs, subject_files
from headroom.common.errors import InputError

BOTH = pytest.mark.parametrize(("module", "error"), [(outputs, InputError), (addon_outputs, AddonInputError)],
                               ids=["backend", "add-on"])


def write(path, text="mine"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_two_packages_know_the_same_parts():
    assert set(addon_subject.PARTS) == set(subject_files.PARTS)
    assert (addon_outputs.FILE_BYTES, addon_outputs.SUBJECT_BYTES) == (outputs.FILE_BYTES, outputs.SUBJECT_BYTES)


@BOTH
def test_a_new_name_and_an_older_result_are_accepted_and_nothing_is_made(module, error, tmp_path):
    source, older = write(tmp_path / "line.mp4"), write(tmp_path / "older.mp4")
    new = tmp_path / "new" / "folder" / "shot.mp4"
    assert module.require_output_file(new, ".mp4", inputs=[source, None, tmp_path / "missing"]) == new
    assert module.require_output_file(older, ".mp4", inputs=[source]) == older
    assert {path.name for path in tmp_path.iterdir()} == {"line.mp4", "older.mp4"}


def other_names(folder):
    """Names of one file: its own, one through another folder, a symbolic link, a hard link and a linked folder."""
    clip = write(folder / "clip.mp4")
    (folder / "link.mp4").symlink_to(clip)
    os.link(clip, folder / "hard.mp4")
    (folder / "linked").symlink_to(folder, target_is_directory=True)
    return [clip, folder / "x" / ".." / "clip.mp4", folder / "link.mp4", folder / "hard.mp4",
            folder / "linked" / "clip.mp4"]


@BOTH
@pytest.mark.parametrize("number", range(5))
def test_an_input_is_never_the_output_whatever_it_is_called(module, error, tmp_path, number):
    (tmp_path / "x").mkdir()
    names = other_names(tmp_path)
    with pytest.raises(error, match="is an input of this command"):
        module.require_output_file(names[number], ".mp4", inputs=[names[0]])
    with pytest.raises(error, match="is an input of this command"):
        module.require_output_file(names[0], ".mp4", inputs=[names[number]])


@BOTH
@pytest.mark.parametrize("name", [name for name in subject_files.PARTS if name != "subject.toml"])
def test_no_part_of_a_subject_is_written_even_one_that_it_lacks(module, error, tmp_path, name):
    write(tmp_path / "subject.toml")
    with pytest.raises(error, match="is a part of the subject in"):
        module.require_output_file(tmp_path / name, Path(name).suffix)
    with pytest.raises(error, match="is a part of the subject in"):
        module.require_output_file(tmp_path / name.upper(), Path(name).suffix)
    assert module.require_output_file(tmp_path / "takes" / name, Path(name).suffix)


REFUSED = {
    "another ending": ("shot.webm", "must end in .mp4; choose another name"),
    "a folder": ("folder.mp4", "is a folder"),
    "a long name": ("n" * 252 + ".mp4", "The name n{40}… is too long; choose a shorter one."),
    "a long folder": ("n" * 256 + "/shot.mp4", "is too long"),
    "a zero byte": ("a\0b.mp4", "has a character that file names cannot have"),
    "a folder that is a file": ("file/shot.mp4", "Cannot write in"),
}


@BOTH
@pytest.mark.parametrize("name", REFUSED)
def test_names_that_cannot_be_written(module, error, tmp_path, name):
    (tmp_path / "folder.mp4").mkdir()
    write(tmp_path / "file")
    path, words = REFUSED[name]
    with pytest.raises(error, match=words):
        module.require_output_file(tmp_path / path, ".mp4")


@BOTH
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_a_pipe_is_not_replaced(module, error, tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(error, match="is a device or a pipe, which would be replaced; choose another name"):
        module.require_output_file(tmp_path / "pipe.mp4", ".mp4")


@BOTH
def test_a_full_disk_is_known_before_the_work(module, error, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: usage(10**9, 10**9, 10_000))
    with pytest.raises(error, match=r"Only 0.0 MB are free in .*, at least 1 MB are needed"):
        module.require_output_file(tmp_path / "shot.mp4", ".mp4")


@BOTH
def test_a_write_protected_file_stays(module, error, tmp_path, monkeypatch):
    kept = write(tmp_path / "final.mp4")
    monkeypatch.setattr(module.os, "access", lambda path, mode: Path(path) != kept)  # root may write anything
    with pytest.raises(error, match="is write-protected"):
        module.require_output_file(kept, ".mp4")


def test_a_folder_whose_named_files_are_inputs_is_refused(tmp_path):
    clip = write(tmp_path / "plates.mp4")
    with pytest.raises(InputError, match="is an input of this command"):
        outputs.require_output_folder(tmp_path, *subject_files.PARTS, inputs=[clip])
    assert outputs.require_output_folder(tmp_path, *subject_files.PARTS, inputs=[write(tmp_path / "clip.mp4")])


def test_files_that_the_user_did_not_name_are_replaced_only_together(tmp_path):
    names = ("head.obj", "head.mtl")
    outputs.require_own_files(tmp_path, names)
    write(tmp_path / "head.mtl")
    with pytest.raises(InputError, match=r"holds head\.mtl, which would be overwritten; choose another folder"):
        outputs.require_own_files(tmp_path, names)
    write(tmp_path / "head.obj")
    outputs.require_own_files(tmp_path, names)
