"""The result so far of a refiner in training, and a training that ends early."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_faces import QUICK, drawn_clip, pairs_of

from headroom.refine import result_preview
from headroom.refine.dataset import RefinerDataset
from headroom.refine.region import RegionConfig
from headroom.refine.result_preview import ResultPreview
from headroom.refine.train import train_refiner
from headroom.subject.refiner_training import train_personal_refiner


class Monitor:
    """Keeps the pictures, and wants the end after some questions."""

    def __init__(self, questions=10**6):
        self.pictures, self.questions = [], questions

    def show(self, picture):
        self.pictures.append(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)[..., ::-1])

    def wants_end(self):
        self.questions -= 1
        return self.questions < 0


@pytest.fixture(scope="module")
def pairs():
    return pairs_of(*drawn_clip(6))


def test_the_picture_shows_the_true_crop_of_the_left_out_frame_and_what_is_made_of_it(pairs):
    assert pairs.plates is None  # the frame itself is the plate, without its face
    monitor = Monitor()
    train_personal_refiner(pairs, replace(QUICK, from_general=False), monitor=monitor)
    side = pairs.frames.shape[1]
    assert len(monitor.pictures) == 1  # the training is shorter than the time between two pictures
    assert monitor.pictures[0].shape == (side, 2 * side, 3)
    footage, refined = (np.abs(half - pairs.frames[3].astype(int)).mean() for half in np.hsplit(monitor.pictures[0], 2))
    assert footage < 5 < refined  # JPEG changes colours a little


def test_the_left_out_frame_is_not_trained_on(pairs):
    data = RefinerDataset([replace(pairs, left_out=3)], [len(pairs)], QUICK.region, QUICK.augment, 0)
    frames = [data.locate(number)[1] for number in range(4 * len(pairs))]
    assert 3 not in frames and set(frames) == {0, 1, 2, 4, 5}


def test_a_training_that_ends_early_gives_what_was_learned_and_says_how_much(pairs):
    refiner, notes = train_personal_refiner(pairs, replace(QUICK, from_general=False, steps=50), monitor=Monitor(4))
    other = train_refiner(replace(pairs, left_out=3), replace(QUICK, steps=50),
                          preview=ResultPreview(pairs, RegionConfig(), Monitor(4)))
    assert notes == ["The refiner was trained for 5 of 50 steps, because learning was finished early. Learn the clip "
                     "again for the rest."]
    for ours, theirs in zip(refiner.generator.parameters(), other.generator.parameters()):
        assert np.allclose(ours.detach(), theirs.detach())


def test_a_training_of_some_minutes_says_how_many_were_done(pairs):
    config = replace(QUICK, from_general=False, steps=None, seconds=600.0)
    _, notes = train_personal_refiner(pairs, config, monitor=Monitor(2))
    assert "for 0.0 of 10.0 minutes" in notes[0]


def test_pictures_take_at_most_a_fiftieth_of_the_time(pairs, monkeypatch):
    """Ten minutes of training in which each picture takes 4 s, and each step half a second."""
    now = [0.0]
    monkeypatch.setattr(result_preview.time, "monotonic", lambda: now[0])

    def slow_picture(*given):
        now[0] += 4.0
        return np.zeros((2, 4, 3), np.uint8)

    monkeypatch.setattr(result_preview, "result_picture", slow_picture)
    monitor = Monitor()
    preview = ResultPreview(pairs, RegionConfig(), monitor)
    state = type("State", (), {"average_generator": None})
    while now[0] < 600:
        now[0] += 0.5
        preview.after(state, None)
    assert len(monitor.pictures) == 3


def test_a_generator_with_plates_shows_a_picture_over_its_plate(pairs):
    plates = np.full((*pairs.frames.shape[:3], 4), 77, np.uint8)
    config = replace(QUICK, from_general=False, generator=replace(QUICK.generator, plate_term=True))
    monitor = Monitor()
    train_personal_refiner(replace(pairs, plates=plates), config, monitor=monitor)
    assert np.abs(monitor.pictures[0][0, -1].astype(int) - 77).max() < 5
