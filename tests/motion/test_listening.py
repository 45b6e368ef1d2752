"""A person who listens: eyes and head turn to the speaker, nods at the ends of phrases, and nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest

from headroom.common.other_speaker import OtherSpeaker
from headroom.face.performance import Performance
from headroom.media.audio import write_wav
from headroom.motion.audio.timing import FRAME_RATE
from headroom.motion.style.listening import Conversation, phrase_ends, speaking, with_listening

SECONDS = 12


def voice(*turns, seconds=SECONDS):
    """Noise in the given turns, in seconds, and silence elsewhere."""
    samples = np.zeros(seconds * 16000, np.float32)
    for first, last in turns:
        part = slice(int(first * 16000), int(last * 16000))
        samples[part] = 0.2 * np.random.default_rng(1).standard_normal(part.stop - part.start)
    return samples


def conversation(own, theirs, side="right"):
    return Conversation(speaking(voice(*own)), ((speaking(voice(*theirs)), side),))


@pytest.fixture
def style(learned):
    return replace(learned[0].style, gaze_modes=(60, 61), gaze=np.random.default_rng(2).uniform(-0.6, 0.6, (200, 2)))


@pytest.fixture
def still():
    frames = SECONDS * int(FRAME_RATE)
    translation = np.tile(np.array([0, 0, -600], np.float32), (frames, 1))
    return Performance(FRAME_RATE, np.zeros((frames, 64), np.float32), np.zeros((frames, 3), np.float32), translation)


@pytest.mark.parametrize(("side", "sign"), [("right", 1), ("left", -1)])
def test_the_listener_turns_to_the_speaker_and_back(style, still, side, sign):
    listened = with_listening(still, style, conversation([(6, 12)], [(1, 5)], side), seed=3)
    yaw, eyes = sign * listened.rotation[:, 1], sign * listened.expression[:, 60]
    assert yaw[60:110].mean() > 5 * abs(yaw[200:]).mean() and eyes[60:110].max() > 0.9
    assert np.abs(eyes[180:]).max() < 0.01
    assert np.degrees(np.abs(listened.rotation[:, 1])).max() < 6.5, "nobody turns away"
    unchanged = [mode for mode in range(64) if mode not in style.gaze_modes]
    assert np.array_equal(listened.expression[:, unchanged], still.expression[:, unchanged])


def test_nods_follow_the_ends_of_phrases_and_never_lie_in_the_own_speech(style, still):
    theirs = [(start, start + 1.2) for start in (0.5, 2.5, 4.5, 6.5)]
    pitches = np.stack([with_listening(still, style, conversation([(9, 12)], theirs), seed).rotation[:, 0]
                        for seed in range(12)])
    assert len(phrase_ends(speaking(voice(*theirs)))) == 4
    share = np.mean([(pitches[:, round(FRAME_RATE * (last + 0.1)):round(FRAME_RATE * (last + 1.2))] > 0.01).any(1)
                     for _, last in theirs])
    assert 0.5 < share < 0.95
    assert np.abs(pitches[:, round(9.2 * FRAME_RATE):]).max() < 0.004, "only the end of the turn"
    assert 1.0 < np.degrees(pitches.max()) < 4.5


def test_a_short_yes_turns_nobody(style, still):
    listened = with_listening(still, style, conversation([(6, 12)], [(2, 2.2)]), seed=0)
    assert np.abs(listened.rotation[:, 1]).max() < 1e-3


def test_a_conversation_lasts_as_long_as_its_longest_speech(tmp_path):
    write_wav(tmp_path / "other.wav", voice((1, 3), seconds=7))
    found = Conversation.of(voice((0, 1), seconds=4), [OtherSpeaker(tmp_path / "other.wav", "left")])
    (theirs, side), = found.others
    assert found.seconds == 7 and side == "left" and len(found.own) == len(theirs)
    assert theirs[40:70].all() and not theirs[100:].any() and not speaking(voice()).any()
