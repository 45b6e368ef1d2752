"""Reading sound from any container, synchronised with the frames."""

from fractions import Fraction

import av
import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.media.audio import audio_on_disk, is_silent, read_audio, write_wav


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    """Return a sine wave (N,) of half of full scale."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def write_media(path, samples, rate, codec, channels=1, video_start=None, audio_start=0.0):
    """Write a file with sound, and with 1 s of video that starts at `video_start` if given."""
    with av.open(str(path), "w") as container:
        audio = container.add_stream(codec, rate=rate, layout="stereo" if channels == 2 else "mono")
        video = container.add_stream("mpeg4", rate=25) if video_start is not None else None
        if video is not None:
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
            for index in range(25):
                frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                frame.pts = index + round(video_start * 25)
                frame.time_base = Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode())
        size = 1024
        for first in range(0, len(samples), size):
            block = np.repeat(samples[None, first:first + size], channels, 0)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp",
                                               layout="stereo" if channels == 2 else "mono")
            frame.sample_rate, frame.pts = rate, first + round(audio_start * rate)
            container.mux(audio.encode(frame))
        container.mux(audio.encode())


def onset(samples: np.ndarray) -> float:
    """Return the time in seconds at which the sound starts."""
    return float(np.argmax(np.abs(samples) > 0.1) / 16000)


@pytest.mark.parametrize(("name", "rate", "channels", "codec"), [
    ("a.mp3", 44100, 2, "mp3"), ("a.m4a", 48000, 2, "aac"), ("a.mp4", 22050, 1, "aac"), ("a.mkv", 48000, 2, "flac"),
    ("a.mpg", 48000, 2, "mp2"),
])
def test_every_container_rate_and_channel_count_gives_the_same_tone(tmp_path, name, rate, channels, codec):
    write_media(tmp_path / name, tone(1.0, rate), rate, codec, channels)
    samples = read_audio(tmp_path / name)
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert abs(len(samples) / 16000 - 1.0) < 0.08
    middle = samples[4000:12000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert abs(np.argmax(spectrum) * 16000 / len(middle) - 440) < 3
    assert abs(np.abs(middle).max() - 0.5) < 0.05


def test_a_written_wav_reads_back_whole_and_in_part(tmp_path):
    samples = tone(1.0, 16000)
    write_wav(tmp_path / "a.wav", samples)
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), samples, atol=1e-4)
    quarter = read_audio(tmp_path / "a.wav", from_seconds=0.25, to_seconds=0.5)
    np.testing.assert_allclose(quarter, samples[4000:8000], atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_an_impulse_keeps_its_time_when_resampled(tmp_path, rate):
    samples = np.zeros(rate, np.float32)
    samples[rate // 2:rate // 2 + 4] = 0.9
    write_wav(tmp_path / "a.wav", samples, rate)
    assert abs(np.abs(read_audio(tmp_path / "a.wav")).argmax() - 8000) <= 4


@pytest.mark.parametrize(("video_start", "audio_start"), [(0.0, 0.4), (0.4, 0.0), (0.2, 0.2)])
def test_time_0_of_the_sound_is_the_first_video_frame(tmp_path, video_start, audio_start):
    rate = 48000
    samples = np.concatenate([np.zeros(rate // 2, np.float32), tone(0.5, rate)])
    write_media(tmp_path / "a.mkv", samples, rate, "flac", 1, video_start, audio_start)
    assert abs(onset(read_audio(tmp_path / "a.mkv")) - (0.5 + audio_start - video_start)) < 0.01


def test_unusable_files_are_refused_in_one_sentence(tmp_path):
    (tmp_path / "text.mp4").write_text("not a movie")
    write_wav(tmp_path / "empty.wav", np.zeros(0))
    with av.open(str(tmp_path / "mute.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    for name, words in [("text.mp4", "cannot|not a sound"), ("mute.mp4", "no sound"), ("empty.wav", "sound"),
                        ("absent.wav", "does not exist")]:
        with pytest.raises(InputError, match=words):
            read_audio(tmp_path / name)


def test_silence_is_detected():
    assert is_silent(np.zeros(16000, np.float32)) and is_silent(np.zeros(0))
    assert not is_silent(0.02 * tone(0.1, 16000))


@pytest.mark.parametrize("name,rate,codec,channels", [("a.wav", 16000, "pcm_s16le", 1), ("a.m4a", 44100, "aac", 2),
                                                      ("a.mkv", 48000, "pcm_f32le", 2)])
def test_sound_on_disk_equals_sound_in_memory(tmp_path, name, rate, codec, channels):
    write_media(tmp_path / name, tone(1.3, rate), rate, codec, channels)
    with audio_on_disk(tmp_path / name) as samples:
        np.testing.assert_array_equal(samples, read_audio(tmp_path / name))
        assert not is_silent(samples)


def test_a_missing_file_is_refused_before_anything_is_mapped(tmp_path):
    with pytest.raises(InputError, match="does not exist"), audio_on_disk(tmp_path / "nothing.wav"):
        pass


def test_a_short_sound_after_minutes_of_silence_is_detected():
    samples = np.zeros(16000 * 150, np.float32)
    assert is_silent(samples) and is_silent(samples[:0])
    samples[-400:] = 0.01
    assert not is_silent(samples)
