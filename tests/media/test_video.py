"""Video in and out: exact frames, exact times, exact colours, no incomplete files."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.media.clock import rate_fraction
from headroom.media.credentials.provenance import Provenance
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import MovieOptions, VideoWriter, frame_span, probe, read_frames

LEVELS = np.arange(16, 240, 8)  # the grey of frame i is LEVELS[i % 28]


def grey_frames(count, width=64, height=48):
    """Return flat grey frames whose levels identify them even after compression."""
    return [np.full((height, width, 3), LEVELS[i % len(LEVELS)], np.uint8) for i in range(count)]


def numbers(frames):
    """Return which of `grey_frames` each frame is."""
    return [int(np.abs(LEVELS - frame.mean()).argmin()) for frame in frames]


def write_movie(path, fps, count=20, sound=None, options=None):
    """Write `count` grey frames."""
    with VideoWriter(path, fps, 64, 48, sound=sound, options=options) as movie:
        movie.write_all(grey_frames(count))
    return path


def write_variable(path, times_ms):
    """Write a movie whose frame i starts at times_ms[i]."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1000, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for picture, time_ms in zip(grey_frames(len(times_ms)), times_ms, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_wav(path, samples, rate=44100):
    """Write mono samples as 16-bit PCM."""
    import wave

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize("fps", [23.976, 24, 25, 29.97, 30, 50, 59.94, 60])
def test_every_frame_is_read_once_and_in_order(tmp_path, fps):
    path = write_movie(tmp_path / "movie.mp4", fps)
    info = probe(path)
    assert info.frames == 20
    assert info.fps == float(rate_fraction(fps))
    assert not info.variable_rate
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
    assert len(first) == len(frame_span(probe(path), 0, 0.3)) == round(0.3 * fps)


def test_another_rate_yields_the_latest_frame_that_has_started(tmp_path):
    path = write_movie(tmp_path / "movie.mp4", 25, count=10)
    assert numbers(read_frames(path, fps=50)) == [i // 2 for i in range(20)]
    assert numbers(read_frames(path, fps=12.5)) == [0, 2, 4, 6, 8]


def test_missing_pictures_are_held_and_leave_the_rate_as_it_is(tmp_path):
    times = [0, 40, 80, 120, 240, 280, 320, 440, 480, 520]  # ms: 10 of 14 frames at 25 frames per second
    path = write_variable(tmp_path / "missing.mp4", times)
    info = probe(path)
    assert (info.fps, info.frames, info.variable_rate) == (25, 14, False)
    assert info.changes == ("missing pictures were replaced by those before them, 4 in all",)
    assert numbers(read_frames(path)) == [0, 1, 2, 3, 3, 3, 4, 5, 6, 6, 6, 7, 8, 9]


@pytest.mark.parametrize("fps", [23.976, 25, 29.97, 59.94, 60])
def test_one_missing_picture_changes_no_rate(tmp_path, fps):
    times = [round(1000 * i / float(rate_fraction(fps))) for i in range(55) if i != 40]
    info = probe(write_variable(tmp_path / "one.mkv", times))
    assert (info.fps, info.frames, info.variable_rate) == (float(rate_fraction(fps)), 55, False)


def test_one_picture_at_a_wrong_time_changes_no_rate(tmp_path):
    times = [40 * i for i in range(60)]
    times[30] += 17
    path = write_variable(tmp_path / "late.mp4", times)
    assert (probe(path).fps, probe(path).frames, probe(path).variable_rate) == (25, 60, False)


def test_a_rate_that_varies_is_read_at_the_usual_rate_near_its_typical_one(tmp_path):
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.choice([33, 33, 33, 33, 49, 58], 60)).tolist()
    path = write_variable(tmp_path / "variable.mp4", times)
    info = probe(path)
    assert info.variable_rate and info.fps == 30
    assert info.frames == round(30 * (times[-1] - times[0] + 33) / 1000)
    assert info.changes == ("its frame rate varies, so it was read at 30 frames per second",)
    starts = np.array(times) - times[0]
    expected = [int(np.flatnonzero(starts <= 1000 * i / 30 + 0.1)[-1]) % len(LEVELS) for i in range(info.frames)]
    assert numbers(read_frames(path)) == expected


def test_timestamps_rounded_to_milliseconds_still_count_as_a_constant_rate(tmp_path):
    path = write_variable(tmp_path / "rounded.mkv", [round(i * 1001 / 30) for i in range(25)])
    assert probe(path).fps == pytest.approx(30000 / 1001)
    assert not probe(path).variable_rate
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


def test_odd_sizes_gain_one_repeated_row_and_column(tmp_path):
    picture = np.zeros((35, 51, 3), np.uint8)
    picture[:, -1] = 200
    with VideoWriter(tmp_path / "odd.mp4", 25, 51, 35, options=MovieOptions(crf=1)) as movie:
        movie.write_all([picture] * 5)
    info = probe(tmp_path / "odd.mp4")
    assert (info.width, info.height) == (52, 36)
    frame = next(read_frames(tmp_path / "odd.mp4"))
    assert abs(int(frame[20, 51, 0]) - 200) < 12


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


def test_flat_colours_survive_within_two_levels(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (224, 172, 105), (120, 80, 60),
               (30, 200, 180)]
    frames = [np.full((48, 64, 3), colour, np.uint8) for colour in colours]
    with VideoWriter(tmp_path / "colours.mp4", 25, 64, 48, options=MovieOptions(crf=8)) as movie:
        movie.write_all(frames)
    for frame, colour in zip(read_frames(tmp_path / "colours.mp4"), colours, strict=True):
        assert np.abs(frame.astype(int) - colour).max() <= 2, colour
    with av.open(str(tmp_path / "colours.mp4")) as file:
        context = file.streams.video[0].codec_context
        assert (context.colorspace, context.color_range, context.color_primaries, context.color_trc) == (1, 1, 1, 1)


@pytest.mark.parametrize("rate", [16000, 44100, 11025])
def test_a_click_keeps_its_time_when_muxed(tmp_path, rate):
    samples = np.zeros(3 * rate, np.float32)
    samples[round(1.5 * rate):round(1.5 * rate) + 20] = 0.9
    wav = write_wav(tmp_path / "click.wav", samples, rate)
    path = write_movie(tmp_path / "movie.mp4", 29.97, count=60, sound=SoundtrackSource(wav))
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        frames = [(frame.time, frame.to_ndarray()[0]) for frame in file.decode(stream)]
    samples = np.concatenate([values for _, values in frames])
    loudest = frames[0][0] + np.abs(samples).argmax() / stream.rate
    assert abs(loudest - 1.5) < 1024 / stream.rate
    assert abs(len(samples) / stream.rate - 60 * 1.001 / 30) < 2 * 1024 / stream.rate  # cut to the frames
    assert probe(path).has_audio
    assert numbers(read_frames(path))[:28] == list(range(28))


@pytest.mark.parametrize("from_seconds", [1.25, 0.0, -0.5])
def test_frame_0_can_lie_inside_the_sound_or_before_it(tmp_path, from_seconds):
    samples = np.zeros(3 * 16000, np.float32)
    samples[16000:16020] = 0.5
    samples[32000:32020] = 0.9
    wav = write_wav(tmp_path / "click.wav", samples, 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=70, sound=SoundtrackSource(wav, from_seconds))
    with av.open(str(path)) as file:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    assert abs(np.abs(samples).argmax() / 48000 - (2.0 - from_seconds)) < 1024 / 48000


@pytest.mark.parametrize(("from_seconds", "audible_range", "expected"), [
    (0.0, (0.4, 1.2), (0.4, 1.2)), (0.5, (0.0, 1.2), (0.0, 0.7)), (-0.2, (0.4, 9.0), (0.6, 2.0)),
    (0.0, (1.5, 1.0), None)])
def test_only_the_audible_range_of_a_sound_is_heard_at_its_time(tmp_path, from_seconds, audible_range, expected):
    wav = write_wav(tmp_path / "tone.wav", 0.5 * np.sin(np.arange(48000) * 0.1), 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=50, sound=SoundtrackSource(wav, from_seconds, audible_range))
    if expected is None:
        assert not probe(path).has_audio
        return
    with av.open(str(path)) as file:
        loud = np.flatnonzero(np.abs(np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])) > 0.1)
    assert (loud[[0, -1]] / 48000) == pytest.approx(expected, abs=1024 / 48000)


def test_a_movie_that_starts_after_the_end_of_the_sound_has_no_soundtrack(tmp_path):
    wav = write_wav(tmp_path / "short.wav", np.full(1600, 0.5), 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=5, sound=SoundtrackSource(wav, from_seconds=2.0))
    assert probe(path).frames == 5 and not probe(path).has_audio


def test_sound_shorter_than_the_movie_does_not_shorten_it(tmp_path):
    wav = write_wav(tmp_path / "short.wav", np.zeros(1600), 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=25, sound=SoundtrackSource(wav))
    assert probe(path).frames == 25


def test_a_clip_whose_video_starts_late_keeps_its_frames(tmp_path):
    sound = SoundtrackSource(write_wav(tmp_path / "s.wav", np.zeros(44100)))
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


def test_only_generated_movies_are_labelled_as_such(tmp_path):
    write_movie(tmp_path / "shot.mp4", 25, options=MovieOptions(title="A shot", provenance=Provenance("A shot", ())))
    write_movie(tmp_path / "plates.mp4", 25)
    with av.open(str(tmp_path / "shot.mp4")) as file:
        assert file.metadata["comment"].startswith("AI-generated: made with Headroom ")
        assert file.metadata["title"] == "A shot"
    with av.open(str(tmp_path / "plates.mp4")) as file:
        assert "comment" not in file.metadata


def test_a_movie_can_start_playing_before_it_is_loaded(tmp_path):
    data = write_movie(tmp_path / "movie.mp4", 25).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_paths_may_hold_spaces_and_any_script(tmp_path):
    folder = tmp_path / "my clips/Zoë 映像"
    path = write_movie(folder / "first take (1).mp4", 25)
    assert numbers(read_frames(path)) == list(range(20))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_no_file_and_keeps_the_older_movie(tmp_path, error):
    older = write_movie(tmp_path / "movie.mp4", 25, count=3)
    with pytest.raises(error), VideoWriter(older, 25, 64, 48) as movie:
        movie.write(grey_frames(1)[0])
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["movie.mp4"]
    assert probe(older).frames == 3


def test_unusable_sound_leaves_no_file(tmp_path):
    silent = write_movie(tmp_path / "silent.mp4", 25)
    writer = VideoWriter(tmp_path / "m.mp4", 25, 64, 48, sound=SoundtrackSource(silent))
    with pytest.raises(InputError, match="no sound"), writer:
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["silent.mp4"]


def test_a_frame_of_another_size_raises_value_error(tmp_path):
    with pytest.raises(ValueError), VideoWriter(tmp_path / "m.mp4", 25, 64, 48) as movie:
        movie.write(np.zeros((47, 64, 3), np.uint8))


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
    (lambda path: write_wav(path, np.zeros(16000), 16000), "no picture track"),
    (lambda path: path.mkdir() or path, "no file"),
])
def test_a_file_without_video_is_refused_in_one_sentence(tmp_path, make, words):
    path = make(Path(tmp_path / "clip.mp4"))
    for read in (probe, lambda path: list(read_frames(path))):
        with pytest.raises(InputError, match=words) as caught:
            read(path)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_a_movie_has_the_same_frames_whatever_the_number_of_cores(tmp_path):
    frames, cores = np.random.default_rng(0).integers(0, 255, (12, 144, 192, 3), np.uint8), os.sched_getaffinity(0)
    decoded = []
    try:
        for number, used in enumerate((cores, {min(cores)})):
            os.sched_setaffinity(0, used)
            with VideoWriter(tmp_path / f"{number}.mp4", 25, 192, 144) as movie:
                for frame in frames:
                    movie.write(frame)
            decoded.append(list(read_frames(tmp_path / f"{number}.mp4")))
    finally:
        os.sched_setaffinity(0, cores)
    np.testing.assert_array_equal(*decoded)
