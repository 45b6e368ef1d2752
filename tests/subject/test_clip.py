"""The steps of learning, one by one."""

from types import SimpleNamespace

import numpy as np
import pytest

from headroom.common.errors import Cancelled
from headroom.face.camera import Camera, Crop
from headroom.face.light import AMBIENT
from headroom.face.model import bundled_model
from headroom.subject.clip import training_pairs
from headroom.track.track import Track

FRAMES, SIZE = 3, 64


def paired(progress):
    """Pairs of a still head, with somebody who recognises the same face in every frame."""
    model, still = bundled_model(), np.zeros((FRAMES, 3), np.float32)
    track = Track(25.0, Camera(900.0, 160, 120), Crop(20, 0, 120), np.zeros(80), np.zeros(80), AMBIENT,
                  np.zeros((FRAMES, 64)), still, still + np.float32([0, 0, -1400]), np.ones(FRAMES))
    arcface = SimpleNamespace(embed=lambda frame, points: np.ones(512, np.float32))
    albedo, frames = np.full((64, 64, 3), 128, np.uint8), [np.zeros((120, 160, 3), np.uint8)] * FRAMES
    return training_pairs(model, track, albedo, frames, SIZE, arcface, progress)


def test_pairing_says_how_far_it_is_and_names_the_feature():
    told = []
    pairs = paired(lambda fraction, message: told.append((fraction, message)))
    fractions, messages = zip(*told)
    assert list(fractions) == sorted(fractions) and 0 <= fractions[0] and fractions[-1] <= 1
    assert [f"{step} {frame} of 3" in messages for step in ("Drawing frame", "Recognising the face in frame")
            for frame in (1, 2, 3)] == [True] * 6
    assert pairs.feature == "ArcFace" and len(pairs) == FRAMES


@pytest.mark.parametrize("step", ["Drawing frame 2", "Marking", "Recognising the face in frame 2"])
def test_pairing_can_be_cancelled_at_every_step(step):
    def stop(fraction, message):
        if message.startswith(step):
            raise Cancelled

    with pytest.raises(Cancelled):
        paired(stop)
