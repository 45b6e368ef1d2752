"""A subject's plates on disk: random access, and resources that are released."""

import tempfile

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.media.video import MovieOptions, VideoWriter
from headroom.plate.plates import Plates

LEVELS = (40, 120, 200)


@pytest.fixture
def movie(tmp_path):
    """Write three flat frames of odd size."""
    with VideoWriter(tmp_path / "plates.mp4", 25, 51, 35, options=MovieOptions(crf=4)) as writer:
        writer.write_all(np.full((35, 51, 3), level, np.uint8) for level in LEVELS)
    return tmp_path / "plates.mp4"


def test_plates_are_the_frames_of_the_movie_at_the_clips_size_in_any_order(movie):
    with Plates(movie, 51, 35) as plates:
        assert len(plates) == 3
        for number in (2, 0, 1, -1):
            assert plates[number].shape == (35, 51, 3) and abs(plates[number].mean() - LEVELS[number]) < 3
        with pytest.raises(IndexError):
            plates[3]


def test_closed_plates_release_their_file(movie):
    plates = Plates(movie, 51, 35)
    plates.close()
    with pytest.raises(ValueError, match="closed file"):
        plates[0]


def test_a_movie_that_cannot_be_read_leaves_no_open_file(tmp_path, monkeypatch):
    files, create = [], tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: files.append(create()) or files[-1])
    with pytest.raises(InputError):
        Plates(tmp_path / "missing.mp4", 51, 35)
    assert [file.closed for file in files] == [True]
