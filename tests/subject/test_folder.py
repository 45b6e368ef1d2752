"""The subject folder: what is written is read back, what belongs to others stays, and failures change nothing."""

import os
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.face.camera import Camera, Crop
from headroom.face.light import AMBIENT
from headroom.face.model import bundled_model
from headroom.subject.consent import Consent
from headroom.subject.folder import PARTS, Subject, SubjectWriter, replace_subject
from headroom.subject.info import ClipInfo, Measures, SubjectInfo
from headroom.subject.rig import Rig
from headroom.track.track import Track

FORMATS = Path(__file__).resolve().parents[1] / "formats"

INFO = SubjectInfo(
    name="Robin", preset="standard", albedo="frame", resolution=512, face_model="0123", own_networks=("arcface",),
    has_sound=True, notes=("A note.",),
    consent=Consent(who="Robin", statement="2 May", uses=("Film A",), until=date(2027, 5, 2),
                    recorded=date(2026, 5, 2), withdrawn=date(2026, 6, 2)),
    clip=ClipInfo(file="robin.mp4", kind="video", width=640, height=480, fps=29.97, from_seconds=1.0, to_seconds=9.5),
    measures=Measures(audio_offset_seconds=0.02, held_out_lip_correlation=0.9, step_seconds={"track": 14.2}))


def write_texts(writer, words):
    """Write every part as a text; the metadata as metadata."""
    for name in PARTS[1:]:
        (writer.folder / name).write_text(f"{words} {name}")
    writer.write_info(INFO.model_copy(update={"name": words}))


def contents(folder):
    """All files below a folder, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def subject(tmp_path):
    """A subject whose parts are texts, in a folder that also holds the user's files, hidden ones and a sub-folder."""
    folder = tmp_path / "robin"
    with replace_subject(folder) as writer:
        write_texts(writer, "old")
    (folder / "takes").mkdir()
    for name in ("clip.mp4", "takes/speech.wav", ".notes"):
        (folder / name).write_text("the user's")
    return folder


def test_the_metadata_is_read_back(tmp_path):
    SubjectWriter(tmp_path).write_info(INFO)
    assert Subject.open(tmp_path).info == INFO


def test_the_rig_is_read_back(tmp_path):
    rng = np.random.default_rng(0)
    track = Track(25.0, Camera(900.0, 640, 480), Crop(10, 20, 400), rng.normal(size=80), np.zeros(80), AMBIENT,
                  rng.normal(size=(5, 64)).astype(np.float32), np.tile(np.float32([0.1, 0.2, 0.3]), (5, 1)),
                  np.tile(np.float32([1, 2, -600]), (5, 1)), np.ones(5, np.float32))
    rig = Rig.of(bundled_model(), track, 256)
    rig.save(tmp_path / "rig.npz")
    read = Rig.load(tmp_path / "rig.npz")
    for name, value in vars(rig).items():
        assert np.array_equal(getattr(read, name), value), name
    assert read.crop.tolist() == [10, 20, 400] and isinstance(read.width, int)
    np.testing.assert_allclose(read.rest_rotation, [0.1, 0.2, 0.3])


def test_replacing_a_subject_keeps_what_is_no_part_of_it(subject):
    with replace_subject(subject) as writer:
        write_texts(writer, "new")
    files = contents(subject)
    assert {name for name in files if name not in PARTS} == {"clip.mp4", "takes/speech.wav", ".notes"}
    assert files["clip.mp4"] == files["takes/speech.wav"] == b"the user's"
    assert files["track.npz"] == b"new track.npz" and Subject.open(subject).info.name == "new"


def test_parts_that_the_new_subject_lacks_are_removed(subject):
    with replace_subject(subject) as writer:
        (writer.folder / "plates.mp4").write_text("new")
        writer.write_info(SubjectInfo(name="new"))
    assert {name for name in contents(subject) if name in PARTS} == {"subject.toml", "plates.mp4"}


def test_a_failure_in_the_block_changes_nothing(subject):
    before = contents(subject)
    with pytest.raises(KeyError):
        with replace_subject(subject) as writer:
            write_texts(writer, "new")
            raise KeyError("half way")
    assert contents(subject) == before


@pytest.mark.parametrize("failing", range(len(PARTS) * 2))
def test_a_failure_of_any_rename_restores_the_old_parts(subject, monkeypatch, failing):
    before, renames, rename = contents(subject), [], os.replace

    def replace(source, target):
        if Path(target).name in PARTS and Path(source).suffix == Path(target).suffix:
            renames.append(target)
            if len(renames) == failing + 1:
                raise OSError(28, "No space left on device", str(source), None, str(target))
        rename(source, target)

    with replace_subject(subject) as writer:
        write_texts(writer, "first")
    with pytest.raises(InputError, match=r"No space left on device\. Free some disk space or choose another folder"):
        with replace_subject(subject) as writer:
            write_texts(writer, "new")
            before = {name: content for name, content in contents(subject).items() if not name.startswith(".headroom")}
            monkeypatch.setattr(os, "replace", replace)
    assert contents(subject) == before


def test_files_of_others_with_the_names_of_parts_are_not_replaced(tmp_path):
    (tmp_path / "background.png").write_text("the user's")
    with pytest.raises(InputError, match=r"background\.png, which do not belong to a subject"):
        with replace_subject(tmp_path):
            pass
    assert contents(tmp_path) == {"background.png": b"the user's"}


def test_a_sound_beside_a_subject_of_format_1_is_the_user_s(tmp_path):
    folder = tmp_path / "robin"
    shutil.copytree(FORMATS / "subject_1", folder)
    (folder / "sound.wav").write_text("the user's")
    assert Subject.open(folder).sound_path is None
    with pytest.raises(InputError, match=r"holds sound\.wav, which do not belong to a subject"):
        with replace_subject(folder):
            pass


def test_a_folder_without_metadata_is_no_subject(tmp_path):
    with pytest.raises(InputError, match="is not a subject"):
        Subject.open(tmp_path)


@pytest.mark.parametrize("text", ["no toml", "name = 'Robin'", "format = 2", "format = 'two'", "format = 0"])
def test_damaged_metadata_is_refused(tmp_path, text):
    (tmp_path / "subject.toml").write_text(text)
    with pytest.raises(InputError, match="cannot be read; learn the subject again"):
        Subject.open(tmp_path)


def test_a_subject_of_a_newer_version_asks_for_an_update(tmp_path):
    (tmp_path / "subject.toml").write_text("format = 99\nname = 'Robin'\n")
    with pytest.raises(InputError, match="newer version of Headroom; update Headroom"):
        Subject.open(tmp_path)


@pytest.mark.parametrize("part", ["track", "rig", "motion", "refiner"])
def test_a_damaged_part_is_upgraded_where_the_folder_holds_what_that_needs(subject, part):
    with pytest.raises(InputError, match=f"cannot be read; run `headroom upgrade {subject}`"):
        getattr(Subject.open(subject), part)
    SubjectWriter(subject).write_info(INFO.model_copy(update={"has_sound": False}))
    with pytest.raises(InputError, match="cannot be read; learn the subject again"):
        getattr(Subject.open(subject), part)
