"""The training pairs of the personal refiner."""

from types import SimpleNamespace

import numpy as np
import pytest

from headroom.common.errors import Cancelled
from headroom.face.camera import Camera, Crop
from headroom.face.light import AMBIENT
from headroom.face.model import bundled_model
from headroom.subject.refiner_training import LARGE_CROP, TrackedFrames, chosen_resolution, training_pairs
from headroom.track.track import Track

FRAMES, SIZE = 3, 64


def pairs_of_a_still_head(progress, confidence=(1, 1, 1), with_plates=False):
    """Training pairs with an ArcFace that recognises the same face in every frame."""
    model, still = bundled_model(), np.zeros((FRAMES, 3), np.float32)
    track = Track(25.0, Camera(900.0, 160, 120), Crop(20, 0, 120), np.zeros(80), np.zeros(80), AMBIENT,
                  np.zeros((FRAMES, 64)), still, still + np.float32([0, 0, -1400]), np.array(confidence))
    arcface = SimpleNamespace(embed=lambda frame, points: np.ones(512, np.float32))
    albedo = np.full((64, 64, 3), 128, np.uint8)
    frames = [np.full((120, 160, 3), 9 * index, np.uint8) for index in range(FRAMES)]
    return training_pairs(model, TrackedFrames(track, albedo, frames), SIZE, with_plates=with_plates, arcface=arcface,
                          progress=progress)


def test_progress_rises_and_names_each_step():
    reports = []
    pairs = pairs_of_a_still_head(lambda fraction, message: reports.append((fraction, message)))
    fractions, messages = zip(*reports)
    assert list(fractions) == sorted(fractions) and 0 <= fractions[0] and fractions[-1] <= 1
    assert "Marking mouth and eyes" in messages
    assert [f"Recognising the face in frame {frame} of 3" in messages for frame in (1, 2, 3)] == [True] * 3
    assert pairs.identity_feature == "ArcFace" and len(pairs) == FRAMES


@pytest.mark.parametrize(("wanted", "size", "chosen"), [
    ("auto", LARGE_CROP - 1, 256), ("auto", LARGE_CROP, 512), (256, 2 * LARGE_CROP, 256), (512, 100, 512)])
def test_a_large_face_is_painted_with_more_pixels_unless_the_user_says_otherwise(wanted, size, chosen):
    resolution, notes = chosen_resolution(wanted, SimpleNamespace(crop=Crop(0, 0, size)))
    assert resolution == chosen
    assert ("so 512 are painted across it" in "".join(notes)) == (wanted == "auto" and chosen == 512)


def test_frames_without_a_face_are_left_out():
    pairs = pairs_of_a_still_head(lambda fraction, message: None, confidence=(1, 0, 0.5))
    assert pairs.frames[:, 0, 0, 0].tolist() == [0, 18]


@pytest.mark.parametrize("step", [lambda m: m.endswith("frame 2 of 3"), lambda m: m.startswith("Marking"),
                                  lambda m: m.startswith("Recognising")])
def test_the_user_can_stop_at_every_step(step):
    def stop(fraction, message):
        if step(message):
            raise Cancelled

    with pytest.raises(Cancelled):
        pairs_of_a_still_head(stop)
