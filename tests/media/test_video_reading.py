"""Video in: exact frames at exact times, whatever the rate, the container and the codec."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from grey_movies import LEVELS, grey_frames, numbers, write_movie, write_sound_file, write_variable

from headroom.common.errors import InputError
from headroom.media.clock import rate_fraction
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import MovieOptions, VideoWriter, frame_span, probe, read_frames


@pytest.mark.parametrize("fps", [23.976, 24, 25, 29.97, 30, 50, 59.94, 60])
def test_every_frame_is_read_once_and_in_order(tmp_path, fps):
    path = write_movie(tmp_path / "movie.mp4", fps)
    info = probe(path)
    assert info.frames == 20
    assert info.fps == float(rate_fraction(fps))
    assert info.changes == ()
    assert numbers(read_frames(path)) == list(range(20))


def test_29_97_frames_per_second_are_30000_over_1001():
    assert rate_fraction(29.97) == Fraction(30000, 1001)
    assert rate_fraction(23.976) == Fraction(24000, 1001)
    assert rate_fraction(25.0) == 25
    assert rate_fraction(12.5) == Fraction(25, 2)


@pytest.mark.parametrize("fps", [25, 29.97])
def test_adjacent_time_ranges_share_no_frame_and_lose_none(tmp_path, fps):
    path = write_movie(tmp_path / "movie.mp4", fps)
    first, rest = numbers(read_frames(path, 0, 0.3)), numbers(read_frames(path, 0.3))
    assert first + rest == list(range(20))
    assert len(first) == len(frame_span(probe(path).seconds, fps, 0, 0.3)) == round(0.3 * fps)


def test_another_rate_yields_the_latest_frame_that_has_started(tmp_path):
    path = write_movie(tmp_path / "movie.mp4", 25, count=10)
    assert numbers(read_frames(path, fps=50)) == [i // 2 for i in range(20)]
    assert numbers(read_frames(path, fps=12.5)) == [0, 2, 4, 6, 8]


def test_missing_pictures_are_held_and_leave_the_rate_as_it_is(tmp_path):
    times = [0, 40, 80, 120, 240, 280, 320, 440, 480, 520]  # ms: 10 of 14 frames at 25 frames per second
    path = write_variable(tmp_path / "missing.mp4", times)
    info = probe(path)
    assert (info.fps, info.frames) == (25, 14)
    assert info.changes == ("missing pictures were replaced by those before them, 4 in all",)
    assert numbers(read_frames(path)) == [0, 1, 2, 3, 3, 3, 4, 5, 6, 6, 6, 7, 8, 9]


@pytest.mark.parametrize("fps", [23.976, 25, 29.97, 59.94, 60])
def test_one_missing_picture_changes_no_rate(tmp_path, fps):
    times = [round(1000 * i / float(rate_fraction(fps))) for i in range(55) if i != 40]
    info = probe(write_variable(tmp_path / "one.mkv", times))
    assert (info.fps, info.frames, info.held) == (float(rate_fraction(fps)), 55, 1)


def test_one_picture_at_a_wrong_time_changes_no_rate(tmp_path):
    times = [40 * i for i in range(60)]
    times[30] += 17
    path = write_variable(tmp_path / "late.mp4", times)
    assert (probe(path).fps, probe(path).frames, probe(path).changes) == (25, 60, ())


def test_a_rate_that_varies_is_read_at_the_usual_rate_near_its_typical_one(tmp_path):
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.choice([33, 33, 33, 33, 49, 58], 60)).tolist()
    path = write_variable(tmp_path / "variable.mp4", times)
    info = probe(path)
    assert info.fps == 30
    assert info.frames == round(30 * (times[-1] - times[0] + 33) / 1000)
    assert info.changes == ("its frame rate varies, so it was read at 30 frames per second",)
    starts = np.array(times) - times[0]
    expected = [int(np.flatnonzero(starts <= 1000 * i / 30 + 0.1)[-1]) % len(LEVELS) for i in range(info.frames)]
    assert numbers(read_frames(path)) == expected


def test_timestamps_rounded_to_milliseconds_still_count_as_a_constant_rate(tmp_path):
    path = write_variable(tmp_path / "rounded.mkv", [round(i * 1001 / 30) for i in range(25)])
    assert probe(path).fps == pytest.approx(30000 / 1001) and probe(path).changes == ()
    assert numbers(read_frames(path)) == list(range(25))


@pytest.mark.parametrize("container,codec", [("mov", "libx264"), ("mp4", "libx265"), ("mpg", "mpeg1video"),
                                             ("avi", "mpeg4")])
def test_other_containers_and_codecs_yield_the_same_frames(tmp_path, container, codec):
    path = tmp_path / f"movie.{container}"
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 48, "yuv420p", 2_000_000
        for picture in grey_frames(20):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    assert (probe(path).frames, probe(path).fps) == (20, 25)
    assert numbers(read_frames(path)) == list(range(20))


def test_a_clip_of_odd_size_is_read_at_its_size(tmp_path):
    path = tmp_path / "odd.avi"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 51, 35, "yuvj444p"
        for picture in grey_frames(5, 51, 35):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj444p")))
        file.mux(stream.encode(None))
    frames = list(read_frames(path))
    assert frames[0].shape == (35, 51, 3)
    assert abs(frames[3].mean() - LEVELS[3]) < 2  # full range, as its tags state


@pytest.mark.parametrize("counterclockwise,corner", [(-90, (0, -1)), (180, (-1, -1)), (90, (-1, 0))])
def test_rotation_metadata_turns_the_frames_upright(tmp_path, counterclockwise, corner):
    """A telephone held upright writes -90: the frame turns clockwise and its top left corner moves to the right."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :24] = (230, 40, 40)
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(counterclockwise)
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    frame = next(read_frames(path))
    assert frame.shape[:2] == (probe(path).height, probe(path).width) == ((48, 64) if corner == (-1, -1) else (64, 48))
    assert frame[corner][0] > 200
    assert sum(frame[y, x, 0] > 200 for y in (0, -1) for x in (0, -1)) == 1


def test_a_clip_whose_video_starts_late_keeps_its_frames(tmp_path):
    sound = SoundtrackSource(write_sound_file(tmp_path / "s.wav", np.zeros(44100)))
    source = write_movie(tmp_path / "movie.mp4", 25, sound=sound)
    late = tmp_path / "late.mp4"
    with av.open(str(source)) as read, av.open(str(late), "w") as write:
        streams = {stream.index: write.add_stream_from_template(stream) for stream in read.streams}
        for packet in read.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "video":
                delay = round(0.08 / packet.time_base)
                packet.pts, packet.dts = packet.pts + delay, packet.dts + delay
            packet.stream = streams[packet.stream.index]
            write.mux(packet)
    info = probe(late)
    assert (info.frames, info.fps) == (20, 25)
    assert numbers(read_frames(late)) == list(range(20))


def test_a_truncated_file_yields_its_complete_frames_or_one_sentence(tmp_path):
    noise = np.random.default_rng(0).integers(-15, 15, (48, 64, 3))
    with VideoWriter(tmp_path / "movie.mp4", 25, 64, 48, options=MovieOptions(crf=4)) as movie:
        movie.write_all(np.clip(frame + noise, 0, 255).astype(np.uint8) for frame in grey_frames(28))
    data = (tmp_path / "movie.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 3 // 4])
    assert numbers(read_frames(cut))[:5] == list(range(5))
    cut.write_bytes(data[:200])
    with pytest.raises(InputError):
        probe(cut)


@pytest.mark.parametrize("make,words", [
    (lambda path: path, "no file"),
    (lambda path: path.write_text("not a video") and path, "not a video"),
    (lambda path: path.write_bytes(bytes(5000)) and path, "not a video"),
    (lambda path: write_sound_file(path, np.zeros(16000), 16000), "no picture track"),
    (lambda path: path.mkdir() or path, "no file"),
])
def test_a_file_without_video_is_refused_in_one_sentence(tmp_path, make, words):
    path = make(Path(tmp_path / "clip.mp4"))
    for read in (probe, lambda path: list(read_frames(path))):
        with pytest.raises(InputError, match=words) as caught:
            read(path)
        assert "\n" not in str(caught.value)
