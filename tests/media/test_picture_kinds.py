"""Movies of every display, colour, field and size are read as the picture that a player shows."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, Colorspace
from picture_files import HDR, HEIGHT, MATRICES, WIDTH, sample_pictures, set_display_matrix, shown, write_pictures

from headroom.media.changes import changes_note
from headroom.media.video import probe, read_frames


def assert_same(frames, pictures, limit=2.0):
    """Each frame is its picture; `limit` of 255 levels."""
    frames = list(frames)
    assert [frame.shape for frame in frames] == [picture.shape for picture in pictures]
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame.astype(int) - picture).max() <= limit


@pytest.mark.parametrize("name", MATRICES)
def test_a_display_matrix_turns_and_mirrors_as_players_do(tmp_path, name):
    pictures = sample_pictures(3)
    path = write_pictures(tmp_path / "turned.mp4", pictures, "libx264", "yuv444p", options={"qp": "0"})
    set_display_matrix(path, name)
    assert_same(read_frames(path), [shown(picture, name) for picture in pictures])
    height, width = shown(pictures[0], name).shape[:2]
    info = probe(path)
    assert (info.width, info.height) == (width, height)
    mirrored = name in ("mirrored", "upside down", "transposed", "transposed back")
    assert info.changes == (("its pictures were mirrored, as players show them",) if mirrored else ())


@pytest.mark.parametrize(("stored", "aspect", "shown_size"), [
    ((72, 57), Fraction(16, 15), (76, 57)), ((72, 48), Fraction(8, 9), (72, 54)), ((48, 64), Fraction(4, 3), (64, 64)),
    ((96, 64), Fraction(1, 1), (96, 64)), ((96, 64), Fraction(1281, 1280), (96, 64)),
    ((96, 64), Fraction(90, 1), (96, 64)),
])
def test_pixels_become_square(tmp_path, stored, aspect, shown_size):
    (picture,) = sample_pictures(1)
    stored_picture = cv2.resize(picture, stored, interpolation=cv2.INTER_AREA)
    path = write_pictures(tmp_path / "oblong.mkv", [stored_picture] * 3, "libx264", "yuv444p", options={"qp": "0"},
                          aspect=aspect)
    frame = next(read_frames(path))
    assert (frame.shape[1], frame.shape[0]) == (probe(path).width, probe(path).height) == shown_size
    if stored != shown_size:
        reference = cv2.resize(picture, shown_size, interpolation=cv2.INTER_AREA)
        assert np.abs(frame.astype(int) - reference).mean() < 2
        assert probe(path).changes == (
            f"its pixels are not square, so {stored[0]} x {stored[1]} became {shown_size[0]} x {shown_size[1]}",)


@pytest.mark.parametrize("name", HDR)
@pytest.mark.parametrize("pixel_format", ["yuv444p10le", "yuv444p12le", "gbrp10le"])
def test_hdr_and_wide_colours_become_those_of_sdr(tmp_path, name, pixel_format):
    pictures, (encode, transfer) = sample_pictures(2), HDR[name]
    tags = {"color_trc": transfer, "color_primaries": ColorPrimaries.BT2020,
            "colorspace": 0 if pixel_format.startswith("gbr") else Colorspace.BT2020}
    path = write_pictures(tmp_path / "hdr.mkv", [encode(picture) for picture in pictures], "ffv1", pixel_format,
                          matrix=Colorspace.BT2020, tags=tags)
    assert_same(read_frames(path), pictures, 3)
    kind = "wide-gamut" if name == "wide" else f"HDR ({name})"
    assert probe(path).changes == (f"its {kind} colours became those of SDR video (BT.709)",)


def test_light_above_white_is_white(tmp_path):
    bright = np.full((64, 96, 3), 60000, np.uint16)
    _, transfer = HDR["HLG"]
    path = write_pictures(tmp_path / "sun.mkv", [bright], "ffv1", "yuv444p10le", matrix=Colorspace.BT2020,
                          tags={"color_trc": transfer, "color_primaries": ColorPrimaries.BT2020,
                                "colorspace": Colorspace.BT2020})
    assert (next(read_frames(path)) == 255).all()


@pytest.mark.parametrize("matrix", [Colorspace.ITU709, Colorspace.ITU601, Colorspace.SMPTE240M])
@pytest.mark.parametrize("full_range", [False, True])
def test_every_matrix_and_range_gives_the_same_colours(tmp_path, matrix, full_range):
    pictures = sample_pictures(2)
    path = write_pictures(tmp_path / "tagged.mkv", pictures, "ffv1", "yuv444p", matrix=matrix, full_range=full_range,
                          tags={"colorspace": matrix})
    assert_same(read_frames(path), pictures)


def interlaced(pictures, top_first=True):
    """Return frames that weave each picture's lines with the next one's."""
    frames = []
    for first, second in zip(pictures[::2], pictures[1::2]):
        frame = first.copy()
        frame[1 if top_first else 0::2] = second[1 if top_first else 0::2]
        frames.append(frame)
    return frames


@pytest.mark.parametrize(("codec", "ending", "options", "top_first"), [
    ("libx264", "mp4", {"qp": "0", "flags": "+ildct"}, True),
    ("libx264", "mkv", {"qp": "0", "flags": "+ildct"}, False),
    ("mpeg2video", "mpg", {"flags": "+ildct+ilme", "qscale": "1"}, True),
])
def test_interlaced_video_has_no_combs(tmp_path, codec, ending, options, top_first):
    shifted = [np.roll(sample_pictures(1)[0], 2 * step, axis=1) for step in range(20)]  # 2 px per field
    path = write_pictures(tmp_path / f"fields.{ending}", interlaced(shifted, top_first), codec, "yuv420p",
                          options=options, top_first=top_first)
    frames = list(read_frames(path))
    assert probe(path).changes == ("its pictures were deinterlaced",)
    assert (len(frames), probe(path).frames) == (10, 10)
    for frame, picture in list(zip(frames, shifted[::2], strict=True))[2:-1]:
        difference = np.abs(frame.astype(int) - picture)[4:-4, 24:-24]
        assert difference.mean() < 3


def test_progressive_video_is_not_deinterlaced(tmp_path):
    fine = np.zeros((64, 96, 3), np.uint8)
    fine[::2] = 200
    path = write_pictures(tmp_path / "lines.mkv", [fine] * 4)
    assert_same(read_frames(path), [fine] * 4)


def joined(tmp_path, sizes, codec="mpeg2video", ending="mpg"):
    """Return a movie that changes its size, and the pictures in it."""
    data = b""
    for index, size in enumerate(sizes):
        part = tmp_path / f"{index}.{ending}"
        pictures = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in sample_pictures(6)]
        write_pictures(part, pictures, codec, "yuv420p", options={"qscale": "1", "g": "1"})
        data += part.read_bytes()
    path = tmp_path / f"joined.{ending}"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("codec", "ending"), [("mpeg2video", "m2v"), ("libx264", "h264")])
@pytest.mark.parametrize("second", [(48, 32), (192, 128)])
def test_a_size_that_changes_is_scaled_to_the_first(tmp_path, codec, ending, second):
    path = joined(tmp_path, [(WIDTH, HEIGHT), second], codec, ending)
    frames = list(read_frames(path))
    assert {frame.shape for frame in frames} == {(HEIGHT, WIDTH, 3)}
    assert np.abs(frames[-1].astype(int) - sample_pictures(6)[-1]).mean() < 4
    assert probe(path).changes == (f"its size changes, so all pictures were scaled to {WIDTH} x {HEIGHT}",)


def test_a_picture_that_turns_upright_on_the_way_keeps_its_shape(tmp_path):
    path = joined(tmp_path, [(96, 64), (64, 96)], "mpeg2video", "m2v")
    last = list(read_frames(path))[-1]
    assert last.shape == (64, 96, 3)
    inside = cv2.resize(cv2.resize(sample_pictures(6)[-1], (64, 96), interpolation=cv2.INTER_AREA), (43, 64))
    assert not last[:, :24].any() and not last[:, -24:].any()
    assert np.abs(last[:, 26:69].astype(int) - inside).mean() < 6


def test_damaged_packets_hold_the_picture_before(tmp_path):
    pictures = sample_pictures(8)
    path = write_pictures(tmp_path / "damaged.mkv", pictures, "libx264", "yuv444p", options={"qp": "0", "g": "1"})
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    start = data.index(packets[4])
    data[start:start + len(packets[4])] = b"\x00" * len(packets[4])
    path.write_bytes(data)
    frames = list(read_frames(path))
    assert_same(frames, [*pictures[:4], pictures[3], *pictures[5:]])


def test_all_changes_of_a_clip_are_one_note(tmp_path):
    path = write_pictures(tmp_path / "selfie.mp4", sample_pictures(3), "libx264", "yuv420p", aspect=Fraction(4, 3))
    set_display_matrix(path, "mirrored")
    assert changes_note(path.name, probe(path).changes) == [
        "selfie.mp4 was converted while it was read: its pictures were mirrored, as players show them; its pixels are "
        "not square, so 96 x 64 became 128 x 64."]


