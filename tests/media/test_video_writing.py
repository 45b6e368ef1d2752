"""Movies out: exact colours and sound, no incomplete files."""

import os

import av
import cv2
import numpy as np
import pytest
from grey_movies import grey_frames, numbers, write_movie, write_sound_file

from headroom.common.errors import InputError
from headroom.media.credentials.provenance import Provenance
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import MovieOptions, VideoWriter, probe, read_frames


def test_odd_sizes_gain_one_repeated_row_and_column(tmp_path):
    picture = np.zeros((35, 51, 3), np.uint8)
    picture[:, -1] = 200
    with VideoWriter(tmp_path / "odd.mp4", 25, 51, 35, options=MovieOptions(crf=1)) as movie:
        movie.write_all([picture] * 5)
    info = probe(tmp_path / "odd.mp4")
    assert (info.width, info.height) == (52, 36)
    frame = next(read_frames(tmp_path / "odd.mp4"))
    assert abs(int(frame[20, 51, 0]) - 200) < 12


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
    wav = write_sound_file(tmp_path / "click.wav", samples, rate)
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
    wav = write_sound_file(tmp_path / "click.wav", samples, 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=70, sound=SoundtrackSource(wav, from_seconds))
    with av.open(str(path)) as file:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    assert abs(np.abs(samples).argmax() / 48000 - (2.0 - from_seconds)) < 1024 / 48000


@pytest.mark.parametrize(("from_seconds", "audible_range", "expected"), [
    (0.0, (0.4, 1.2), (0.4, 1.2)), (0.5, (0.0, 1.2), (0.0, 0.7)), (-0.2, (0.4, 9.0), (0.6, 2.0)),
    (0.0, (1.5, 1.0), None)])
def test_only_the_audible_range_of_a_sound_is_heard_at_its_time(tmp_path, from_seconds, audible_range, expected):
    wav = write_sound_file(tmp_path / "tone.wav", 0.5 * np.sin(np.arange(48000) * 0.1), 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=50, sound=SoundtrackSource(wav, from_seconds, audible_range))
    if expected is None:
        assert not probe(path).has_audio
        return
    with av.open(str(path)) as file:
        loud = np.flatnonzero(np.abs(np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])) > 0.1)
    assert (loud[[0, -1]] / 48000) == pytest.approx(expected, abs=1024 / 48000)


def test_a_movie_that_starts_after_the_end_of_the_sound_has_no_soundtrack(tmp_path):
    wav = write_sound_file(tmp_path / "short.wav", np.full(1600, 0.5), 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=5, sound=SoundtrackSource(wav, from_seconds=2.0))
    assert probe(path).frames == 5 and not probe(path).has_audio


def test_sound_shorter_than_the_movie_does_not_shorten_it(tmp_path):
    wav = write_sound_file(tmp_path / "short.wav", np.zeros(1600), 16000)
    path = write_movie(tmp_path / "movie.mp4", 25, count=25, sound=SoundtrackSource(wav))
    assert probe(path).frames == 25


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


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_a_movie_has_the_same_frames_at_every_time_and_whatever_the_number_of_cores(tmp_path):
    noise, cores = np.random.default_rng(0).integers(0, 255, (180, 230, 3), np.uint8), os.sched_getaffinity(0)
    field = cv2.GaussianBlur(noise, (0, 0), 2)
    frames = [field[row:row + 144, row:row + 192] for row in range(24)]
    decoded = []
    try:
        for number in range(30):
            os.sched_setaffinity(0, (cores, {min(cores)})[number % 2])
            with VideoWriter(tmp_path / f"{number}.mp4", 25, 192, 144) as movie:
                movie.write_all(frames)
            decoded.append(np.array(list(read_frames(tmp_path / f"{number}.mp4"))))
    finally:
        os.sched_setaffinity(0, cores)
    assert all((each == decoded[0]).all() for each in decoded)
