"""Refined crops are cached: an edit refines the edited frames and those that have them as context."""

import threading
from inspect import GEN_CLOSED, getgeneratorstate
from types import SimpleNamespace

import numpy as np
import pytest
from drawn_faces import QUICK, drawn_clip, pairs_of

from headroom.common.errors import InputError
from headroom.common.prefetch import DEPTH
from headroom.face.camera import Camera, Crop
from headroom.media.image import read_picture, write_picture
from headroom.plate.composite import composite
from headroom.plate.match import PlateMatch
from headroom.plate.reprojected_plates import FramePlate
from headroom.plate.shot_renders import Render
from headroom.refine.refined_crops import CropCache
from headroom.refine.train import train_refiner
from headroom.subject import shot_refiner as module
from headroom.subject.shot_refiner import OpenShotRefiners, ShotRefiner

FRAMES = 9


class CountingRefiner:
    """A refiner that counts the frames it generates."""

    def __init__(self, refiner):
        self.frames = 0
        self._generate, refiner.generate = refiner.generate, self.generate

    def generate(self, inputs):
        """Generate as before."""
        self.frames += len(inputs)
        return self._generate(inputs)


@pytest.fixture(scope="module")
def clip():
    return drawn_clip(FRAMES)


@pytest.fixture
def shot(clip):
    """Return a shot refiner whose plates are the true crops, with a network of width 8."""
    size = clip[0].shape[1]
    track = SimpleNamespace(camera=Camera(90.0, size, size), crop=Crop(0, 0, size),
                            rotation=np.zeros((FRAMES, 3)), translation=np.tile([0.0, 0.0, -700.0], (FRAMES, 1)))
    plates = SimpleNamespace(warped=lambda number, pose: FramePlate(clip[0][number]), vertex_count=FRAMES,
                             close=lambda: None)
    raster = SimpleNamespace(render=lambda vertices: clip[1][int(vertices[0, 0])])
    return ShotRefiner(train_refiner(pairs_of(*clip), QUICK), track, plates, raster, "a subject's digest")


@pytest.fixture
def counter(shot):
    return CountingRefiner(shot.refiner)


@pytest.fixture
def match():
    zeros = np.zeros((FRAMES, 3), np.float32)
    return PlateMatch(np.arange(FRAMES, dtype=np.int32), zeros, zeros + np.float32([0, 0, -700]),
                      np.zeros(FRAMES, np.float32), np.arange(FRAMES, dtype=float))


@pytest.fixture
def renders(clip, tmp_path):
    """Write the renders as files."""
    paths = [tmp_path / f"{number:06d}.png" for number in range(FRAMES)]
    for path, render in zip(paths, clip[1]):
        write_picture(path, render)
    return [Render(path) for path in paths]


@pytest.fixture
def cache(tmp_path):
    return CropCache(tmp_path / "crops")


def prefetch_threads():
    """Return the threads of streams that have not ended."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_refining_a_shot_again_takes_all_crops_from_the_cache(shot, counter, match, renders, cache):
    first = [crop for crop, _ in shot.refine_files(renders, match, cache)]
    assert counter.frames == FRAMES
    again = list(shot.refine_files(renders, match, cache))
    assert counter.frames == FRAMES and not any(is_new for _, is_new in again)
    for (a, mask_a), ((b, mask_b), _) in zip(first, again):
        assert np.array_equal(a, b) and np.array_equal(mask_a, mask_b)


def test_an_edit_refines_its_frame_and_the_two_that_depend_on_it(shot, counter, clip, match, renders, cache, tmp_path):
    list(shot.refine_files(renders, match, cache))
    changed = clip[1][3].copy()
    changed[40:, :, :3] //= 2
    write_picture(renders[3].picture, changed)
    counter.frames = 0
    edited = list(shot.refine_files(renders, match, cache))
    assert [frame for frame, (_, is_new) in enumerate(edited) if is_new] == [3, 4, 5]
    assert counter.frames == 3
    for (crop, _), (other, _) in zip(edited, shot.refine_files(renders, match, CropCache(tmp_path / "empty"))):
        assert np.array_equal(crop[0], other[0])


def test_a_mesh_that_changes_under_the_same_picture_refines_the_frame_and_the_two_after_it(
        shot, match, renders, cache, tmp_path):
    mesh = tmp_path / "mesh.npy"
    np.save(mesh, np.zeros((3, 3), np.float32))
    renders[3] = Render(renders[3].picture, mesh)
    list(shot.refine_files(renders, match, cache))
    np.save(mesh, np.ones((3, 3), np.float32))
    assert [frame for frame, (_, is_new) in enumerate(shot.refine_files(renders, match, cache)) if is_new] == [3, 4, 5]


def test_frames_without_a_picture_are_drawn_from_their_meshes(shot, counter, match, renders, cache, tmp_path):
    drawn = []
    for frame in range(FRAMES):
        mesh = tmp_path / f"{frame}.npy"
        np.save(mesh, np.full((FRAMES, 3), frame, np.float32))
        drawn.append(Render(None, mesh))
    mixed = [*renders[:4], *drawn[4:]]
    for given in (drawn, mixed):
        frames = zip(shot.refine_files(given, match, cache), shot.refine_files(renders, match, cache), strict=True)
        assert all(np.array_equal(crop[0], other[0]) for (crop, _), (other, _) in frames)
    counter.frames = 0
    assert not any(is_new for _, is_new in shot.refine_files(drawn, match, cache)) and counter.frames == 0


def test_frames_refined_with_their_context_are_found_by_the_whole_shot(shot, counter, match, renders, cache):
    frames = list(shot.refine_files(renders[2:7], match.part(2, 7), cache, context=2))
    assert len(frames) == counter.frames == 3
    whole = list(shot.refine_files(renders, match, cache))
    assert [frame for frame, (_, is_new) in enumerate(whole) if not is_new] == [4, 5, 6]


def test_another_pose_over_the_same_plate_needs_another_crop(shot, match, renders, cache):
    list(shot.refine_files(renders, match, cache))
    match.translation[8] += np.float32([2, 0, 0])
    assert [is_new for _, is_new in shot.refine_files(renders, match, cache)] == [False] * 8 + [True]


def test_a_stored_crop_gives_the_same_frame_and_is_black_away_from_its_mask(tmp_path):
    rng = np.random.default_rng(0)
    picture, plate = (rng.integers(1, 256, (side, side, 3)).astype(np.uint8) for side in (64, 200))
    distance = np.hypot(*(np.mgrid[:64, :64] - 31.5))
    mask = np.clip((20 - distance) / 8, 0, 1).astype(np.float32)
    cache = CropCache(tmp_path)
    saved = cache.save("crop", (picture, mask))
    loaded = cache.load("crop")
    assert all(np.array_equal(a, b) for a, b in zip(saved, loaded))
    assert np.abs(loaded[1] - mask).max() <= 0.5 / 255 + 1e-6
    assert not loaded[0][distance > 24].any() and np.array_equal(loaded[0][mask > 0], picture[mask > 0])
    crop = Crop(20, 30, 150)
    assert np.array_equal(composite(plate, crop, *loaded), composite(plate, crop, picture, loaded[1]))


def test_damaged_crops_are_refined_again(shot, match, renders, cache):
    first = [crop for crop, _ in shot.refine_files(renders, match, cache)]
    for path in cache.folder.rglob("*.png"):
        path.write_bytes(b"cut short")
    assert all(np.array_equal(a[0], b[0]) for a, (b, _) in zip(first, shot.refine_files(renders, match, cache)))


def test_the_stream_reads_no_more_renders_than_its_threads_hold(shot, match, renders, cache, monkeypatch):
    read = []

    def counted(path, alpha):
        read.append(path)
        return read_picture(path, alpha)

    monkeypatch.setattr(module, "read_picture", counted)
    stream = shot.refine_files(renders, match, cache)
    next(stream)
    stream.close()
    assert 1 <= len(read) <= 1 + 2 * DEPTH + 1
    assert not prefetch_threads()


def test_closing_a_stream_ends_its_refining(shot, match, renders, cache, monkeypatch):
    runs = []
    monkeypatch.setattr(shot, "_refine_run", lambda *args, run=shot._refine_run: runs.append(run(*args)) or runs[-1])
    stream = shot.refine_files(renders, match, cache)
    next(stream)
    stream.close()
    assert [getgeneratorstate(run) for run in runs] == [GEN_CLOSED] and not prefetch_threads()


def test_a_damaged_render_is_reported_after_the_frames_before_it_are_cached(shot, match, renders, cache):
    renders[4].picture.write_bytes(b"cut short")
    crops = []
    with pytest.raises(InputError, match="000004"):
        for crop, _ in shot.refine_files(renders, match, cache):
            crops.append(crop)
    assert len(crops) == 4 and len(list(cache.folder.rglob("*.png"))) == 4
    assert not prefetch_threads()


def test_finished_frames_equal_the_plates_outside_the_masks(shot, clip, match, renders, cache):
    frames = list(shot.composites(renders, match, cache))
    masks = [mask for (_, mask), _ in shot.refine_files(renders, match, cache)]
    for frame, plate, mask in zip(frames, clip[0], masks, strict=True):
        assert np.array_equal(frame[mask == 0], plate[mask == 0]) and not np.array_equal(frame, plate)


def test_the_open_refiners_of_two_people_are_reused_until_a_subject_changes(tmp_path, monkeypatch):
    closed, subjects = [], [tmp_path / "one", tmp_path / "other", tmp_path / "third"]
    for folder in subjects:
        folder.mkdir()
        (folder / "track.npz").write_bytes(b"1")
    monkeypatch.setattr(module.Subject, "open", lambda folder: folder)
    monkeypatch.setattr(ShotRefiner, "open", lambda folder: SimpleNamespace(close=lambda: closed.append(folder)))
    latest = OpenShotRefiners()
    one, other = (latest.open(folder) for folder in subjects[:2])
    assert latest.open(subjects[0]) is one and latest.open(subjects[1]) is other and closed == []
    (subjects[1] / "track.npz").write_bytes(b"changed")
    assert latest.open(subjects[1]) is not other and closed == [subjects[1]]
    latest.open(subjects[2])
    assert closed == [subjects[1], subjects[0]], "the one that was used least recently"
    latest.close()
    assert sorted(closed[2:]) == sorted(subjects[1:])
