"""A person from one photo: the subject works like one from a clip."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from quick_subject import quick_draft

from headroom import pipeline
from headroom.common.errors import InputError
from headroom.common.paths import shipped_file
from headroom.common.settings import LearnSettings
from headroom.evaluation.evaluate import remake_frames
from headroom.face.model import bundled_model
from headroom.face.performance import Performance
from headroom.media.video import read_frames
from headroom.subject.folder import Subject
from headroom.subject.photo import HEAD_MOTION, PhotoSource, general_motion, load_photo, mirrored
from headroom.track.appearance.appearance import Appearance


def write_photo(folder):
    """Write a picture of one person into a folder."""
    frame = next(iter(read_frames(shipped_file("samples", "sample.mp4"), 1.0, 1.2)))
    cv2.imwrite(str(folder / "robin.png"), frame[..., ::-1])
    return folder / "robin.png"


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A picture file of one person."""
    return write_photo(tmp_path_factory.mktemp("photo"))


@pytest.fixture(scope="module")
def subject(photo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("learned") / "robin"
    shown = []
    monitor = SimpleNamespace(show=shown.append, wants_end=lambda: False)
    with quick_draft():
        notes = pipeline.learn(photo, folder, LearnSettings(consent="synthetic person"), monitor=monitor)
    assert any("one photo" in note for note in notes) and len(shown) == 1
    return folder


def test_a_photo_gives_a_subject_with_one_plate(subject, photo):
    person = Subject.open(subject)
    assert len(person.track) == 1 and person.info.clip.file == "robin.png"
    assert person.info.clip.kind == "photo" and person.sound_path is None and person.info.albedo == "frame"
    plates = list(read_frames(person.plates_path))
    truth = load_photo(photo)
    assert len(plates) == 1 and np.abs(plates[0][: len(truth)].astype(int) - truth).mean() < 3


def test_a_shot_of_a_photo_moves_the_head_and_not_the_border_of_the_picture(subject):
    track = Subject.open(subject).track
    turned = track.rotation.repeat(3, axis=0) + np.radians([[0, 0, 0], [0, 4, 0], [0, 8, 0]])
    motion = Performance(25.0, track.expression.repeat(3, axis=0), turned, track.translation.repeat(3, axis=0))
    frames = [made.frame.astype(int) for made in remake_frames(subject, motion)]
    assert [frame.shape for frame in frames] == [(track.camera.height, track.camera.width, 3)] * 3
    changed = [np.abs(frame - frames[0]).max(axis=2) > 0 for frame in frames]
    assert changed[2].any() and 0 < changed[1].mean() < 0.9
    assert not changed[2][:, :4].any() and not changed[2][:, -4:].any()


def test_the_head_moves_about_the_photo_s_pose_less_than_an_average_speaker_s(subject):
    track = Subject.open(subject).track
    style = general_motion(bundled_model(), track).style
    assert np.allclose(np.median(style.pose, axis=0), [*track.rotation[0], *track.translation[0]], atol=1e-3)
    from headroom.motion.model.general import general_model

    assert np.allclose(style.pose.std(axis=0), HEAD_MOTION * general_model().style.pose.std(axis=0), rtol=1e-3)


def test_skin_that_is_turned_away_is_copied_from_the_other_side(subject):
    person = Subject.open(subject)
    track, size = person.track, 128
    track.rotation[:] = np.radians([0, 50, 0])
    albedo = np.zeros((size, size, 3), np.uint8)
    albedo[:, size // 2 :] = 200
    sides = [mirrored(person.model, track, Appearance(track.texture, track.light, picture)).astype(int)
             for picture in (albedo, albedo[:, ::-1])]
    changed = [np.abs(side - picture).max(axis=2) > 60 for side, picture in zip(sides, (albedo, albedo[:, ::-1]))]
    halves = np.array([[part.sum() for part in np.split(each, 2, axis=1)] for each in changed])
    assert halves.max() > 100 and (halves.max(axis=0) == 0).sum() == 1  # only one side, whichever colour it has


def test_a_large_photo_is_reduced(tmp_path):
    cv2.imwrite(str(tmp_path / "large.jpg"), np.full((3000, 4000, 3), 90, np.uint8))
    assert load_photo(tmp_path / "large.jpg").shape == (1440, 1920, 3)


def refusal_of(picture, folder):
    """The message with which a photo is refused: one sentence, and no subject."""
    cv2.imwrite(str(folder / "bad.png"), picture)
    with pytest.raises(InputError) as refusal:
        pipeline.learn(folder / "bad.png", folder / "subject")
    assert "\n" not in str(refusal.value) and not (folder / "subject").exists()
    return str(refusal.value)


def test_a_photo_without_a_face_is_refused(tmp_path):
    assert "No face found in bad.png" in refusal_of(np.full((300, 300, 3), 120, np.uint8), tmp_path)


def test_a_face_that_is_too_small_is_refused(photo, subject, tmp_path):
    shrink = 80 / Subject.open(subject).track.crop.size
    small = cv2.resize(cv2.imread(str(photo)), None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    assert "pixels high" in refusal_of(small, tmp_path)


def test_without_general_weights_a_photo_is_refused(photo, monkeypatch, tmp_path):
    monkeypatch.setattr("headroom.motion.retarget.general_model", lambda *directions: None)
    assert "needs the general motion weights" in refusal_of(cv2.imread(str(photo)), tmp_path)


def test_the_part_that_was_chosen_for_a_clip_is_ignored_for_a_photo(photo):
    source = PhotoSource.open(photo, LearnSettings(from_seconds=1.0, to_seconds=2.0))
    assert np.array_equal(source.picture, load_photo(photo))
    assert f"{photo.name} is a photo, so the start and the end that were set were not used." in source.notes
    assert PhotoSource.open(photo, LearnSettings()).notes == source.notes[:1]
