"""Sound of every layout, format and state is heard as the voice that was recorded."""

import av
import numpy as np
import pytest
from sound_files import level_db, likeness, panned, speech, write_sound

from headroom.common.errors import InputError
from headroom.media.audio import audio_on_disk, read_audio
from headroom.media.changes import changes_note
from headroom.media.sound_plan import sound_plan
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import VideoWriter


def changes(path) -> str:
    """Return what reading a file changes."""
    return "; ".join(sound_plan(path).changes)


def assert_is_voice(samples, voice):
    """The samples are the voice: same level, same waveform, same length."""
    assert abs(len(samples) - len(voice)) <= 2
    assert abs(level_db(samples, voice)) < 0.1
    assert abs(likeness(samples, voice)) > 0.99  # the polarity of a voice is not heard


@pytest.mark.parametrize(("layout", "codec", "count"), [
    ("7.1", "pcm_s24le", 8), ("octagonal", "pcm_s16le", 8), ("7.1.4", "pcm_s16le", 12), ("9 channels", "pcm_s16le", 9),
    ("16 channels", "pcm_f32le", 16), ("hexadecagonal", "pcm_s16le", 16), ("7.1", "flac", 8),
    ("7.1", "pcm_s24be", 8),  # which caf stores in an order of its own
])
def test_eight_channels_and_more_are_read(tmp_path, layout, codec, count):
    voice = speech()
    ending = {"flac": "flac", "pcm_s24be": "caf"}.get(codec, "wav")
    path = tmp_path / f"many.{ending}"
    write_sound(path, panned(voice, [1.0] * count), codec=codec, layout=layout)
    assert_is_voice(read_audio(path), voice)


@pytest.mark.parametrize(("layout", "gains"), [
    ("7.1", [0, 0, 1, 0, 0, 0, 0, 0]), ("5.1", [0, 0, 1, 0, 0, 0]), ("5.1", [1, 1, 0, 0, 0, 0]),
    ("5.1", [1, 1, 1, 0.3, 1, 1]), ("stereo", [0, 1]), ("stereo", [1, 0]), ("3.0", [0, 1, 0]), ("mono", [1]),
    ("stereo", [1, 1]), ("quad", [0, 0, 0, 1]),
])
def test_a_voice_on_some_of_the_channels_keeps_its_level(tmp_path, layout, gains):
    voice = speech()
    path = write_sound(tmp_path / "some.wav", panned(voice, gains), layout=layout)
    assert_is_voice(read_audio(path), voice)


def test_the_dialogue_of_surround_sound_is_not_mixed_with_its_music(tmp_path):
    voice, rng = speech(), np.random.default_rng(0)
    music = 0.5 * voice.std() * rng.standard_normal((len(voice), 6)).astype(np.float32)
    channels = music + panned(voice, [0, 0, 1, 0, 0, 0])
    channels[:, 2] = voice
    path = write_sound(tmp_path / "film.wav", channels, layout="5.1")
    assert_is_voice(read_audio(path), voice)
    assert changes(path) == "its sound is the front centre of 6 channels"


@pytest.mark.parametrize("second", [-1.0, -0.98, -0.7])
def test_a_microphone_with_opposite_polarity_on_two_channels_is_heard(tmp_path, second):
    voice = speech()
    path = write_sound(tmp_path / "balanced.wav", panned(voice, [1, second]), layout="stereo")
    samples = read_audio(path)
    assert abs(likeness(samples, voice)) > 0.999
    assert abs(level_db(samples, voice) - 20 * np.log10((1 - second) / 2)) < 0.1
    assert changes(path) == "sound channels of opposite polarity were inverted"


def test_two_people_on_two_channels_are_both_heard(tmp_path):
    first, second = speech(), speech()[::-1]
    path = write_sound(tmp_path / "interview.wav", np.stack([first, second], 1), layout="stereo")
    np.testing.assert_allclose(read_audio(path), (first + second) / 2, atol=1e-4)
    assert changes(path) == ""


@pytest.mark.parametrize(("codec", "ending", "parts"), [
    ("mp3", "mp3", [(22050, 1), (22050, 2)]), ("ac3", "ac3", [(48000, 2), (48000, 6)]),
    ("mp3", "mp3", [(48000, 2), (22050, 1)]), ("mp2", "mp2", [(48000, 1), (44100, 2)]),
    ("aac", "aac", [(44100, 1), (48000, 2)]),
])
def test_channels_and_rate_may_change_on_the_way(tmp_path, codec, ending, parts):
    layouts = {1: "mono", 2: "stereo", 6: "5.1"}
    data = b""
    for number, (rate, channels) in enumerate(parts):
        part = tmp_path / f"{number}.{ending}"
        gains = [1.0, 1, 1, 0, 1, 1][:channels]
        data += write_sound(part, panned(speech(1.0, rate), gains), rate=rate, codec=codec,
                            layout=layouts[channels]).read_bytes()
    path = tmp_path / f"joined.{ending}"
    path.write_bytes(data)
    samples, voice = read_audio(path), speech()
    assert abs(len(samples) / 16000 - 2.0) < 0.25
    for part in (samples[:16000], samples[-16000:]):
        lags = np.correlate(np.pad(part, 3000), voice, "valid")
        matching = part[max(lags.argmax() - 3000, 0):][:12000]
        shift = max(3000 - lags.argmax(), 0)
        assert likeness(matching, voice[shift:shift + len(matching)]) > 0.95
        assert abs(level_db(matching, voice[shift:shift + len(matching)])) < 0.8  # lossy


def test_values_that_are_no_numbers_are_silent(tmp_path):
    voice = speech()
    broken = voice.copy()
    broken[4000:4100], broken[8000], broken[8001], broken[9000] = np.nan, np.inf, -np.inf, 1e30
    path = write_sound(tmp_path / "broken.wav", broken[:, None], codec="pcm_f32le")
    expected = voice.copy()
    expected[4000:4100] = expected[8000:8002] = expected[9000] = 0
    np.testing.assert_array_equal(read_audio(path), expected)
    assert np.isfinite(read_audio(path, 48000)).all()
    assert changes(path) == "sound samples that are not numbers were replaced by silence"


def damage(path, every: int) -> None:
    """Write a copy of an mkv in which some packets hold nonsense."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    for packet in packets[5::every]:
        start = data.find(bytes(packet))
        data[start:start + packet.size] = b"\x55" * packet.size
    path.write_bytes(data)


def test_damaged_packets_leave_the_rest_at_its_time(tmp_path):
    voice = speech(4.0, 48000)
    path = write_sound(tmp_path / "damaged.mkv", voice[:, None], rate=48000, codec="flac")
    damage(path, every=4)
    samples, whole = read_audio(path), speech(4.0)
    assert "damaged parts of its sound were left out" in changes(path)
    heard = np.abs(samples) > 0
    assert 0.5 < heard.mean() < 0.9
    for second in range(3):  # sound that moves up into the holes would be late by more in every second
        part = slice(16000 * second, 16000 * second + 16000)
        assert likeness(samples[part][heard[part]], whole[part][heard[part]]) > 0.99


def test_the_first_track_with_sound_is_read_and_any_can_be_chosen(tmp_path):
    voice, other = speech(), speech()[::-1].copy()
    path = write_sound(tmp_path / "tracks.mkv", 0 * voice[:, None], voice[:, None], other[:, None])
    np.testing.assert_allclose(read_audio(path), voice, atol=1e-4)
    np.testing.assert_allclose(read_audio(path, track=3), other, atol=1e-4)
    assert not read_audio(path, track=1).any()
    assert changes(path) == "its sound is audio track 2 of 3, because those before are silent"
    assert sound_plan(path, 3).changes == ()
    with audio_on_disk(path, track=3) as samples:
        np.testing.assert_allclose(samples, other, atol=1e-4)
    with pytest.raises(InputError, match="3 audio tracks and no track 4"):
        read_audio(path, track=4)


def test_a_track_of_faint_hum_is_passed_over_for_the_voice(tmp_path):
    voice = speech()
    hum = 2e-4 * np.sin(2 * np.pi * 50 * np.arange(len(voice)) / 16000)
    path = write_sound(tmp_path / "hum.mkv", hum[:, None].astype(np.float32), voice[:, None], codec="pcm_f32le")
    np.testing.assert_allclose(read_audio(path), voice, atol=1e-4)


def test_a_quiet_recording_alone_is_read_as_it_is(tmp_path):
    voice = speech()
    path = write_sound(tmp_path / "quiet.wav", 1e-3 * voice[:, None], codec="pcm_f32le")
    np.testing.assert_allclose(read_audio(path), 1e-3 * voice, atol=1e-6)
    assert changes(path) == ""


def test_changes_are_told_in_one_note_and_an_unchanged_file_has_none(tmp_path):
    silence = np.zeros((8000, 2), np.float32)
    path = write_sound(tmp_path / "both.mkv", silence, panned(speech(), [1, -1]), layout="stereo")
    assert changes_note(path.name, sound_plan(path).changes) == [
        "both.mkv was converted while it was read: its sound is audio track 2 of 2, because those before are silent; "
        "sound channels of opposite polarity were inverted."]
    plain = write_sound(tmp_path / "plain.wav", speech()[:, None])
    assert changes_note(plain.name, sound_plan(plain).changes) == []


def test_a_file_that_was_replaced_is_judged_anew(tmp_path):
    path = write_sound(tmp_path / "a.wav", panned(speech(), [1, -1]), layout="stereo")
    assert changes(path)
    write_sound(path, speech(0.9)[:, None])
    assert not changes(path)


@pytest.mark.parametrize(("layout", "gains", "heard"), [
    ("mono", [1], [1]), ("stereo", [1, 0.5], [1, 0.5]), ("stereo", [1, -1], [1, -1]), ("5.1", [0, 0, 1, 0, 0, 0], [1]),
])
def test_a_movie_keeps_the_channels_and_the_level_of_its_sound(tmp_path, layout, gains, heard):
    voice = speech(1.0, 48000)
    path = write_sound(tmp_path / "voice.wav", panned(voice, gains), rate=48000, layout=layout)
    movie = tmp_path / "movie.mp4"
    with VideoWriter(movie, 25, 64, 48, sound=SoundtrackSource(path)) as writer:
        writer.write_all([np.zeros((48, 64, 3), np.uint8)] * 25)
    with av.open(str(movie)) as container:
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert len(samples) == len(heard)
    for channel, gain in zip(samples, heard, strict=True):
        assert abs(level_db(channel, gain * voice)) < 0.5
        best = np.correlate(channel[:40000], gain * voice[4000:20000], "valid").argmax()
        assert likeness(channel[best:best + 16000], gain * voice[4000:20000]) > 0.98
