"""Several people in a clip: each is found by number and followed, and the truth is the clip that shows them alone."""

import cv2
import numpy as np
import pytest

from headroom.cli.people_picture import people_are_numbered
from headroom.common.errors import InputError
from headroom.common.paths import shipped_file
from headroom.common.settings import LearnSettings
from headroom.media.image import read_picture, write_picture
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import VideoWriter, read_frames
from headroom.subject.clip import ClipSource
from headroom.subject.clip_person import parts_at_one_place
from headroom.subject.photo import PhotoSource
from headroom.track.landmarks.detect import find_landmarks
from headroom.track.landmarks.follow import find_person, stretches
from headroom.track.landmarks.people import Person, SeveralPeople, choose, find_people

FPS, SIDE, CUT = 25.0, 320, 33
SAMPLE = shipped_file("samples", "sample.mp4")


@pytest.fixture(scope="module")
def alone():
    """Two clips of one person each: the sample, and the sample mirrored in other colours."""
    first = [cv2.resize(frame[:, :frame.shape[0]] if frame.shape[1] > frame.shape[0] else frame, (SIDE, SIDE),
                        interpolation=cv2.INTER_AREA) for frame in read_frames(SAMPLE, 0.0, 2.6)]
    second = [np.ascontiguousarray(np.clip(frame[:, ::-1].astype(float) * [0.55, 0.75, 1.0], 0, 255), np.uint8)
              for frame in first]
    return first, second


@pytest.fixture(scope="module")
def together(alone):
    """Both side by side; they change sides by a cut."""
    return [np.concatenate(pair if frame < CUT else pair[::-1], axis=1) for frame, pair in enumerate(zip(*alone))]


@pytest.fixture(scope="module")
def people(together):
    return find_people(together[::10])


@pytest.fixture(scope="module")
def clip(together, tmp_path_factory):
    """The clip of both, with the sound of the sample."""
    path = tmp_path_factory.mktemp("clip") / "two.mp4"
    with VideoWriter(path, FPS, 2 * SIDE, SIDE, sound=SoundtrackSource(SAMPLE)) as movie:
        movie.write_all(together)
    return path


@pytest.mark.parametrize("number", [1, 2])
def test_each_person_is_followed_across_a_cut_as_if_alone(alone, together, people, number):
    found = find_person(together, FPS, choose(people, number, "two.mp4").colours)
    truth = find_landmarks(alone[number - 1], FPS).points
    moved = SIDE * ((np.arange(len(together)) < CUT) == (number == 2))
    error = np.linalg.norm(found.points[..., :2] - truth[..., :2] - np.stack([moved, 0 * moved], 1)[:, None], axis=2)
    eyes = np.linalg.norm(truth[:, 33, :2] - truth[:, 263, :2], axis=1)
    assert found.found.all()
    assert np.median(error.mean(1) / eyes) < 0.01 and np.quantile(error.mean(1) / eyes, 0.95) < 0.04


def test_people_are_numbered_from_the_left_and_one_must_be_chosen(people):
    assert [stretches(person) for person in people.persons] == [[(0, 3), (4, 6)]] * 2
    with pytest.raises(SeveralPeople, match=r"two.mp4 shows 2 people: 1 at \d+ % of the width from the left, 2 at"):
        choose(people, 0, "two.mp4")
    with pytest.raises(InputError, match=r"two.mp4 has no face 3, because it shows only 2\. Choose a lower number\."):
        choose(people, 3, "two.mp4")
    assert choose(people, 1, "").boxes[0, 2] < SIDE < choose(people, 2, "").boxes[0, 0]


def test_one_person_need_not_be_chosen(alone):
    people = find_people(alone[0][::10])
    assert len(people.persons) == 1 and choose(people, 0, "") is people.persons[0]


def test_the_command_line_writes_a_picture_with_the_numbers_and_overwrites_none(people, tmp_path):
    for name in ("two_people.png", "two_people_2.png"):
        words = rf"shows 2 people: 1 at.* {tmp_path / name} shows the numbers, for --face"
        with pytest.raises(InputError, match=words):
            with people_are_numbered(tmp_path / "two.mp4", tmp_path):
                choose(people, 0, "two.mp4")
        assert read_picture(tmp_path / name).shape[1] == 2 * SIDE


def test_a_person_is_learned_where_they_are_at_one_place(clip):
    """The longer side of the cut is used, with its sound; the seconds are said."""
    with pytest.raises(SeveralPeople):
        ClipSource.open(clip, LearnSettings())
    with pytest.raises(InputError, match=r"at one place in the picture for only 1\.2 s of two\.mp4"):
        ClipSource.open(clip, LearnSettings(face=2))


def person_at(*places, width=100.0):
    """A person whose face is at these places across the picture, one a sample; None where it is not seen."""
    left = np.array([np.nan if place is None else place for place in places], float)
    return Person(np.stack([left, 0 * left, left + width, 0 * left + width], 1), np.zeros(48))


@pytest.mark.parametrize(("places", "parts"), [
    ([0] * 10, [(0, 4)]),
    ([0] * 3 + [None] + [0] * 6, [(0, 4)]),  # missed for a moment
    ([0] * 3 + [None] * 4 + [5] * 3, [(0, 0.8), (2.8, 4)]),  # away, and back at the same place
    ([0] * 3 + [400] * 7, [(1.2, 4)]),  # elsewhere after a cut
    ([30 * i for i in range(10)], [(0, 4)]),  # a person who walks
])
def test_the_parts_are_where_the_face_is_at_the_place_of_its_longest_stretch(places, parts):
    assert np.allclose(parts_at_one_place(person_at(*places), (0.0, 4.0)), parts)


def test_the_seconds_are_said_and_the_sound_is_that_of_the_frames(clip, monkeypatch):
    monkeypatch.setattr("headroom.subject.clip_person.MIN_SECONDS", 1.0)
    source = ClipSource.open(clip, LearnSettings(face=1))
    assert source.notes[-1] == "Only 0.0 to 1.2 s were used, where the person is seen at one place in the picture."
    assert len(source.frames) == 30 and len(source.sound) == 30 / FPS * 16000
    assert source.colours is not None


def test_the_number_chooses_the_face_of_a_photo(together, tmp_path):
    write_picture(tmp_path / "two.png", together[0])
    for number in (1, 2):
        photo = PhotoSource.open(tmp_path / "two.png", LearnSettings(face=number))
        points = find_person(photo.frames, FPS, photo.colours).points[0]
        assert points[:, 0].min() > (number - 1) * SIDE and points[:, 0].max() < number * SIDE
    assert PhotoSource.open(tmp_path / "two.png", LearnSettings()).colours is None
    with pytest.raises(InputError, match=r"two\.png has no face 3"):
        PhotoSource.open(tmp_path / "two.png", LearnSettings(face=3))
