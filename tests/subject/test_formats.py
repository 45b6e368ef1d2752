"""Subjects of older formats: they work as they are, and a part that means something else is learned again."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import tomllib
from lip_frames import open_lip_frames
from safetensors import safe_open
from safetensors.numpy import save_file

from headroom import pipeline
from headroom.common.errors import InputError
from headroom.common.settings import MatchSettings, PerformSettings
from headroom.evaluation.evaluate import remake_frames
from headroom.media.audio import write_wav
from headroom.media.video import read_frames
from headroom.subject import info as subject_info
from headroom.subject import upgrade
from headroom.subject.consent import Consent
from headroom.subject.folder import Subject, SubjectWriter
from headroom.subject.info import ClipInfo, SubjectInfo
from headroom.subject.source import open_stored_source

FORMATS = Path(__file__).resolve().parents[1] / "formats"


@pytest.fixture
def subject(tmp_path):
    """A copy of the subject of format 1, whose source was a clip."""
    return Path(shutil.copytree(FORMATS / "subject_1", tmp_path / "robin"))


@pytest.fixture(scope="module")
def results():
    """What the code that wrote the subject made of it."""
    with np.load(FORMATS / "subject_1_results.npz") as data:
        return dict(data)


def test_the_metadata_of_format_1_is_upgraded_in_memory(subject):
    info = Subject.open(subject).info
    assert (info.name, info.version, info.preset, info.albedo) == ("Robin", "0.1.0", "draft", "clip")
    assert info.consent == Consent(statement="Robin, 2 May", recorded=date(2026, 5, 2))
    assert info.clip == ClipInfo(file="robin.mp4", kind="video", width=128, height=128, fps=25.0, from_seconds=1.0,
                                 to_seconds=1.24)
    assert info.measures.audio_offset_seconds == 0.02 and info.measures.held_out_lip_correlation == 0.885
    assert info.measures.step_seconds == {"track": 14.2, "refiner": 431.4}
    assert info.notes == ("A note.",) and not info.has_sound and info.own_networks == ()
    assert tomllib.loads((subject / "subject.toml").read_text())["format"] == 1


def test_metadata_is_written_in_the_present_format(subject):
    info = Subject.open(subject).info
    SubjectWriter(subject).write_info(info)
    assert tomllib.loads((subject / "subject.toml").read_text())["format"] == subject_info.FORMAT == 3
    assert Subject.open(subject).info == info


def test_a_photo_of_format_1_can_be_learned_again_from_its_plate(subject):
    text = (subject / "subject.toml").read_text()
    (subject / "subject.toml").write_text(text.replace("robin.mp4", "robin.JPG"))
    person = Subject.open(subject)
    source = open_stored_source(person)
    assert person.info.clip.kind == source.info.kind == "photo" and person.can_be_upgraded
    first_plate = next(iter(read_frames(person.plates_path)))
    assert np.array_equal(source.picture, first_plate) and source.sound is None and source.stored is person


def test_the_parts_of_format_1_hold_what_they_held(subject):
    person = Subject.open(subject)
    assert person.resolution == person.rig.resolution == 64
    assert person.rig.neutral.shape == (5, 3) and person.rig.crop.tolist() == [12, 10, 104]
    assert person.track.crop.size == 104 and len(person.track) == 6
    np.testing.assert_allclose(person.track.rotation[:, 1], 0.1 * np.arange(6), atol=1e-6)
    assert person.albedo.shape == (32, 32, 3) and person.refiner.resolution == 64


def test_a_subject_of_format_1_performs_as_it_did(subject, results, tmp_path):
    speech = (results["speech"] / 32767).astype(np.float32)
    write_wav(tmp_path / "speech.wav", speech)
    performance, _ = pipeline.perform(subject, tmp_path / "speech.wav", PerformSettings(seed=3))
    frames = open_lip_frames(speech, performance)
    np.testing.assert_allclose(performance.expression[frames], results["expression"][frames], atol=1e-4)
    for name in ("rotation", "translation"):
        np.testing.assert_allclose(getattr(performance, name), results[name], atol=1e-4, err_msg=name)


def test_a_rig_of_format_1_gets_controls_that_a_performance_is_divided_into(subject, results, tmp_path):
    write_wav(tmp_path / "speech.wav", (results["speech"] / 32767).astype(np.float32))
    performance, notes = pipeline.perform(subject, tmp_path / "speech.wav")
    rig = Subject.open(subject).rig
    assert rig.controls.shape == (52, 64) and "jawOpen" in rig.control_names and rig.controls.any(1).sum() == 51
    controls = performance.controls
    assert controls.shape == (len(performance), 52) and controls.min() >= 0 and 0 < controls.max() <= 1
    detail = performance.expression - controls @ rig.controls
    rows = rig.expression.reshape(64, -1)
    assert ((detail @ rows) ** 2).sum() < ((performance.expression @ rows) ** 2).sum()
    assert 0 < performance.detail_share < 1 and "The controls make" in notes[0]
    performance.save(tmp_path / "p.npz")
    read = performance.load(tmp_path / "p.npz")
    assert np.array_equal(read.controls, controls) and read.detail_share == pytest.approx(performance.detail_share)


def test_without_the_face_model_a_rig_of_format_1_has_no_controls(subject, monkeypatch):
    monkeypatch.setattr(Subject, "_known_model", lambda self: None)
    assert Subject.open(subject).rig.controls.shape == (0, 64)


def test_a_subject_of_format_1_is_matched_and_refined_as_it_was(subject, results):
    track = Subject.open(subject).track
    motion = replace(track.performance, rotation=track.rotation[::-1] + np.float32(0.02))
    match = pipeline.match_plates(subject, motion.pose, MatchSettings(plate_fit=0.5))
    assert match.plate.tolist() == results["plate"].tolist()
    np.testing.assert_allclose(match.rotation, results["matched_rotation"], atol=1e-6)
    frames = np.stack([made.frame for made in remake_frames(subject, motion)][::3])
    difference = np.abs(frames.astype(int) - results["composites"])
    assert difference.max() <= 2 and difference.mean() < 0.05  # rays are more exact now, and sampling rounds otherwise


def test_without_the_sound_an_upgrade_asks_for_the_clip_and_changes_nothing(subject):
    before = {path.name: path.read_bytes() for path in subject.iterdir()}
    with pytest.raises(InputError, match=r"does not store the sound .*; learn the clip robin\.mp4 again"):
        pipeline.upgrade(subject)
    assert {path.name: path.read_bytes() for path in subject.iterdir()} == before


def test_an_upgrade_of_what_has_no_plates_is_refused(subject):
    (subject / "plates.mp4").unlink()
    with pytest.raises(InputError, match="does not store what the person was learned from"):
        pipeline.upgrade(subject)


def test_a_part_that_meant_something_else_asks_for_an_upgrade(subject, monkeypatch):
    monkeypatch.setitem(upgrade.OLDEST_USABLE, "refiner", 99)
    with pytest.raises(InputError, match=r"refiner\.safetensors was written by an older .*; learn the subject again"):
        _ = Subject.open(subject).refiner
    info = Subject.open(subject).info
    SubjectWriter(subject).write_info(SubjectInfo(**{**info.model_dump(), "has_sound": True}))
    with pytest.raises(InputError, match=f"was written by an older version .*; run `headroom upgrade {subject}`"):
        _ = Subject.open(subject).refiner
    assert Subject.open(subject).track.fps == 25.0, "the other parts are not concerned"


def test_format_numbers_are_read_from_both_kinds_of_files(subject, tmp_path):
    assert upgrade.format_of(subject / "rig.npz") == 1
    Subject.open(subject).rig.save(tmp_path / "rig.npz")
    assert upgrade.format_of(tmp_path / "rig.npz") == 2
    np.savez(tmp_path / "new.npz", track_format=12)
    assert upgrade.format_of(tmp_path / "new.npz") == 12
    with safe_open(str(subject / "motion.safetensors"), "np") as file:
        assert upgrade.format_of(subject / "motion.safetensors") == int(file.metadata()["format"].split()[-1])
    save_file({"x": np.zeros(1)}, tmp_path / "none.safetensors")
    with pytest.raises(ValueError, match="no format number"):
        upgrade.format_of(tmp_path / "none.safetensors")
