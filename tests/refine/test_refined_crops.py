"""Refined crops are painted once: an edit paints the edited frames and those that have them in their window."""

import threading
from collections import OrderedDict
from inspect import GEN_CLOSED, getgeneratorstate
from types import SimpleNamespace

import numpy as np
import pytest
from test_refiner import QUICK, drawn_clip, pairs_of

from headroom.common.errors import InputError
from headroom.common.prefetch import DEPTH
from headroom.face.camera import Camera, Crop
from headroom.media.image import read_picture, write_picture
from headroom.plate.match import PlateMatch
from headroom.refine.refined_crops import CropCache
from headroom.refine.train import train_refiner
from headroom.subject import shot_refiner as refining
from headroom.subject.shot_refiner import ShotRefiner

FRAMES = 9


@pytest.fixture(scope="module")
def clip():
    return drawn_clip(FRAMES)


@pytest.fixture
def studio(clip):
    """A studio whose plates are the crops themselves, with a network of width 8 that is told when it paints."""
    studio = ShotRefiner.__new__(ShotRefiner)
    size = clip[0].shape[1]
    studio.track = SimpleNamespace(camera=Camera(90.0, size, size), crop=Crop(0, 0, size),
                                   rotation=np.zeros((FRAMES, 3)), translation=np.tile([0.0, 0.0, -700.0], (FRAMES, 1)))
    studio.refiner = train_refiner(pairs_of(*clip), QUICK)
    studio.resolution, studio.person = size, "somebody"
    studio._ground = SimpleNamespace(under=lambda number, filmed, wanted: clip[0][number])
    studio._warped, studio._warping = OrderedDict(), threading.Lock()
    studio.painted_frames = 0
    paint = studio.refiner.paint

    def counted(windows):
        studio.painted_frames += len(windows)
        return paint(windows)

    studio.refiner.paint = counted
    return studio


@pytest.fixture
def matched():
    still = np.zeros((FRAMES, 3), np.float32)
    return PlateMatch(np.arange(FRAMES, dtype=np.int32), still, still + np.float32([0, 0, -700]),
                      np.zeros(FRAMES, np.float32), np.arange(FRAMES, dtype=float))


def written(folder, renders):
    paths = [folder / f"{number:06d}.png" for number in range(len(renders))]
    for path, render in zip(paths, renders):
        write_picture(path, render)
    return paths


def test_a_shot_refined_again_paints_nothing_and_is_the_same(studio, clip, matched, tmp_path):
    renders, crops = written(tmp_path, clip[1]), CropCache(tmp_path / "crops")
    first = [crop for crop, _ in studio.refined(renders, matched, crops)]
    assert studio.painted_frames == FRAMES
    again = list(studio.refined(renders, matched, crops))
    assert studio.painted_frames == FRAMES and not any(is_new for _, is_new in again)
    for (a, mask_a), ((b, mask_b), _) in zip(first, again):
        assert np.array_equal(a, b) and np.array_equal(mask_a, mask_b)


def test_an_edited_frame_is_painted_with_the_two_that_see_it_and_as_if_all_were_new(studio, clip, matched, tmp_path):
    renders, crops = written(tmp_path, clip[1]), CropCache(tmp_path / "crops")
    list(studio.refined(renders, matched, crops))
    changed = clip[1][3].copy()
    changed[40:, :, :3] //= 2
    write_picture(renders[3], changed)
    studio.painted_frames = 0
    partly = list(studio.refined(renders, matched, crops))
    assert [frame for frame, (_, is_new) in enumerate(partly) if is_new] == [3, 4, 5]
    assert studio.painted_frames == 3
    for (crop, _), (other, _) in zip(partly, studio.refined(renders, matched, CropCache(tmp_path / "elsewhere"))):
        assert np.array_equal(crop[0], other[0])


def test_a_part_with_its_window_is_what_the_whole_has_there(studio, clip, matched, tmp_path):
    renders, crops = written(tmp_path, clip[1]), CropCache(tmp_path / "crops")
    part = list(studio.refined(renders[2:7], matched.part(2, 7), crops, context=2))
    assert len(part) == studio.painted_frames == 3
    whole = list(studio.refined(renders, matched, crops))
    assert [frame for frame, (_, is_new) in enumerate(whole) if not is_new] == [4, 5, 6]


def test_another_pose_over_the_plate_is_another_crop(studio, clip, matched, tmp_path):
    renders, crops = written(tmp_path, clip[1]), CropCache(tmp_path / "crops")
    list(studio.refined(renders, matched, crops))
    matched.translation[8] += np.float32([2, 0, 0])
    assert [is_new for _, is_new in studio.refined(renders, matched, crops)] == [False] * 8 + [True]


def test_a_damaged_crop_is_painted_again(studio, clip, matched, tmp_path):
    renders, crops = written(tmp_path, clip[1]), CropCache(tmp_path / "crops")
    first = [crop for crop, _ in studio.refined(renders, matched, crops)]
    for path in (tmp_path / "crops").rglob("*.png"):
        path.write_bytes(b"cut short")
    assert all(np.array_equal(a[0], b[0]) for a, (b, _) in zip(first, studio.refined(renders, matched, crops)))


def test_no_more_renders_are_read_than_the_stream_holds(studio, clip, matched, tmp_path, monkeypatch):
    renders, read = written(tmp_path, clip[1]), []

    def counted(path, alpha):
        read.append(path)
        return read_picture(path, alpha)

    monkeypatch.setattr(refining, "read_picture", counted)
    stream = studio.refined(renders, matched, CropCache(tmp_path / "crops"))
    next(stream)
    stream.close()
    assert 1 <= len(read) <= 1 + 2 * DEPTH + 1
    assert not working()


def test_a_stream_that_is_given_up_ends_its_painting_itself(studio, clip, matched, tmp_path, monkeypatch):
    renders, runs = written(tmp_path, clip[1]), []
    monkeypatch.setattr(studio, "_run", lambda *given, run=studio._run: runs.append(run(*given)) or runs[-1])
    stream = studio.refined(renders, matched, CropCache(tmp_path / "crops"))
    next(stream)
    stream.close()
    assert [getgeneratorstate(run) for run in runs] == [GEN_CLOSED] and not working()


def test_a_render_that_cannot_be_read_is_told_in_its_place_and_what_came_before_is_kept(
    studio, clip, matched, tmp_path
):
    renders, crops = written(tmp_path, clip[1]), CropCache(tmp_path / "crops")
    renders[4].write_bytes(b"cut short")
    made = []
    with pytest.raises(InputError, match="000004"):
        for crop, _ in studio.refined(renders, matched, crops):
            made.append(crop)
    assert len(made) == 4 and len(list((tmp_path / "crops").rglob("*.png"))) == 4
    assert not working()


def test_finished_frames_are_the_plates_outside_the_masks(studio, clip, matched, tmp_path):
    renders, crops = written(tmp_path, clip[1]), CropCache(tmp_path / "crops")
    frames = list(studio.composites(renders, matched, crops))
    masks = [mask for (_, mask), _ in studio.refined(renders, matched, crops)]
    for frame, plate, mask in zip(frames, clip[0], masks, strict=True):
        assert np.array_equal(frame[mask == 0], plate[mask == 0]) and not np.array_equal(frame, plate)


def working():
    """The threads of streams that have not ended."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
