"""Video in and out: exact frames, exact times, true colours, nothing half-written."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.media.clock import rate_fraction
from headroom.media.video import VideoWriter, frame_span, probe, read_frames

LEVELS = np.arange(16, 240, 8)  # grey of frame i is LEVELS[i % 28]


def numbered(count, width=64, height=48):
    """Frames that can be told apart after compression: frame i is flat grey."""
    return [np.full((height, width, 3), LEVELS[i % len(LEVELS)], np.uint8) for i in range(count)]


def numbers(frames):
    return [int(np.abs(LEVELS - frame.mean()).argmin()) for frame in frames]


def write_movie(path, fps, count=20, **settings):
    with VideoWriter(path, fps, 64, 48, **settings) as movie:
        movie.write_all(numbered(count))
    return path


def write_variable(path, times_ms):
    """A movie whose frame i begins at times_ms[i]."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1000, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for picture, time_ms in zip(numbered(len(times_ms)), times_ms, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_wav(path, samples, rate=44100):
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("fps", [23.976, 24, 25, 29.97, 30, 50, 59.94, 60])
def test_every_frame_comes_back_once_and_in_order(tmp_path, fps):
    path = write_movie(tmp_path / "movie.mp4", fps)
    info = probe(path)
    assert info.frames == 20
    assert info.fps == float(rate_fraction(fps))
    assert not info.variable_rate
    assert numbers(read_frames(path)) == list(range(20))


def test_29_97_means_30000_over_1001():
    assert rate_fraction(29.97) == Fraction(30000, 1001)
    assert rate_fraction(23.976) == Fraction(24000, 1001)
    assert rate_fraction(25.0) == 25
    assert rate_fraction(12.5) == Fraction(25, 2)


@pytest.mark.parametrize("fps", [25, 29.97])
def test_neighbouring_spans_share_no_frame_and_lose_none(tmp_path, fps):
    path = write_movie(tmp_path / "movie.mp4", fps)
    first, rest = numbers(read_frames(path, 0, 0.3)), numbers(read_frames(path, 0.3))
    assert first + rest == list(range(20))
    assert len(first) == len(frame_span(probe(path), 0, 0.3)) == round(0.3 * fps)


def test_another_rate_shows_the_latest_picture_that_has_begun(tmp_path):
    path = write_movie(tmp_path / "movie.mp4", 25, count=10)
    assert numbers(read_frames(path, fps=50)) == [i // 2 for i in range(20)]
    assert numbers(read_frames(path, fps=12.5)) == [0, 2, 4, 6, 8]


def test_a_variable_rate_becomes_its_average_rate(tmp_path):
    times = [0, 40, 80, 120, 240, 280, 320, 440, 480, 520]  # ms: 10 pictures in about 560 ms
    path = write_variable(tmp_path / "variable.mp4", times)
    info = probe(path)
    assert info.variable_rate
    assert info.frames == 10
    assert info.fps == pytest.approx(10 / 0.56, rel=0.01)
    expected = [max(k for k, time in enumerate(times) if time <= 1000 * i / info.fps + 0.1) for i in range(10)]
    assert numbers(read_frames(path)) == expected


def test_milliseconds_rounded_by_the_container_are_still_a_constant_rate(tmp_path):
    path = write_variable(tmp_path / "rounded.mkv", [round(i * 1001 / 30) for i in range(25)])
    assert probe(path).fps == pytest.approx(30000 / 1001)
    assert not probe(path).variable_rate
    assert numbers(read_frames(path)) == list(range(25))


@pytest.mark.parametrize("container,codec", [("mov", "libx264"), ("mp4", "libx265"), ("mpg", "mpeg1video"),
                                             ("avi", "mpeg4")])
def test_other_containers_and_codecs(tmp_path, container, codec):
    path = tmp_path / f"movie.{container}"
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 48, "yuv420p", 2_000_000
        for picture in numbered(20):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    assert (probe(path).frames, probe(path).fps) == (20, 25)
    assert numbers(read_frames(path)) == list(range(20))


def test_odd_sizes_are_padded_to_even_and_keep_their_picture(tmp_path):
    picture = np.zeros((35, 51, 3), np.uint8)
    picture[:, -1] = 200
    with VideoWriter(tmp_path / "odd.mp4", 25, 51, 35, crf=1) as movie:
        movie.write_all([picture] * 5)
    info = probe(tmp_path / "odd.mp4")
    assert (info.width, info.height) == (52, 36)
    frame = next(read_frames(tmp_path / "odd.mp4"))
    assert abs(int(frame[20, 51, 0]) - 200) < 12


def test_an_odd_sized_clip_is_read_as_it_is(tmp_path):
    path = tmp_path / "odd.avi"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 51, 35, "yuvj444p"
        for picture in numbered(5, 51, 35):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj444p")))
        file.mux(stream.encode(None))
    frames = list(read_frames(path))
    assert frames[0].shape == (35, 51, 3)
    assert abs(frames[3].mean() - LEVELS[3]) < 2  # full range, as tagged


@pytest.mark.parametrize("counterclockwise,corner", [(-90, (0, -1)), (180, (-1, -1)), (90, (-1, 0))])
def test_rotation_metadata_is_honoured(tmp_path, counterclockwise, corner):
    """A telephone held upright writes -90: the picture is turned clockwise, its top left corner goes to the right."""
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


def test_flat_colours_survive_within_two_levels(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (224, 172, 105), (120, 80, 60),
               (30, 200, 180)]
    frames = [np.full((48, 64, 3), colour, np.uint8) for colour in colours]
    with VideoWriter(tmp_path / "colours.mp4", 25, 64, 48, crf=8) as movie:
        movie.write_all(frames)
    for frame, colour in zip(read_frames(tmp_path / "colours.mp4"), colours, strict=True):
        assert np.abs(frame.astype(int) - colour).max() <= 2, colour
    with av.open(str(tmp_path / "colours.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert (context.colorspace, context.color_range, context.color_primaries, context.color_trc) == (1, 1, 1, 1)


@pytest.mark.parametrize("rate", [16000, 44100, 11025])
def test_a_click_at_t_is_at_t_after_muxing(tmp_path, rate):
    samples = np.zeros(3 * rate, np.float32)
    samples[round(1.5 * rate):round(1.5 * rate) + 20] = 0.9
    wav = write_wav(tmp_path / "click.wav", samples, rate)
    path = write_movie(tmp_path / "movie.mp4", 29.97, count=60, audio=wav)
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        parts = [(frame.time, frame.to_ndarray()[0]) for frame in file.decode(stream)]
    heard = np.concatenate([part for _, part in parts])
    loudest = parts[0][0] + np.abs(heard).argmax() / stream.rate
    assert abs(loudest - 1.5) < 1024 / stream.rate
    assert abs(len(heard) / stream.rate - 60 * 1.001 / 30) < 2 * 1024 / stream.rate  # cut to the picture
    assert probe(path).has_audio
    assert numbers(read_frames(path))[:28] == list(range(28))


@pytest.mark.parametrize("from_seconds", [1.25, 0.0, -0.5])
def test_the_picture_can_begin_in_the_middle_of_the_sound_or_before_it(tmp_path, from_seconds):
    samples = np.zeros(3 * 16000, np.float32)
    samples[16000:16020] = 0.5
    samples[32000:32020] = 0.9
    wav = write_wav(tmp_path / "click.wav", samples, 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=70, audio=wav, audio_from_seconds=from_seconds)
    with av.open(str(path)) as file:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    assert abs(np.abs(heard).argmax() / 48000 - (2.0 - from_seconds)) < 1024 / 48000


@pytest.mark.parametrize(("from_seconds", "part", "heard"), [
    (0.0, (0.4, 1.2), (0.4, 1.2)), (0.5, (0.0, 1.2), (0.0, 0.7)), (-0.2, (0.4, 9.0), (0.6, 2.0)),
    (0.0, (1.5, 1.0), None)])
def test_only_the_chosen_part_of_a_sound_is_heard_where_it_belongs(tmp_path, from_seconds, part, heard):
    wav = write_wav(tmp_path / "tone.wav", 0.5 * np.sin(np.arange(48000) * 0.1), 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=50, audio=wav, audio_from_seconds=from_seconds,
                       audio_part=part)
    if heard is None:
        assert not probe(path).has_audio
        return
    with av.open(str(path)) as file:
        loud = np.flatnonzero(np.abs(np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])) > 0.1)
    assert (loud[[0, -1]] / 48000) == pytest.approx(heard, abs=1024 / 48000)


def test_a_picture_that_begins_after_the_sound_has_ended_is_silent(tmp_path):
    wav = write_wav(tmp_path / "short.wav", np.full(1600, 0.5), 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=5, audio=wav, audio_from_seconds=2.0)
    assert probe(path).frames == 5 and not probe(path).has_audio


def test_sound_shorter_than_the_picture_ends_early_and_the_picture_stays(tmp_path):
    wav = write_wav(tmp_path / "short.wav", np.zeros(1600), 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=25, audio=wav)
    assert probe(path).frames == 25


def test_a_clip_whose_picture_starts_late_keeps_its_frames(tmp_path):
    source = write_movie(tmp_path / "movie.mp4", 25, audio=write_wav(tmp_path / "s.wav", np.zeros(44100)))
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


def test_generated_movies_say_so_and_plates_do_not(tmp_path):
    write_movie(tmp_path / "shot.mp4", 25, generated=True, title="A shot")
    write_movie(tmp_path / "plates.mp4", 25)
    with av.open(str(tmp_path / "shot.mp4")) as file:
        assert file.metadata["comment"].startswith("AI-generated: made with Headroom ")
        assert file.metadata["title"] == "A shot"
    with av.open(str(tmp_path / "plates.mp4")) as file:
        assert "comment" not in file.metadata


def test_the_movie_can_start_playing_before_it_is_loaded(tmp_path):
    data = write_movie(tmp_path / "movie.mp4", 25).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_paths_may_hold_spaces_and_any_script(tmp_path):
    folder = tmp_path / "my clips/Zoë 映像"
    path = write_movie(folder / "first take (1).mp4", 25)
    assert numbers(read_frames(path)) == list(range(20))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_nothing_and_keeps_the_older_movie(tmp_path, error):
    older = write_movie(tmp_path / "movie.mp4", 25, count=3)
    with pytest.raises(error), VideoWriter(older, 25, 64, 48) as movie:
        movie.write(numbered(1)[0])
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["movie.mp4"]
    assert probe(older).frames == 3


def test_bad_sound_leaves_nothing(tmp_path):
    silent = write_movie(tmp_path / "silent.mp4", 25)
    with pytest.raises(InputError, match="no sound"), VideoWriter(tmp_path / "m.mp4", 25, 64, 48, audio=silent):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["silent.mp4"]


def test_a_frame_of_another_size_is_a_programming_mistake(tmp_path):
    with pytest.raises(ValueError), VideoWriter(tmp_path / "m.mp4", 25, 64, 48) as movie:
        movie.write(np.zeros((47, 64, 3), np.uint8))


def test_a_file_cut_short_gives_one_sentence_or_its_whole_frames(tmp_path):
    noise = np.random.default_rng(0).integers(-15, 15, (48, 64, 3))
    with VideoWriter(tmp_path / "movie.mp4", 25, 64, 48, crf=4) as movie:
        movie.write_all(np.clip(frame + noise, 0, 255).astype(np.uint8) for frame in numbered(28))
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
    (lambda path: write_wav(path, np.zeros(16000), 16000), "no picture track"),
    (lambda path: path.mkdir() or path, "no file"),
])
def test_what_is_no_video_is_said_in_one_sentence(tmp_path, make, words):
    path = make(Path(tmp_path / "clip.mp4"))
    for read in (probe, lambda path: list(read_frames(path))):
        with pytest.raises(InputError, match=words) as caught:
            read(path)
        assert "\n" not in str(caught.value)
