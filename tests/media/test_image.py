"""Photos of every format are read as 8-bit RGB, upright."""

import cv2
import numpy as np
import pytest
from PIL import Image

from headroom.common.errors import InputError
from headroom.media.photo import is_photo, read_photo


def colours() -> np.ndarray:
    """Return (60, 80, 3) uint8 RGB: red on the left, blue on the right, darker downwards."""
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[:, :40, 0] = picture[:, 40:, 2] = np.linspace(250, 50, 60)[:, None]
    return picture


@pytest.mark.parametrize(
    ("suffix", "error"), [("png", 0), ("tif", 0), ("bmp", 0), ("webp", 40), ("jpg", 40), ("JPEG", 40)]
)
def test_photos_of_many_formats_are_read(tmp_path, suffix, error):
    path = tmp_path / f"photo.{suffix}"
    cv2.imwrite(str(path), colours()[..., ::-1])
    assert is_photo(path)
    assert np.abs(read_photo(path).astype(int) - colours())[:, :36].max() <= error


def test_a_photo_is_turned_upright_by_its_exif_orientation(tmp_path):
    sideways = Image.fromarray(np.rot90(colours()))
    exif = sideways.getexif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise
    sideways.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    assert np.abs(read_photo(tmp_path / "photo.jpg").astype(int) - colours())[:, :36].max() <= 40


def test_grey_and_16_bit_photos_become_8_bit_colour(tmp_path):
    grey = colours()[..., 0]
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    assert np.array_equal(read_photo(tmp_path / "grey.png"), np.repeat(grey[..., None], 3, axis=2))
    cv2.imwrite(str(tmp_path / "deep.png"), colours()[..., ::-1].astype(np.uint16) * 257)
    assert np.abs(read_photo(tmp_path / "deep.png").astype(int) - colours()).max() <= 1


@pytest.mark.parametrize("deep", [False, True])
def test_transparent_parts_become_grey(tmp_path, deep):
    picture = np.dstack([colours()[..., ::-1], np.zeros((60, 80), np.uint8)])
    picture[:, 20:, 3] = 255
    cv2.imwrite(str(tmp_path / "cut.png"), picture.astype(np.uint16) * 257 if deep else picture)
    photo = read_photo(tmp_path / "cut.png")
    assert (photo[:, :20] == 128).all() and np.abs(photo[:, 20:].astype(int) - colours()[:, 20:]).max() <= 1


def test_a_movie_is_not_a_photo_and_a_damaged_photo_is_refused(tmp_path):
    assert not is_photo(tmp_path / "clip.mp4")
    (tmp_path / "photo.png").write_bytes(b"nonsense")
    with pytest.raises(InputError):
        read_photo(tmp_path / "photo.png")
