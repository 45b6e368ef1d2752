"""Words of a transcript, found in speech."""

from pathlib import Path

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.face.performance import Performance
from headroom.media.audio import read_audio
from headroom.motion.audio.pronunciation import ANY, pronunciations, words_of
from headroom.motion.audio.timing import ROW_SAMPLES, row_count
from headroom.motion.audio.word_alignment import align_words, word_notes

SPEECH = Path(__file__).resolve().parents[2] / "samples" / "speech.wav"
TRANSCRIPT = "Good morning! My name is Robin. Please lend me your voice, and I will speak for you."
STARTS = {"Good": .32, "morning!": .46, "name": 1.40, "Robin": 1.87, "Please": 2.40, "voice": 3.37, "and": 3.84,
          "speak": 4.28, "you": 4.81}
"""Seconds at which words begin, read from the waveform and spectrogram of the sample."""


@pytest.fixture(scope="module")
def samples():
    return read_audio(SPEECH)


@pytest.fixture(scope="module")
def spoken(samples):
    return align_words(samples, row_count(samples), TRANSCRIPT)


def test_words_lose_the_punctuation_around_them_and_keep_their_case():
    assert words_of("“Don’t,” she said -- 'twice'… at 9:30!") == ["Don't", "she", "said", "twice", "at", "9:30"]


def test_pronunciations_come_from_the_dictionary_or_from_the_letters():
    assert ("W", "ER", "D") in pronunciations("Word")
    assert len(pronunciations("the")) > 1
    assert pronunciations("Schmidtchen")[0][0] == "SH"
    assert pronunciations("Ünal")[0] == ("UW", "N", "AA", "L")
    assert pronunciations("Headroomy's")[0][-1] == "Z"
    assert pronunciations("well-known")[0] == (*pronunciations("well")[0], *pronunciations("known")[0])
    assert pronunciations("42")[0] == (*pronunciations("four")[0], *pronunciations("two")[0])
    assert pronunciations("слово")[0] == (ANY,) * 5


def test_words_are_found_where_they_are_spoken(spoken):
    starts = dict(zip(words_of(TRANSCRIPT), spoken.words.starts))
    for word, seconds in STARTS.items():
        assert starts[word.strip("!")] == pytest.approx(seconds, abs=0.06)
    assert list(spoken.words.labels) == words_of(TRANSCRIPT)
    assert (spoken.words.starts[1:] >= spoken.words.ends[:-1] - 1e-9).all()
    assert word_notes(spoken) == []


def test_the_phones_are_those_of_the_words_without_gaps(spoken, samples):
    phones, words = spoken.phones, spoken.words
    assert phones.starts[0] == 0 and (phones.starts[1:] == phones.ends[:-1]).all()
    assert phones.ends[-1] == row_count(samples) * ROW_SAMPLES / 16000
    inside = phones.starts[phones.labels != "SIL"]
    name = list(words.labels).index("name")
    of_name = (phones.starts >= words.starts[name] - 1e-9) & (phones.ends <= words.ends[name] + 1e-9)
    assert tuple(phones.labels[of_name]) == ("N", "EY", "M") and len(inside) > 40


def test_speech_that_the_transcript_lacks_is_left_out(samples):
    part = align_words(samples, row_count(samples), "My name is Robin. I will speak for you.").words
    starts = dict(zip(part.labels, part.starts))
    assert starts["My"] == pytest.approx(1.13, abs=0.06) and starts["speak"] == pytest.approx(4.28, abs=0.06)


def test_words_that_were_hardly_heard_are_named(samples):
    aligned = align_words(samples, row_count(samples), TRANSCRIPT.replace("Robin", "Wishlewush"))
    words = aligned.words
    after = list(words.labels).index("Please")
    assert words.starts[after] == pytest.approx(2.40, abs=0.06)
    assert word_notes(aligned) == ["Hardly heard: Wishlewush. Compare the transcript with the recording."]


def test_a_transcript_must_have_words_that_fit_into_the_speech(samples):
    with pytest.raises(InputError, match="The transcript has no words"):
        align_words(samples, row_count(samples), " … — ")
    with pytest.raises(InputError, match=r"has 400 words, too many for 5\.4 s"):
        align_words(samples, row_count(samples), "word " * 400)


def test_a_performance_keeps_its_words(spoken, tmp_path):
    motion = np.zeros((4, 64), np.float32)
    performance = Performance(25.0, motion, motion[:, :3], motion[:, :3], spoken.phones, words=spoken.words)
    performance.save(tmp_path / "p.npz")
    loaded = Performance.load(tmp_path / "p.npz")
    assert list(loaded.words.labels) == list(spoken.words.labels)
    assert loaded.words.starts == pytest.approx(spoken.words.starts)
    assert Performance(25.0, motion, motion[:, :3], motion[:, :3]).words is None
