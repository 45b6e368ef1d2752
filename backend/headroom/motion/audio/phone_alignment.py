"""Phones with start and end, from phone posteriors: a Viterbi search over a loop of all phones.

A path through the loop stays at least `MIN_ROWS` rows in a phone and pays `SWITCH_COST` for every phone that it enters.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headroom.common.progress import Progress, no_progress
from headroom.face.phone_track import SILENCE, PhoneTrack
from headroom.media.audio import SAMPLE_RATE
from headroom.motion.audio.cepstra import power_spectra
from headroom.motion.audio.loudness import CHUNK_ROWS, RANGE_DB, loudness, row_levels
from headroom.motion.audio.phones import CONTEXT, NOISES, SYMBOLS, bundled_phones, mean_cepstra, phone_cepstra
from headroom.motion.audio.timing import ROW_LENGTH, ROW_SAMPLES

MIN_ROWS = 3
"""Least duration of a phone, 30 ms: one row for each state of a phone in Sphinx's models."""
SWITCH_COST = 4.0
"""Log probability that entering a phone costs; 4 gives as many phones as a forced alignment of the same speech."""
LOUD_RANGE_DB = 10.0
"""Rows less than this below the loud rows are no silence, so steady or noisy sound becomes some phone there."""
_LEAST_LOUD_DB = -60.0
"""Level of full scale that levels are relative to where the loud rows are quieter, so that nothing in them is loud."""
FLOOR = 1e-6
"""Least posterior of a phone in a row, so that a single row excludes no path."""

PHONES = tuple(symbol for symbol in SYMBOLS if symbol not in NOISES)
"""Symbols of the phones that are told apart; noise counts as silence."""
_COLUMNS = [SYMBOLS.index(symbol) for symbol in PHONES]
SILENCE_COLUMN = PHONES.index(SILENCE)
_NOISE_COLUMNS = [SYMBOLS.index(symbol) for symbol in NOISES]


class PhoneDecoder:
    """Finds the most probable phones of posteriors that arrive in pieces.

    The search is exact, so the result does not depend on the pieces. It keeps 13 bytes for each row.
    """

    # librosa.sequence.viterbi needs the whole sequence and a matrix of the transitions between all states. Here every
    # transition costs the same, so one best predecessor serves all phones.

    def __init__(self) -> None:
        count = len(PHONES)
        self._rows = 0
        # sums of log posteriors and of posteriors up to the last rows, and the best score of a path that ends there
        self._log_sums, self._sums, self._scores = np.zeros((1, count)), np.zeros((1, count)), [0.0]
        # of the best path that is in each phone: score less the sum of log posteriors, first row, sum at that row
        self._best, self._entry, self._entry_sum = np.full(count, -np.inf), np.zeros(count, np.int32), np.zeros(count)
        # per row, of the best path that ends there: its phone, that phone's first row and its sum of posteriors
        self._records: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, posteriors: np.ndarray, levels: np.ndarray) -> None:
        """Continue with the next rows: posteriors (n, 42), and levels (n,) in dB relative to the loud rows."""
        values = phone_probabilities(posteriors, levels)
        log_sums = _extended(self._log_sums, np.log(np.maximum(values, FLOOR)))
        sums = _extended(self._sums, values)
        phones, entries, masses = (np.zeros(len(values), kind) for kind in (np.uint8, np.int32, np.float64))
        offset = len(self._scores)
        for index in range(offset, offset + len(values)):
            row = self._rows + index - offset + 1
            if index >= MIN_ROWS:
                self._enter(row - MIN_ROWS, self._scores[index - MIN_ROWS], log_sums[index - MIN_ROWS],
                            sums[index - MIN_ROWS])
            totals = self._best + log_sums[index]
            phone = int(totals.argmax())
            self._scores.append(float(totals[phone]))
            phones[index - offset], entries[index - offset] = phone, self._entry[phone]
            masses[index - offset] = sums[index, phone] - self._entry_sum[phone]
        self._rows += len(values)
        self._records.append((phones, entries, masses))
        self._log_sums, self._sums = log_sums[-MIN_ROWS:], sums[-MIN_ROWS:]
        self._scores = self._scores[-MIN_ROWS:]

    def track(self) -> PhoneTrack:
        """Return the phones of all rows so far, at least `MIN_ROWS`, from second 0 to the end of the last row."""
        phones, entries, masses = (np.concatenate(each) for each in zip(*self._records))
        last, path = self._rows, []
        while last > 0:
            path.append(last)
            last = entries[last - 1]
        ends = np.array(path[::-1])
        starts = np.concatenate([[0], ends[:-1]])
        bounds = seconds_of_rows(np.concatenate([[0], ends]))
        bounds[0], bounds[-1] = 0.0, self._rows * ROW_SAMPLES / SAMPLE_RATE
        confidences = np.clip(masses[ends - 1] / (ends - starts), 0, 1).astype(np.float32)
        return PhoneTrack(np.array(PHONES)[phones[ends - 1]], bounds[:-1], bounds[1:], confidences)

    def _enter(self, row: int, score: float, log_sums: np.ndarray, sums: np.ndarray) -> None:
        """Let the best path up to `row`, with that score, enter the phones in which no better path is."""
        scores = score - SWITCH_COST - log_sums
        better = scores > self._best
        self._best[better], self._entry[better], self._entry_sum[better] = scores[better], row, sums[better]


def align_phones(samples: np.ndarray, rows: int, progress: Progress = no_progress) -> PhoneTrack:
    """Return the phones in the first `rows` rows of `samples` (N,) at 16 kHz."""
    decoder, done = PhoneDecoder(), 0
    for posteriors, levels in phone_posteriors(samples, rows):
        decoder.add(posteriors, levels)
        done += len(levels)
        progress(done / rows, "Listening for phones")
    return decoder.track()


def phone_posteriors(samples: np.ndarray, rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield posteriors (n, 42) and levels (n,) of the first `rows` rows of `samples` (N,) at 16 kHz, in pieces.

    The levels are in dB relative to the loud rows.
    """
    levels, loud_db = loudness(samples)
    mean = mean_cepstra(samples, levels, loud_db)
    for first in range(0, rows, CHUNK_ROWS):
        last = min(first + CHUNK_ROWS, rows)
        power = power_spectra(samples, first - CONTEXT, last + CONTEXT, loud_db, tapered=True)
        yield (bundled_phones().posteriors(phone_cepstra(power) - mean), levels_of_rows(samples, first, last, loud_db))


def phone_probabilities(posteriors: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return the probability (n, P) of each of `PHONES` in every row.

    The levels tell sound from silence where the phone model errs: it knows no digital silence, and calls a steady tone
    noise.

    posteriors: (n, 42); levels: (n,) in dB relative to the loud rows.
    """
    values = posteriors[:, _COLUMNS].astype(np.float64)
    values[:, SILENCE_COLUMN] += posteriors[:, _NOISE_COLUMNS].sum(1)
    values[levels >= -LOUD_RANGE_DB, SILENCE_COLUMN] = 0
    values /= np.maximum(values.sum(1, keepdims=True), FLOOR)
    values[levels <= -RANGE_DB] = np.eye(len(PHONES))[SILENCE_COLUMN]
    return values


def seconds_of_rows(rows: np.ndarray) -> np.ndarray:
    """Return the seconds at which `rows` (N,) begin: in the middle between the spectra of a row and the one before."""
    return (rows * ROW_SAMPLES + (ROW_LENGTH - ROW_SAMPLES) / 2) / SAMPLE_RATE


def levels_of_rows(samples: np.ndarray, first: int, last: int, loud_db: float) -> np.ndarray:
    """Return the level (last - first,) of rows of `samples` (N,), dB relative to the loud rows.

    loud_db: level of the recording's loud rows, dB of full scale.
    """
    return row_levels(samples, first, last) - max(loud_db, _LEAST_LOUD_DB)


def _extended(sums: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return running sums (n, P), continued by those of further values (m, P)."""
    return np.concatenate([sums[:-1], np.cumsum(np.concatenate([sums[-1:], values]), 0)])
