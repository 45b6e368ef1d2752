"""A track: its file in every format, slices, and crop."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.face.camera import Camera, Crop
from headroom.face.head_depth import HeadDepth
from headroom.track.track import FORMAT, Track, face_crop

FIRST_FORMAT = Path(__file__).parents[1] / "formats" / "track_1.npz"
ARRAYS = ("identity", "texture", "light", "expression", "rotation", "translation", "confidence")


@pytest.fixture
def track():
    return Track.load(FIRST_FORMAT)


def test_a_track_of_the_first_format_has_the_same_values(track):
    assert track.fps == 25 and track.camera == Camera(900.5, 640, 480) and track.crop == Crop(-3, 40, 260)
    with np.load(FIRST_FORMAT) as stored:
        assert "track_format" not in stored
        for name in ARRAYS:
            assert np.array_equal(getattr(track, name), stored[name])


def test_a_written_track_has_the_format_number_and_round_trips(track, tmp_path):
    track.save(tmp_path / "track.npz")
    with np.load(tmp_path / "track.npz") as stored:
        assert stored["track_format"] == FORMAT
    again = Track.load(tmp_path / "track.npz")
    assert (again.fps, again.camera, again.crop) == (track.fps, track.camera, track.crop)
    assert all(np.array_equal(getattr(again, name), getattr(track, name)) for name in ARRAYS)


def test_the_depth_of_the_head_round_trips_and_goes_with_slices(track, tmp_path):
    assert track.head_depth is None
    depth = HeadDepth(np.arange(6, dtype=np.float32).reshape(2, 3), np.array([-8, 12], np.float32))
    replace(track, head_depth=depth).slice(0, 1).save(tmp_path / "track.npz")
    again = Track.load(tmp_path / "track.npz").head_depth
    assert np.array_equal(again.offset, depth.offset) and np.array_equal(again.origin, depth.origin)


def test_a_depth_without_its_place_is_refused(track, tmp_path):
    np.savez(tmp_path / "half.npz", **track.to_arrays(), head_depth=np.zeros((2, 3), np.float32))
    with pytest.raises(InputError, match="the head's depth lacks its values or its place"):
        Track.load(tmp_path / "half.npz")


def test_tracks_of_newer_formats_and_other_files_are_refused(track, tmp_path):
    np.savez(tmp_path / "newer.npz", **{**track.to_arrays(), "track_format": FORMAT + 1})
    with pytest.raises(InputError, match="newer version of Headroom"):
        Track.load(tmp_path / "newer.npz")
    (tmp_path / "other.npz").write_bytes(b"no track")
    with pytest.raises(InputError, match=r"other\.npz is not a track"):
        Track.load(tmp_path / "other.npz")


def test_a_slice_has_the_frames_and_ends_with_the_track(track):
    part = track.slice(1, 10)
    assert len(part) == 2 and part.camera == track.camera
    for name in ("expression", "rotation", "translation", "confidence"):
        assert np.array_equal(getattr(part, name), getattr(track, name)[1:])


def test_the_crop_contains_the_neutral_face_in_all_poses(person):
    crop = face_crop(person.model, person.camera, person.identity, person.rotation, person.translation)
    neutral = type(person)(person.model, person.camera, person.identity, np.zeros_like(person.expression),
                           person.rotation, person.translation)
    pixels = np.concatenate([person.camera.project(neutral.vertices(frame)) for frame in range(len(person.rotation))])
    assert ((pixels > [crop.x, crop.y]) & (pixels < [crop.x + crop.size, crop.y + crop.size])).all()
