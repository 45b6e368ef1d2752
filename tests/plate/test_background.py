"""The background behind a person who moves, and the outline that it is seen beside."""

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.plate import layers as ground
from headroom.plate.background import HIDDEN, MOVES, filled, find_background
from headroom.plate.matte import load_mattes, outline, save_mattes


def walking(frames: int = 12, drift: int = 0) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Frames (96, 160, 3) of a bright block crossing a pattern, mattes of half the size, and the pattern."""
    random = np.random.default_rng(0)
    wall = np.kron(random.integers(40, 160, (12, 40, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    pictures, mattes = [], np.zeros((frames, 48, 80), np.uint8)
    for index in range(frames):
        picture = wall[:, drift * index :][:, :160].copy()
        left = 10 + 6 * index
        picture[30:, left : left + 40] = 250
        mattes[index, 15:, left // 2 : left // 2 + 20] = 255
        pictures.append(picture)
    return pictures, mattes, wall[:, :160]


def test_what_some_frames_show_is_found_behind_the_person():
    frames, mattes, wall = walking()
    assert np.array_equal(find_background(frames, mattes)[:, :40], wall[:, :40])
    assert np.abs(find_background(frames, mattes).astype(int) - wall)[:, :60].mean() < 2


def test_a_background_that_moves_is_not_taken_for_one():
    frames, mattes, _ = walking(drift=8)
    assert find_background(frames, mattes) == MOVES


def test_one_frame_is_filled_in_behind_the_person():
    frames, mattes, wall = walking(frames=1)
    found = find_background(frames, mattes)
    assert found[30:, 20:40].max() < 200  # nothing of the person is left
    assert np.array_equal(found[:20], wall[:20])


@pytest.mark.parametrize("frames", [1, 12])
def test_what_a_person_hides_in_every_frame_is_filled_from_what_is_known(frames):
    pictures, mattes, _ = walking(frames)
    mattes[:, :, 40:] = 255
    found = find_background(pictures, mattes)
    assert 40 < found[:, 90:].min() and found[:, 90:].max() < 160  # neither the person nor white


@pytest.mark.parametrize("frames", [1, 12])
def test_a_background_that_is_never_seen_is_not_made_up_and_that_is_said(frames, tmp_path, monkeypatch):
    pictures, mattes, _ = walking(frames)
    mattes[:, :, 2:] = 255
    monkeypatch.setattr(ground, "find_mattes", lambda frames, progress: mattes)
    assert ground.write_background(tmp_path, pictures) == [HIDDEN]
    assert list(tmp_path.iterdir()) == []


def test_filling_leaves_a_known_picture_alone():
    frames, _, _ = walking(frames=1)
    assert np.array_equal(filled(frames[0], np.ones((96, 160), bool)), frames[0])


def test_the_distance_to_the_outline_is_in_pixels_of_the_frame():
    matte = np.zeros((48, 80), np.uint8)
    matte[:, :20] = 255
    x = np.array([[20.0, 59.5, 79.5, 119.5]], np.float32)
    found = outline(matte, (96, 160), margin=0.0).at("away", x, np.full_like(x, 48))
    assert np.allclose(found, [[0, 20, 40, 80]], atol=2)


def test_mattes_saved_and_loaded_are_the_same(tmp_path):
    _, mattes, _ = walking()
    save_mattes(tmp_path / "mattes.npz", mattes)
    assert np.array_equal(load_mattes(tmp_path / "mattes.npz"), mattes)
    (tmp_path / "mattes.npz").write_bytes(b"nonsense")
    with pytest.raises(InputError):
        load_mattes(tmp_path / "mattes.npz")
