"""Frames of parts of a movie are the same bytes after they were stored."""

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.media.lossless import LosslessWriter, joined_frames, read_lossless


def write(path, channels, count):
    rng = np.random.default_rng(count)
    frames = [rng.integers(0, 256, (37, 50, channels), dtype=np.uint8) for _ in range(count)]
    with LosslessWriter(path) as writer:
        writer.write_all(frames)
    return frames


@pytest.mark.parametrize("channels", [3, 4])
def test_frames_come_back_as_they_were_written_with_and_without_alpha(tmp_path, channels):
    frames = write(tmp_path / "chunk", channels, 4)
    assert all(np.array_equal(a, b) for a, b in zip(read_lossless(tmp_path / "chunk"), frames, strict=True))


def test_parts_are_joined_in_their_order_and_a_missing_frame_is_told(tmp_path):
    parts = [tmp_path / "1", tmp_path / "2"]
    frames = write(parts[0], 3, 3) + write(parts[1], 3, 2)
    assert all(np.array_equal(a, b) for a, b in zip(joined_frames(parts, 5), frames, strict=True))
    with pytest.raises(InputError, match="The chunks have 5 of 6 frames"):
        list(joined_frames(parts, 6))


def test_an_interrupted_part_leaves_no_file_and_a_damaged_one_is_refused(tmp_path):
    with pytest.raises(ZeroDivisionError), LosslessWriter(tmp_path / "chunk") as writer:
        writer.write(np.zeros((8, 8, 3), np.uint8))
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "chunk").write_bytes(b"no video")
    with pytest.raises(InputError, match="The chunk chunk is damaged"):
        list(read_lossless(tmp_path / "chunk"))
