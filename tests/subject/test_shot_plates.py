"""Finished frames over reprojected plates depend on their own render and mesh and on the two before them alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from rendered_plates import FRONTAL, LOOKING_LEFT, OPEN, SIZE, Scene, expression

from headroom.face.camera import Crop
from headroom.face.raster import Rasterizer
from headroom.media.image import write_picture
from headroom.plate.composite import crop_frame
from headroom.plate.match import PlateMatch
from headroom.plate.shot_renders import DrawnFrame, Render
from headroom.refine.generator import Generator, GeneratorConfig
from headroom.refine.refined_crops import CropCache
from headroom.refine.refiner import Refiner, RefinerIdentity
from headroom.refine.region import RegionConfig, erase, face_region
from headroom.subject.shot_refiner import ShotRefiner
from headroom.subject.track_plates import plates_of_track

RESOLUTION, FRAMES = 64, 7
POSES = np.radians([[0, 2 * number, 0] for number in range(FRAMES)]).astype(np.float32)
PLATE_TERM = GeneratorConfig(width=8, levels=4, style_hidden=8, identity_size=6, plate_term=True)


@pytest.fixture(scope="module")
def scene():
    """Three plates of a head that turns, with another mouth and gaze in each."""
    faces = [((0, 5 * number, 0), FRONTAL, expression({OPEN: 0.7 * number, LOOKING_LEFT: number - 1.0}))
             for number in range(3)]
    return Scene(faces, crop=Crop(40, 20, 180))


@pytest.fixture(scope="module")
def raster(scene):
    """A rasteriser that draws the head in one colour."""
    made = Rasterizer(scene.model, scene.camera, scene.crop, RESOLUTION)
    made.set_appearance(np.full((8, 8, 3), (190, 140, 120), np.uint8), scene.light)
    return made


@pytest.fixture(scope="module")
def drawn(scene, raster):
    """The frames of a shot of that head, speaking: render and vertices of each."""
    wanted = [scene.wanted(np.degrees(pose), modes={OPEN: 1.0 + np.sin(number)}) for number, pose in enumerate(POSES)]
    return [DrawnFrame(raster.render(face.vertices), face.vertices.astype(np.float32)) for face in wanted]


@pytest.fixture
def match():
    plates = np.array([0, 0, 1, 1, 2, 2, 2], np.int32)
    return PlateMatch(plates, POSES.copy(), np.tile(FRONTAL.astype(np.float32), (FRAMES, 1)),
                      np.zeros(FRAMES, np.float32), np.arange(FRAMES, dtype=float))


@pytest.fixture
def renders(drawn, tmp_path):
    """The shot as files."""
    files = [Render(tmp_path / f"{number:06d}.png", tmp_path / f"{number:06d}.npy") for number in range(FRAMES)]
    for file, frame in zip(files, drawn):
        write_picture(file.picture, frame.picture)
        np.save(file.mesh, frame.vertices)
    return files


def shot_refiner(scene, raster, config=PLATE_TERM):
    """Return a shot refiner of the scene with an untrained network."""
    torch.manual_seed(0)
    refiner = Refiner(Generator(config), RefinerIdentity(np.zeros(6, np.float32)), RegionConfig(), RESOLUTION, "cpu")
    plates = plates_of_track(scene.model, scene.track, scene.plates.layers, RESOLUTION)
    return ShotRefiner(refiner, scene.track, plates, raster, "a subject's digest")


@pytest.fixture
def shot(scene, raster):
    return shot_refiner(scene, raster)


def crops_of(shot, renders, match, folder, context=0):
    """Return the refined crops of a shot, with an empty cache."""
    return [crop for crop, _ in shot.refine_files(renders, match, CropCache(folder), context)]


def equal(crops, others):
    """Return for each frame whether its refined crops are the same."""
    return [all(np.array_equal(a, b) for a, b in zip(one, other)) for one, other in zip(crops, others, strict=True)]


def test_a_chunk_with_its_context_equals_the_same_frames_of_the_whole_shot(
        scene, raster, shot, renders, match, tmp_path):
    whole = crops_of(shot, renders, match, tmp_path / "whole")
    chunk = crops_of(shot_refiner(scene, raster), renders[2:6], match.part(2, 6), tmp_path / "chunk", context=2)
    assert all(equal(chunk, whole[4:6]))


@pytest.mark.parametrize("layer", ["frame", "face"])
def test_the_finished_frames_of_chunks_equal_those_of_the_whole_shot(
        scene, raster, shot, renders, match, tmp_path, layer):
    whole = list(shot.composites(renders, match, CropCache(tmp_path / "whole"), layer))
    others, cache, chunks = shot_refiner(scene, raster), CropCache(tmp_path / "chunks"), []
    for start, end, context in ((0, 3, 0), (1, 5, 2), (3, 7, 2)):
        chunks += others.composites(renders[start:end], match.part(start, end), cache, layer, context)
    assert all(np.array_equal(one, other) for one, other in zip(chunks, whole, strict=True))


def test_a_mesh_changes_its_own_frame_and_the_two_after_it(scene, shot, drawn, renders, match, tmp_path):
    before = crops_of(shot, renders, match, tmp_path / "before")
    other = scene.wanted(np.degrees(POSES[2]), modes={OPEN: 3.0}).vertices
    np.save(renders[2].mesh, other.astype(np.float32))
    assert equal(crops_of(shot, renders, match, tmp_path / "after"), before) == [
        True, True, False, False, False, True, True]


def test_frames_of_files_and_of_memory_are_finished_alike(shot, drawn, renders, match, tmp_path):
    of_files = list(shot.composites(renders, match, CropCache(tmp_path / "crops")))
    for number, (finished, frame) in enumerate(zip(shot.refine(drawn, match), of_files, strict=True)):
        assert finished.frame.shape == (SIZE, SIZE, 3)
        assert np.abs(finished.frame.astype(int) - frame).max() <= 1  # the cache has masks of 8 bits
        plate = shot.plate(match, number, drawn[number].vertices)
        assert np.array_equal(finished.plate, plate.picture)
        assert np.array_equal(frame[:20], plate.picture[:20]) and not np.array_equal(frame, plate.picture)


def test_the_plate_under_a_frame_is_reprojected_to_its_mesh(scene, shot, drawn, match):
    plate = shot.plate(match, 3, drawn[3].vertices)
    expected = scene.plates.reprojected(1, scene.wanted(np.degrees(POSES[3]), modes={OPEN: 1.0 + np.sin(3)}))
    assert np.abs(plate.picture.astype(int) - expected.picture).mean() < 2  # its maps are coarser
    assert plate.valid.shape == (RESOLUTION, RESOLUTION)
    warped = shot.plate(match, 3, None)
    assert warped.valid is None and not np.array_equal(warped.picture, plate.picture)


def test_frames_without_a_mesh_are_refined_over_the_erased_plate(shot, drawn, renders, match, tmp_path, monkeypatch):
    renders[3] = Render(renders[3].picture)
    seen = []
    generate = shot.refiner.generate
    monkeypatch.setattr(shot.refiner, "generate", lambda inputs: seen.extend(inputs) or generate(inputs))
    frames = list(shot.composites(renders, match, CropCache(tmp_path / "crops")))
    assert len(frames) == FRAMES
    warped = shot.plate(match, 3, None).picture
    erased, _ = face_region(drawn[3].picture[..., 3], shot.refiner.region)
    plate = erase(crop_frame(warped, shot.track.crop, RESOLUTION), erased)
    assert np.array_equal(seen[3].pixels[..., 11:], plate)
    assert (seen[3].pixels[..., 10][erased == 1] == 0).all()
    assert (seen[2].pixels[..., 10][erased == 1] > 200).mean() > 0.7
    assert np.array_equal(frames[3][:20], warped[:20])


def test_a_refiner_without_a_plate_term_needs_no_mesh_and_reprojects_nothing(scene, raster, renders, match, tmp_path):
    shot = shot_refiner(scene, raster, replace(PLATE_TERM, plate_term=False))
    frames = list(shot.composites(renders, match, CropCache(tmp_path / "with")))
    without = list(shot.composites([Render(each.picture) for each in renders], match, CropCache(tmp_path / "without")))
    assert all(np.array_equal(a, b) for a, b in zip(frames, without, strict=True))
    assert shot.plate(match, 1, np.zeros((3, 3), np.float32)).valid is None


def test_a_frame_that_comes_as_a_mesh_alone_is_drawn_and_refined_over_its_reprojected_plate(
        shot, renders, match, tmp_path):
    with_pictures = crops_of(shot, renders, match, tmp_path / "with")
    meshes = [Render(None, each.mesh) for each in renders]
    assert all(equal(crops_of(shot, meshes, match, tmp_path / "without"), with_pictures))


def test_a_comparison_shows_the_render_and_the_refined_crop_over_the_same_plate(shot, renders, match, tmp_path):
    crops = crops_of(shot, renders, match, tmp_path / "crops")
    made = shot.comparison(match, 4, renders[4], crops[4])
    size = shot.track.crop.size
    assert made.shape == (size, 2 * size, 3)
    assert np.array_equal(made[:10, :size], made[:10, size:]) and not np.array_equal(made[:, :size], made[:, size:])
