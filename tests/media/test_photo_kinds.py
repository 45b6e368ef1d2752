"""Photos and clips are told apart by what they contain, and read as they are shown."""

import cv2
import numpy as np
import pillow_heif
import pytest
from picture_files import HDR, sample_pictures, write_pictures
from PIL import Image, ImageCms

from headroom.common.errors import InputError
from headroom.common.settings import LearnSettings
from headroom.media.photo import is_photo, read_photo
from headroom.media.video import probe, read_frames
from headroom.subject.photo import PhotoSource
from headroom.subject.source import open_source

TURNED = {1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
          5: lambda p: p.transpose(1, 0, 2), 6: lambda p: np.rot90(p), 7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
          8: lambda p: np.rot90(p, -1)}
"""EXIF orientation -> how an upright picture is stored."""


def picture() -> np.ndarray:
    """Return the sample's person (64, 96, 3)."""
    return sample_pictures(1)[0]


def save(path, kind=None, pictures=None, **options):
    """Write pictures as one file of a format."""
    images = [Image.fromarray(each) for each in pictures or [picture()]]
    more = {"save_all": True, "append_images": images[1:], "duration": 40} if len(images) > 1 else {}
    images[0].save(path, format=kind, **more, **options)
    return path


@pytest.mark.parametrize(("kind", "ending", "limit"), [
    ("JPEG", "jfif", 4), ("JPEG", "png", 4), ("PNG", "jpg", 0), ("HEIF", "heic", 6), ("HEIF", "HIF", 6),
    ("HEIF", "jpg", 6), ("AVIF", "avif", 8), ("AVIF", "heic", 8), ("WEBP", "webp", 6), ("GIF", "gif", 24),
    ("TIFF", "mp4", 0), ("BMP", "dat", 0), ("JPEG2000", "jp2", 2), ("JPEG", "mov", 4), ("JPEG", "noending", 4),
])
def test_a_photo_is_one_by_its_content(tmp_path, kind, ending, limit):
    options = {"quality": 95} if kind in ("JPEG", "HEIF", "AVIF", "WEBP") else {}
    path = save(tmp_path / f"photo.{ending}", kind, **options)
    assert is_photo(path)
    assert np.abs(read_photo(path).astype(int) - picture()).mean() <= limit / 2
    assert isinstance(open_source(path, LearnSettings()), PhotoSource)


def test_a_movie_of_one_frame_is_a_photo(tmp_path):
    path = write_pictures(tmp_path / "one.mkv", [picture()])
    assert is_photo(path) and np.abs(read_photo(path).astype(int) - picture()).max() <= 2


@pytest.mark.parametrize("ending", ["gif", "png", "avif", "jpg"])
def test_an_animated_picture_is_a_clip(tmp_path, ending):
    pictures = sample_pictures(6)
    path = save(tmp_path / f"moving.{ending}", "GIF" if ending == "jpg" else None, pictures)
    assert not is_photo(path)
    frames = list(read_frames(path))
    assert (len(frames), probe(path).fps) == (6, 25)
    assert all(np.abs(frame.astype(int) - each).mean() < 16 for frame, each in zip(frames, pictures, strict=True))


def test_an_animated_webp_is_refused_in_a_sentence(tmp_path):
    path = save(tmp_path / "moving.webp", None, sample_pictures(3))
    assert not is_photo(path)
    with pytest.raises(InputError, match="export it again as mp4"):
        probe(path)


def test_a_tiff_with_pages_and_a_stereo_photo_are_photos(tmp_path):
    pages = save(tmp_path / "pages.tif", "TIFF", sample_pictures(2))
    stereo = save(tmp_path / "stereo.jpg", "MPO", sample_pictures(2))
    assert is_photo(pages) and is_photo(stereo)
    assert np.abs(read_photo(stereo).astype(int) - picture()).mean() < 3


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize(("kind", "limit"), [("JPEG", 4), ("PNG", 0), ("WEBP", 4), ("TIFF", 0)])
def test_every_exif_orientation_is_turned_upright(tmp_path, kind, limit, orientation):
    image = Image.fromarray(np.ascontiguousarray(TURNED[orientation](picture())))
    exif = image.getexif()
    exif[0x0112] = orientation
    path = tmp_path / "photo"
    image.save(path, format=kind, exif=exif, **({"quality": 95} if limit else {}))
    photo = read_photo(path)
    assert photo.shape == picture().shape
    assert np.abs(photo.astype(int) - picture()).mean() <= limit


def test_an_embedded_profile_is_converted_to_srgb(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    own = profile.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    swapped = own.replace(b"rXYZ", b"____", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"____", b"gXYZ", 1)
    photo = read_photo(save(tmp_path / "swapped.png", icc_profile=swapped))
    assert np.abs(photo.astype(int) - picture()[..., [1, 0, 2]]).max() <= 2  # its red is green
    assert np.array_equal(read_photo(save(tmp_path / "srgb.png", icc_profile=profile)), picture())
    damaged = read_photo(save(tmp_path / "damaged.png", icc_profile=b"damaged profile"))
    assert np.array_equal(damaged, picture())


@pytest.mark.parametrize(("name", "transfer"), [("HLG", 18), ("PQ", 16)])
def test_an_hdr_photo_becomes_sdr(tmp_path, name, transfer):
    encode, _ = HDR[name]
    encoded = encode(picture())
    heif = pillow_heif.from_bytes("RGB;16", (encoded.shape[1], encoded.shape[0]), encoded.tobytes())
    heif.save(tmp_path / "photo.hif", quality=-1, chroma=444, matrix_coefficients=0, color_primaries=9,
              transfer_characteristics=transfer)
    photo = read_photo(tmp_path / "photo.hif")
    assert np.abs(photo.astype(int) - picture()).mean() < 2


def test_palettes_and_transparency_are_read(tmp_path):
    image = Image.fromarray(picture()).quantize(64)
    image.save(tmp_path / "palette.png", transparency=0)
    clear = np.asarray(image) == 0
    photo = read_photo(tmp_path / "palette.png")
    assert (photo[clear] == 128).all()
    assert np.abs(photo[~clear].astype(int) - picture()[~clear]).mean() < 8
    cv2.imwrite(str(tmp_path / "cmyk.png"), picture()[..., ::-1])
    Image.fromarray(picture()).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert np.abs(read_photo(tmp_path / "cmyk.jpg").astype(int) - picture()).mean() < 4


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_a_damaged_photo_is_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    for read in (read_photo, lambda each: open_source(each, LearnSettings())):
        with pytest.raises(InputError) as caught:
            read(path)
        assert "\n" not in str(caught.value)
