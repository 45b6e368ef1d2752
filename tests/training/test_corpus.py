"""Clips are found in data sets, and people that the weights are measured on are refused."""

import pytest

from headroom.common.errors import InputError
from headroom.training.corpus import People, find_clips


def test_lrw_gives_its_training_part(lrw):
    names = ["ABOUT_00001", "AFTER_00001", "AFTER_00002"]
    assert [clip.name for clip in find_clips([lrw])] == names
    assert [clip.name for clip in find_clips([lrw / "lipread_mp4"])] == names


def test_a_folder_gives_all_its_movies_and_a_movie_itself(tmp_path):
    (tmp_path / "deeper").mkdir()
    for name in ("b.MP4", "a.mpg", "deeper/c.mov", "notes.txt"):
        (tmp_path / name).touch()
    assert [clip.name for clip in find_clips([tmp_path, tmp_path / "b.MP4"])] == ["a", "b", "c", "b"]


def test_folders_without_clips_and_missing_ones_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no clips"):
        find_clips([tmp_path])
    with pytest.raises(InputError, match="does not exist"):
        find_clips([tmp_path / "nothing"])


def test_held_out_people_are_refused(tmp_path):
    for name in ("a", "31", "vr_2"):
        (tmp_path / f"{name}.mp4").touch()
    with pytest.raises(InputError, match="31, vr_2 is held out for measuring"):
        find_clips([tmp_path])


def test_no_person_is_listed_twice():
    people = People.load()
    everybody = people.training + people.held_out
    assert len(everybody) == len(set(everybody))
