"""Clips of one person in a data set."""

from headroom.motion.train.general import group_by_person
from headroom.training.corpus import find_clips


def test_movies_in_a_sub_folder_are_one_person(tmp_path):
    for name in ("anna/1.mp4", "anna/2.mp4", "ben/1.mp4", "carla.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [(clip.name, clip.person) for clip in find_clips([tmp_path])] == [
        ("1", "anna"), ("2", "anna"), ("1", "ben"), ("carla", "")]


def test_clips_without_a_person_are_people_of_their_own():
    assert list(group_by_person(["anna", "", "anna", ""]).values()) == [[0, 2], [1], [3]]
