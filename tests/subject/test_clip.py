"""The part of a clip that a person is learned from, and the notes about it."""

from types import SimpleNamespace

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.common.settings import LearnSettings
from headroom.media.audio import SAMPLE_RATE, write_wav
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import VideoInfo, VideoWriter
from headroom.subject.clip import ClipSource, clip_range, motion_notes


def video(seconds, width=640, height=480):
    return VideoInfo(width, height, 25.0, round(seconds * 25), has_audio=True)


def test_a_clip_is_used_up_to_half_a_minute_unless_the_user_says_more():
    assert clip_range(video(12.0), None, None) == (0.0, 12.0, [])
    assert clip_range(video(45.0), 5.0, None) == (5.0, 35.0, ["Learned from 5.0 to 35.0 s of the clip's 45.0 s."])
    assert clip_range(video(45.0), None, 45.0) == (0.0, 45.0, [])


def test_a_part_that_does_not_fit_into_memory_is_shortened():
    start, end, notes = clip_range(video(60.0, 3840, 2160), None, 60.0)
    assert start == 0 and end == pytest.approx(2.2e9 / (3840 * 2160 * 25)) and len(notes) == 1


def test_a_part_that_is_too_short_is_refused():
    with pytest.raises(InputError, match=r"Only 1\.5 s of the clip"):
        clip_range(video(12.0), 3.0, 4.5)


@pytest.mark.parametrize("offset, words", [(0.12, ["120 ms later"]), (-0.08, ["80 ms earlier"]), (0.05, []), (0.0, [])])
def test_an_offset_of_the_sound_is_noted_if_it_can_be_seen(offset, words):
    notes = motion_notes(SimpleNamespace(audio_offset_seconds=offset, audio_offset_certain=True))
    assert len(notes) == len(words) and all(word in note for word, note in zip(words, notes))


def test_an_offset_that_is_not_certain_is_said():
    note, = motion_notes(SimpleNamespace(audio_offset_seconds=0.0, audio_offset_certain=False))
    assert "not certain" in note and "left it as it is" in note


def test_a_source_reads_frames_and_sound_of_the_same_part(tmp_path):
    write_wav(tmp_path / "voice.wav", np.linspace(0.1, 0.9, 4 * SAMPLE_RATE))
    sound = SoundtrackSource(tmp_path / "voice.wav")
    with VideoWriter(tmp_path / "clip.mp4", 25.0, 64, 48, sound=sound) as writer:
        writer.write_all(np.full((48, 64, 3), 40 + 2 * frame, np.uint8) for frame in range(100))
    source = ClipSource.open(tmp_path / "clip.mp4", LearnSettings(from_seconds=1.0, to_seconds=3.2))
    assert len(source.frames) == 55 and len(source.sound) == pytest.approx(2.2 * SAMPLE_RATE, abs=1)
    assert source.frames[0].mean() == pytest.approx(40 + 2 * 25, abs=2)
    assert (source.info.from_seconds, source.info.to_seconds, source.info.kind) == (1.0, 3.2, "video")
