"""Learning a person into a folder and upgrading the subject: the person's files are replaced, all others stay."""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from quick_subject import quick_draft

from headroom import pipeline
from headroom.common.errors import InputError
from headroom.common.paths import shipped_file
from headroom.common.settings import LearnSettings
from headroom.media.audio import read_audio
from headroom.media.video import probe
from headroom.subject.folder import INFO, PARTS, PLATES, SOUND, Subject, replace_subject
from headroom.subject.photo import general_motion
from headroom.track.tracker import track_clip

SAMPLE = shipped_file("samples", "sample.mp4")
SETTINGS = LearnSettings(to_seconds=2.4, name="Robin", consent="synthetic person")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Let learning last seconds: the motion is the general one, and the same frames are tracked once."""
    results = {}

    def track_once(frames, *rest):
        key = b"".join(frame.tobytes() for frame in frames[::10])
        if key not in results:
            results[key] = track_clip(frames, *rest)
        return results[key]

    with quick_draft(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("headroom.subject.clip.track_clip", track_once)
        patch.setattr("headroom.subject.clip.train_personal_motion",
                      lambda model, track, *rest: general_motion(model, track))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a clip, into which a person was learned from this clip, and with files of the user."""
    folder = tmp_path_factory.mktemp("people") / "Robin's folder"
    (folder / "takes").mkdir(parents=True)
    (folder / "takes" / "first.npz").write_text("the user's")
    (folder / "notes.txt").write_text("the user's")
    shutil.copyfile(SAMPLE, folder / "clip.mp4")
    pipeline.learn(folder / "clip.mp4", folder, SETTINGS)
    return folder


@pytest.fixture
def subject(folder, tmp_path):
    """A copy of that folder, to be changed."""
    return Path(shutil.copytree(folder, tmp_path / "robin"))


def users_files(folder):
    """Contents by path of the files that are no parts of the subject."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name not in PARTS}


def test_learning_into_a_folder_keeps_the_files_in_it_and_the_clip(folder):
    assert users_files(folder) == {"clip.mp4": SAMPLE.read_bytes(), "notes.txt": b"the user's",
                                   str(Path("takes", "first.npz")): b"the user's"}
    assert {path.name for path in folder.iterdir()} >= set(PARTS) - {"mattes.npz", "background.png"}
    assert probe(folder / PLATES).frames == len(Subject.open(folder).track) == 60


def test_the_subject_records_what_it_was_learned_from(folder):
    info, video = Subject.open(folder).info, probe(SAMPLE)
    assert (info.name, info.consent.statement) == ("Robin", "synthetic person")
    assert (info.preset, info.resolution) == ("draft", 256)
    assert info.clip.model_dump() == {
        "file": "clip.mp4", "sha256": hashlib.sha256(SAMPLE.read_bytes()).hexdigest(), "kind": "video",
        "width": video.width, "height": video.height, "fps": video.fps, "from_seconds": 0.0, "to_seconds": 2.4}
    assert set(info.measures.step_seconds) == {"track", "motion", "plates", "refiner"} and info.has_sound


def test_the_subject_stores_the_sound_of_the_learned_part(folder):
    expected = read_audio(SAMPLE, to_seconds=2.4)
    stored = read_audio(folder / SOUND)
    assert len(stored) == len(expected) == 38400 and np.abs(stored - expected).max() < 1e-4


def test_other_frames_of_the_person_are_tracked_as_the_learned_ones_were(folder):
    learned, again = Subject.open(folder).track, pipeline.track_known_person(folder, SAMPLE, 0.4, 1.2)
    same = slice(10, 30)
    assert len(again) == 20 and np.array_equal(again.identity, learned.identity)
    assert np.degrees(np.abs(again.rotation - learned.rotation[same])).mean() < 0.5


def test_learning_again_into_a_subject_replaces_it_and_keeps_the_rest(subject):
    before = users_files(subject)
    pipeline.learn(subject / "clip.mp4", subject, SETTINGS.model_copy(update={"name": "Kim"}))
    assert Subject.open(subject).info.name == "Kim"
    assert users_files(subject) == before


def test_a_person_who_cannot_be_learned_leaves_the_subject_as_it_was(subject, monkeypatch):
    before = {path.name: path.read_bytes() for path in subject.iterdir() if path.is_file()}

    def fail(*args, **settings):
        raise InputError("The refiner cannot be trained.")

    monkeypatch.setattr("headroom.subject.clip.train_personal_refiner", fail)
    with pytest.raises(InputError, match="The refiner cannot be trained"):
        pipeline.learn(SAMPLE, subject, SETTINGS)
    assert {path.name: path.read_bytes() for path in subject.iterdir() if path.is_file()} == before


def test_learning_that_is_finished_early_gives_a_complete_subject_that_says_so(subject):
    questions, shown = iter([False, False, True]), []
    monitor = SimpleNamespace(show=shown.append, wants_end=lambda: next(questions))
    notes = pipeline.learn(SAMPLE, subject, SETTINGS, monitor=monitor)
    person = Subject.open(subject)
    assert "The refiner was trained for 3 of 12 steps" in notes[-1] and notes[-1] in person.info.notes
    assert person.refiner.resolution == person.info.resolution == 256 and len(shown) == 1


def test_files_that_would_be_lost_are_reported_before_anything_is_learned(tmp_path, monkeypatch):
    (tmp_path / "preview.png").write_text("the user's")
    monkeypatch.setattr("headroom.pipeline.open_source", lambda *given: pytest.fail("the clip was opened"))
    with pytest.raises(InputError, match=r"preview\.png, which do not belong to a subject"):
        pipeline.learn(SAMPLE, tmp_path, SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["preview.png"]


def test_an_upgrade_learns_the_person_again_from_what_the_subject_stores(subject):
    before, others, plates = Subject.open(subject), users_files(subject), (subject / PLATES).read_bytes()
    old_track, old_sound = before.track, (subject / SOUND).read_bytes()
    (subject / "refiner.safetensors").write_bytes(b"of a version that learned otherwise")
    (subject / "clip.mp4").unlink()
    notes = pipeline.upgrade(subject)
    after = Subject.open(subject)
    assert notes == list(after.info.notes)
    assert after.refiner.resolution == 256
    assert np.abs(after.track.rotation - old_track.rotation).max() < np.radians(2)
    assert (subject / PLATES).read_bytes() == plates and (subject / SOUND).read_bytes() == old_sound
    unchanged = {"name", "consent", "clip", "preset", "albedo", "resolution", "face_model", "has_sound"}
    assert after.info.model_dump(include=unchanged) == before.info.model_dump(include=unchanged)
    del others["clip.mp4"]
    assert users_files(subject) == others


def test_an_upgrade_without_the_networks_of_before_says_so(subject, monkeypatch):
    info = Subject.open(subject).info
    info.model_copy(update={"own_networks": ("arcface", "resnet18")}).save(subject / INFO)
    monkeypatch.setattr("headroom.pipeline.learn_person", lambda *given: ["Another note."])
    monkeypatch.setattr("headroom.pipeline.replace_subject", lambda folder: replace_subject(subject.parent / "new"))
    notes = pipeline.upgrade(subject)
    assert notes == ["Learned with the bundled networks instead of the former arcface and resnet18.", "Another note."]

