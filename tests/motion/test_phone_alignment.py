"""Phones with start and end, from phone posteriors."""

from pathlib import Path

import numpy as np
import pytest

from headroom.media.audio import read_audio
from headroom.motion.audio.phone_alignment import MIN_ROWS, SWITCH_COST, PhoneDecoder, align_phones
from headroom.motion.audio.phones import NOISES, SYMBOLS
from headroom.motion.predict import predict

SPEECH = Path(__file__).resolve().parents[2] / "samples" / "speech.wav"
RATE = 16000


def random_posteriors(rows, seed, sharpness=3.0):
    """Posteriors (rows, 42) that change slowly, so that phones last."""
    values = np.random.default_rng(seed).standard_normal((rows + 4, len(SYMBOLS)))
    values = sharpness * np.stack([values[i:i + rows] for i in range(5)]).mean(0)
    return (np.exp(values) / np.exp(values).sum(1, keepdims=True)).astype(np.float32)


def decoded(posteriors, piece=10_000):
    decoder = PhoneDecoder()
    for first in range(0, len(posteriors), piece):
        part = posteriors[first:first + piece]
        decoder.add(part, np.full(len(part), -30.0))
    return decoder.track()


def folded(posteriors):
    """Symbols, and posteriors (T, 40) with noise counted as silence."""
    symbols = [symbol for symbol in SYMBOLS if symbol not in NOISES]
    values = posteriors[:, [SYMBOLS.index(symbol) for symbol in symbols]].astype(float)
    values[:, symbols.index("SIL")] += posteriors[:, [SYMBOLS.index(symbol) for symbol in NOISES]].sum(1)
    return symbols, values


def viterbi_by_hand(values):
    """The best path (T,) of log values (T, P) over states (phone, rows in it up to MIN_ROWS)."""
    rows, phones = values.shape
    states = phones * MIN_ROWS
    cost = np.full((states, states), -np.inf)
    for phone in range(phones):
        for step in range(MIN_ROWS - 1):
            cost[phone * MIN_ROWS + step, phone * MIN_ROWS + step + 1] = 0
        last = phone * MIN_ROWS + MIN_ROWS - 1
        cost[last, ::MIN_ROWS] = -SWITCH_COST
        cost[last, phone * MIN_ROWS] = -np.inf
        cost[last, last] = 0
    score = np.where(np.arange(states) % MIN_ROWS == 0, 0.0, -np.inf) + np.repeat(values[0], MIN_ROWS)
    back = np.zeros((rows, states), int)
    for row in range(1, rows):
        total = score[:, None] + cost
        back[row] = total.argmax(0)
        score = total.max(0) + np.repeat(values[row], MIN_ROWS)
    score[np.arange(states) % MIN_ROWS != MIN_ROWS - 1] = -np.inf
    path = [int(score.argmax())]
    for row in range(rows - 1, 0, -1):
        path.append(back[row, path[-1]])
    return np.array(path[::-1]) // MIN_ROWS


def rows_of(track, rows):
    """The symbol of every row (T,), from the times of a track."""
    middle = (np.arange(rows) * 160 + 200) / RATE
    return track.labels[np.searchsorted(track.ends, np.minimum(middle, track.ends[-1] - 1e-9), side="right")]


@pytest.mark.parametrize(("rows", "sharpness"), [(3, 3.0), (5, 3.0), (60, 3.0), (60, 8.0), (90, 20.0)])
def test_the_path_is_that_of_a_viterbi_search_over_all_states(rows, sharpness):
    for seed in range(3):
        posteriors = random_posteriors(rows, seed, sharpness)
        symbols, values = folded(posteriors)
        expected = np.array(symbols)[viterbi_by_hand(np.log(np.maximum(values, 1e-6)))]
        assert rows_of(decoded(posteriors), rows).tolist() == expected.tolist()


@pytest.mark.parametrize("piece", [1, 2, 7, 100])
def test_the_pieces_in_which_posteriors_arrive_do_not_matter(piece):
    posteriors = random_posteriors(400, 1, 12.0)
    whole, pieces = decoded(posteriors), decoded(posteriors, piece)
    for name in ("labels", "starts", "ends", "confidences"):
        assert getattr(pieces, name).tolist() == getattr(whole, name).tolist()


def test_phones_cover_the_time_one_after_the_other_with_their_mean_posterior():
    posteriors = random_posteriors(500, 2, 12.0)
    track = decoded(posteriors)
    assert len(track) > 20
    assert track.starts[0] == 0 and track.ends[-1] == 5.0
    assert np.array_equal(track.starts[1:], track.ends[:-1])
    assert (np.diff(np.append(track.starts, 5.0)) > 0.02).all()
    assert (track.labels[1:] != track.labels[:-1]).all()
    symbols, values = folded(posteriors)
    per_row = rows_of(track, 500)
    first = np.flatnonzero(np.append(True, per_row[1:] != per_row[:-1]))
    for number, (low, high) in enumerate(zip(first, np.append(first[1:], 500))):
        column = symbols.index(track.labels[number])
        assert track.confidences[number] == pytest.approx(values[low:high, column].mean(), abs=1e-5)


def test_loud_rows_are_no_silence_and_quiet_rows_are_whatever_their_posteriors():
    posteriors = np.zeros((60, len(SYMBOLS)), np.float32)
    posteriors[:, SYMBOLS.index("ZH")], posteriors[:, SYMBOLS.index("+NSN+")] = 0.3, 0.7
    decoder = PhoneDecoder()
    decoder.add(posteriors, np.repeat([-5.0, -30.0, -70.0], 20))
    track = decoder.track()
    assert track.labels.tolist() == ["ZH", "SIL"]
    assert track.confidences.tolist() == pytest.approx([1, 0.85])
    assert track.starts[1] == pytest.approx(0.2075)  # halfway between the middles of rows 19 and 20


def made_up_sound():
    """A second each of a vowel like that of "heed", of hiss, and of digital silence, (48000,)."""
    rng, time = np.random.default_rng(0), np.arange(RATE) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 6 * np.sin(2 * np.pi * 3 * time)) / RATE
    vowel = sum(np.sin(k * phase) * sum(np.exp(-((120 * k - centre) / 240) ** 2) / share for share, centre in
                                        ((1, 300), (2, 2300), (3, 3000))) for k in range(1, 40))
    hiss = np.diff(rng.standard_normal(RATE + 1), 1)
    return np.concatenate([vowel, 0.3 * hiss, np.zeros(RATE)]).astype(np.float32) * 0.1


def test_the_bundled_model_names_a_vowel_a_hiss_and_digital_silence():
    symbols = rows_of(align_phones(made_up_sound(), 300), 300)
    assert set(symbols[10:90]) <= {"IY", "UW", "IH", "Y"}
    assert set(symbols[110:190]) <= {"S", "SH", "Z", "ZH", "CH"}
    assert set(symbols[210:290]) == {"SIL"}


def test_a_recording_without_any_sound_is_one_silence():
    assert align_phones(np.zeros(RATE, np.float32), 100).labels.tolist() == ["SIL"]


def test_the_pauses_of_real_speech_are_silence_and_its_words_are_not():
    samples = read_audio(SPEECH)
    rows = len(samples) // 160
    symbols = rows_of(align_phones(samples, rows), rows)
    levels = 10 * np.log10((samples[:rows * 160].reshape(rows, 160) ** 2).mean(1) + 1e-12)
    loud = levels > levels.max() - 15
    assert (symbols[loud] == "SIL").mean() < 0.03
    assert (symbols[levels < levels.max() - 50] == "SIL").mean() > 0.9
    assert len(set(symbols)) > 15


def test_predicting_in_chunks_hears_the_phones_of_the_whole_speech(learned, monkeypatch):
    model, _, _ = learned
    samples = read_audio(SPEECH)[:4 * RATE]
    expected = align_phones(samples, 400)
    for chunk in (7, 1000):
        monkeypatch.setattr("headroom.motion.predict.CHUNK_FRAMES", chunk)
        phones = predict(model, samples).phones
        assert phones.labels.tolist() == expected.labels.tolist()
        np.testing.assert_allclose(phones.starts, expected.starts, atol=1e-9)
        np.testing.assert_allclose(phones.confidences, expected.confidences, atol=1e-4)
