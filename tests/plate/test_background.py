"""The background behind a person who moves, and the mattes that separate the two."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.plate import layers
from headroom.plate.background import HIDDEN, MOVING, UnknownBackground, find_background, inpaint_unknown
from headroom.plate.matte import FORMAT, PersonMatte, load_mattes, save_mattes
from headroom.plate.matte_correction import corrected_mattes

FORMATS = Path(__file__).parents[1] / "formats"


def walking(frames: int = 12, drift: int = 0) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return frames (96, 160, 3) of a bright block that crosses a pattern, mattes of half the size, and the pattern."""
    random = np.random.default_rng(0)
    pattern = np.kron(random.integers(40, 160, (12, 40, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    pictures, mattes = [], np.zeros((frames, 48, 80), np.uint8)
    for index in range(frames):
        picture = pattern[:, drift * index :][:, :160].copy()
        left = 10 + 6 * index
        picture[30:, left : left + 40] = 250
        mattes[index, 15:, left // 2 : left // 2 + 20] = 255
        pictures.append(picture)
    return pictures, mattes, pattern[:, :160]


def shrunk(frames) -> np.ndarray:
    """Return frames at the size of the mattes of `walking`."""
    return np.stack([cv2.resize(frame, (80, 48), interpolation=cv2.INTER_AREA) for frame in frames])


def test_the_background_is_what_some_frames_show_behind_the_person():
    frames, mattes, pattern = walking()
    background = find_background(frames, mattes).completed
    assert np.array_equal(background[:, :40], pattern[:, :40])
    assert np.abs(background.astype(int) - pattern)[:, :60].mean() < 2


def test_a_moving_background_is_refused():
    frames, mattes, _ = walking(drift=8)
    with pytest.raises(UnknownBackground) as refusal:
        find_background(frames, mattes)
    assert str(refusal.value) == MOVING


def test_a_single_frame_is_inpainted_behind_the_person():
    frames, mattes, pattern = walking(frames=1)
    background = find_background(frames, mattes).completed
    assert background[30:, 20:40].max() < 200  # nothing of the person is left
    assert np.array_equal(background[:20], pattern[:20])


@pytest.mark.parametrize("frames", [1, 12])
def test_what_the_person_hides_in_every_frame_is_inpainted_from_the_visible_background(frames):
    pictures, mattes, _ = walking(frames)
    mattes[:, :, 40:] = 255
    background = find_background(pictures, mattes).completed
    assert 40 <= background[:, 90:].min() and background[:, 90:].max() < 165  # neither the person nor white


@pytest.mark.parametrize("frames", [1, 12])
def test_a_background_that_no_frame_shows_is_not_written_and_the_user_learns_why(frames, tmp_path, monkeypatch):
    pictures, mattes, _ = walking(frames)
    mattes[:, :, 2:] = 255
    monkeypatch.setattr(layers, "find_mattes", lambda frames, progress: mattes)
    assert layers.write_background(tmp_path, pictures)[1] == [HIDDEN]
    assert list(tmp_path.iterdir()) == []


def test_the_background_is_kept_where_better_mattes_leave_too_little_of_it(tmp_path, monkeypatch):
    frames, mattes, _ = walking()
    mattes = mattes.repeat(2, axis=1).repeat(2, axis=2)
    monkeypatch.setattr(layers, "find_mattes", lambda pictures, progress: mattes)
    monkeypatch.setattr(layers, "find_background", lambda frames, each: find_background(frames, each) if each is mattes
                        else (_ for _ in ()).throw(UnknownBackground(HIDDEN)))
    assert layers.write_background(tmp_path, frames)[1] == []
    assert len(load_mattes(tmp_path / layers.MATTES)) == len(frames) and (tmp_path / layers.BACKGROUND).is_file()


def test_inpainting_does_not_change_a_picture_that_is_known_everywhere():
    frames, _, _ = walking(frames=1)
    assert np.array_equal(inpaint_unknown(frames[0], np.ones((96, 160), bool)), frames[0])


def test_what_the_matte_misses_of_the_person_is_found_by_its_difference_from_the_background():
    frames, mattes, _ = walking()
    right = 10 + 6 * 5 + 40
    frames[5][50:54, right : right + 16] = 250  # a finger, which moves along with nobody
    seen = find_background(frames, mattes)
    matte = corrected_mattes(mattes, shrunk(frames), seen)[5]
    added = (matte != mattes[5])
    assert added[25:27, right // 2 : right // 2 + 8].all() and added.sum() <= 36
    assert not (corrected_mattes(mattes, shrunk(frames), seen)[2] != mattes[2]).any()  # nothing is missing there


def test_what_the_matte_takes_of_the_background_is_removed():
    frames, mattes, _ = walking()
    wrong = mattes.copy()
    left = (10 + 6 * 3) // 2
    wrong[3, 20:40, left - 6 : left] = 255  # a pole beside the person
    seen = find_background(frames, mattes)
    matte = corrected_mattes(wrong, shrunk(frames), seen)[3]
    assert (matte[21:39, left - 6 : left - 2] == 0).all() and (matte[20:, left + 1 : left + 19] == 255).all()


def test_what_differs_away_from_the_person_is_not_the_person():
    frames, mattes, _ = walking()
    frames[2][50:58, 130:138] = 250  # beside it
    seen = find_background(frames, mattes)
    assert not (corrected_mattes(mattes, shrunk(frames), seen)[2] != mattes[2]).any()


@pytest.mark.parametrize("turned", [False, True])
def test_a_pole_goes_on_straight_behind_the_person(turned):
    random = np.random.default_rng(0)
    picture = (90 + random.normal(0, 3, (96, 160, 3))).astype(np.uint8)
    picture[:, 60:68] = 200
    picture = np.ascontiguousarray(picture.swapaxes(0, 1)) if turned else picture
    known = np.ones(picture.shape[:2], bool)
    known[30:, 20:130] = False  # the pole goes into it from above, or from both sides
    if turned:
        known[30:] = True
        known[40:100, 30:70] = False
    filled = inpaint_unknown(np.where(known[..., None], picture, 0).astype(np.uint8), known).astype(int)
    near = np.s_[62:66, 32:48] if turned else np.s_[32:48, 62:66]
    beside = np.s_[74:82, 34:48] if turned else np.s_[34:48, 74:82]
    assert filled[near].mean() > 180 and abs(filled[beside].mean() - 90) < 6


def test_a_picture_that_shows_no_whole_patch_is_inpainted_all_the_same():
    picture = np.full((40, 40, 3), 70, np.uint8)
    known = np.zeros((40, 40), bool)
    known[::8] = True
    assert np.abs(inpaint_unknown(picture, known).astype(int) - 70).max() <= 5


def test_the_distance_to_the_persons_outline_is_in_frame_pixels():
    mask = np.zeros((48, 80), np.uint8)
    mask[:, :20] = 255
    matte = PersonMatte.of(mask, (96, 160), margin=0.0)
    x = np.array([[20.0, 59.5, 79.5, 119.5]], np.float32)
    assert np.allclose(matte.sample(matte.distance, x, np.full_like(x, 48)), [[0, 20, 40, 80]], atol=2)


def test_saved_mattes_load_unchanged(tmp_path):
    _, mattes, _ = walking()
    save_mattes(tmp_path / "mattes.npz", mattes)
    assert np.array_equal(load_mattes(tmp_path / "mattes.npz"), mattes)


def test_mattes_of_format_1_load():
    random = np.random.default_rng(0)
    random.normal(size=(12, 2, 3)), random.normal(size=(20, 2, 3))
    assert np.array_equal(load_mattes(FORMATS / "mattes_1.npz"), random.integers(0, 256, (2, 9, 16), np.uint8))


def test_damaged_mattes_and_those_of_a_newer_format_are_refused(tmp_path):
    (tmp_path / "damaged.npz").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="cannot be read"):
        load_mattes(tmp_path / "damaged.npz")
    np.savez(tmp_path / "newer.npz", format=FORMAT + 1, person=np.zeros((1, 2, 2), np.uint8))
    with pytest.raises(InputError, match="newer version"):
        load_mattes(tmp_path / "newer.npz")
