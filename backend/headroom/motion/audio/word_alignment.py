"""Words with start and end, from phone posteriors and a transcript: a Viterbi search over the transcript's phones.

A path goes through the words in their order, in one of the pronunciations of each. Before, between and after words it
may stay in silence, which also takes up speech that the transcript lacks, at a cost.
"""

from __future__ import annotations

import numpy as np

from headroom.common.errors import InputError
from headroom.face.phone_track import PhoneTrack
from headroom.face.word_track import SpokenWords, WordTrack
from headroom.media.audio import SAMPLE_RATE
from headroom.motion.audio.phone_alignment import (
    FLOOR,
    PHONES,
    SILENCE_COLUMN,
    phone_posteriors,
    phone_probabilities,
    seconds_of_rows,
)
from headroom.motion.audio.pronunciation import ANY, MAX_PRONUNCIATIONS, pronunciations, words_of
from headroom.motion.audio.timing import ROW_SAMPLES, ROWS_PER_FRAME, frame_count

ROWS_PER_PHONE = 2
"""Least duration of a phone, 20 ms; shorter than in the free search, because a fast speaker swallows known phones."""
OTHER_SPEECH_COST = 2.5
"""Log probability per row that speech costs which no word of the transcript covers."""
SILENCE_COST = 4.0
"""Log probability that entering silence costs, so that words which follow each other have none between them."""
ANY_COST = 1.0
"""Log probability per row of a phone that is not known, relative to the likeliest one."""
LEAST_CONFIDENCE = 0.08
"""Confidence under which a word is doubtful; of the sample's 51 words the lowest is 0.15."""
NAMED_WORDS = 5
BAND = 6000
"""States on either side of the likeliest one that are searched, about five minutes of speech; bounds the memory."""
ANY_COLUMN = len(PHONES)
_COLUMNS = {**{symbol: column for column, symbol in enumerate(PHONES)}, ANY: ANY_COLUMN}


def words_in_speech(samples: np.ndarray, transcript: str) -> SpokenWords:
    """Return where the words of a transcript are in `samples` (N,) at 16 kHz, as long as a performance of them."""
    return align_words(samples, frame_count(samples) * ROWS_PER_FRAME, transcript)


def word_notes(spoken: SpokenWords | None) -> list[str]:
    """Return a note where words of the transcript were hardly heard."""
    if spoken is None:
        return []
    doubtful = spoken.words.labels[spoken.words.confidences < LEAST_CONFIDENCE].tolist()
    if not doubtful:
        return []
    if len(doubtful) > NAMED_WORDS:
        doubtful[NAMED_WORDS:] = ["…"]
    return [f"Hardly heard: {', '.join(doubtful)}. Compare the transcript with the recording."]


def align_words(samples: np.ndarray, rows: int, transcript: str) -> SpokenWords:
    """Return where the words of a transcript are in the first `rows` rows of `samples` (N,) at 16 kHz.

    Raises InputError for a transcript without words, and for one that is too long for the sound.
    """
    texts = words_of(transcript)
    if not texts:
        raise InputError("The transcript has no words. Enter what is said.")
    graph = _Graph([pronunciations(text) for text in texts])
    probabilities = np.concatenate(
        [phone_probabilities(posteriors, levels) for posteriors, levels in phone_posteriors(samples, rows)])
    seconds = rows * ROW_SAMPLES / SAMPLE_RATE
    if graph.least_rows > rows:
        raise InputError(f"The transcript has {len(texts)} words, too many for {seconds:.1f} s of speech. Enter only "
                         "what is said.")
    path = graph.best_path(_emissions(probabilities))
    if path is None:
        raise InputError("The transcript does not fit the speech. Enter what is said, in the order of the recording.")
    return _tracks(texts, graph, path, probabilities)


class _Graph:
    """The states of a transcript, in the order of the path: silence, then each word followed by silence.

    Each pronunciation of a word is a chain of `ROWS_PER_PHONE` states for each of its phones.
    """

    def __init__(self, words: list[list[tuple[str, ...]]]):
        columns, owners, numbers, starts, lasts = [SILENCE_COLUMN], [-1], [0], [0], []
        exits = np.full((len(words), MAX_PRONUNCIATIONS), -1)  # last states of a word's pronunciations
        for word, ways in enumerate(words):
            for way, phones in enumerate(ways):
                starts.append(len(columns))
                columns += [_COLUMNS[phone] for phone in phones for _ in range(ROWS_PER_PHONE)]
                owners += [word] * (len(phones) * ROWS_PER_PHONE)
                numbers += [number for number in range(len(phones)) for _ in range(ROWS_PER_PHONE)]
                exits[word, way] = len(columns) - 1
            starts.append(len(columns))
            lasts.append(len(columns))
            columns, owners, numbers = [*columns, SILENCE_COLUMN], [*owners, -1], [*numbers, 0]
        self.columns, self.owners, self.numbers = np.array(columns), np.array(owners), np.array(numbers)
        self.silences = np.array([0, *lasts])
        self.exits = exits
        self.least_rows = sum(ROWS_PER_PHONE * min(map(len, ways)) for ways in words)
        # states that begin a pronunciation or a silence, and the states that they may follow, padded with -1
        self.starts = np.array(starts)
        self.before = np.full((len(starts), MAX_PRONUNCIATIONS + 1), -1)
        gap = np.searchsorted(self.silences, self.starts)  # number of silences before the state
        is_silence = self.owners[self.starts] < 0
        self.costs = np.where(is_silence, SILENCE_COST, 0.0)
        for row, (count, silent) in enumerate(zip(gap.tolist(), is_silence.tolist())):
            word = count - 1  # the word before a silence; words follow the silence after the word before them
            if silent:
                self.before[row, :-1] = exits[word] if word >= 0 else -1
            else:
                self.before[row, :-1] = exits[word - 1] if word > 0 else -1
                self.before[row, -1] = self.silences[word]

    def best_path(self, emissions: np.ndarray) -> np.ndarray | None:
        """Return the state (R,) of every row on the best path; None where no path reaches the last word.

        emissions: (R, P + 1) log probability of each phone, and of any phone.
        """
        states = len(self.columns)
        silent_first = np.zeros(states, bool)
        silent_first[[0, *self.first_states()]] = True
        scores = np.where(silent_first, emissions[0][self.columns], -np.inf)
        decisions: list[tuple[int, np.ndarray, int, np.ndarray]] = []
        for row in range(1, len(emissions)):
            low = max(0, int(scores.argmax()) - BAND)
            high = min(states, low + 2 * BAND + 1)
            first, last = np.searchsorted(self.starts, [low, high])
            entries, choice = self._entries(scores, first, last)
            advance = np.full(high - low, -np.inf)
            advance[1:] = scores[low:high - 1]
            advance[self.starts[first:last] - low] = entries
            moved = advance > scores[low:high]
            decisions.append((low, np.packbits(moved), int(first), choice))
            scores[low:high] = np.where(moved, advance, scores[low:high]) + emissions[row][self.columns[low:high]]
            scores[:low] = scores[high:] = -np.inf
        ends = np.append(self.exits[-1][self.exits[-1] >= 0], self.silences[-1])
        state = int(ends[scores[ends].argmax()])
        return None if scores[state] == -np.inf else self._trace(state, decisions)

    def first_states(self) -> list[int]:
        """Return the first states of the first word, with which a path may begin."""
        return [int(state) for state in self.starts if self.owners[state] == 0]

    def _entries(self, scores: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Return best score and its column of `before` for the beginning states number `first` to `last` - 1."""
        before = self.before[first:last]
        candidates = np.where(before >= 0, scores[before], -np.inf)
        choice = candidates.argmax(1)
        return candidates[np.arange(len(choice)), choice] - self.costs[first:last], choice.astype(np.uint8)

    def _trace(self, state: int, decisions: list[tuple[int, np.ndarray, int, np.ndarray]]) -> np.ndarray:
        path = np.empty(len(decisions) + 1, int)
        path[-1] = state
        number_of_start = {int(start): number for number, start in enumerate(self.starts)}
        for row in range(len(decisions) - 1, -1, -1):
            low, moved, first, choice = decisions[row]
            position = state - low
            if moved[position >> 3] >> (7 - (position & 7)) & 1:
                number = number_of_start.get(state)
                state = state - 1 if number is None else int(self.before[number, choice[number - first]])
            path[row] = state
        return path


def _emissions(probabilities: np.ndarray) -> np.ndarray:
    """Return log probabilities (R, P + 1) in which silence covers other speech, and the last column any phone."""
    logs = np.log(np.maximum(probabilities, FLOOR))
    loudest = np.delete(logs, SILENCE_COLUMN, axis=1).max(1)
    logs[:, SILENCE_COLUMN] = np.maximum(logs[:, SILENCE_COLUMN], loudest - OTHER_SPEECH_COST)
    return np.concatenate([logs, (loudest - ANY_COST)[:, None]], 1)


def _tracks(texts: list[str], graph: _Graph, path: np.ndarray, probabilities: np.ndarray) -> SpokenWords:
    """Return words and phones of a path (R,) of states."""
    key = np.stack([graph.owners[path], graph.numbers[path], np.where(graph.owners[path] < 0, path, 0)])
    begins = np.flatnonzero(np.append(True, (np.diff(key, axis=1) != 0).any(0)))
    ends = np.append(begins[1:], len(path))
    columns = graph.columns[path[begins]]
    heard = np.concatenate([probabilities, probabilities.max(1, keepdims=True)], 1)
    sums = np.cumsum(np.concatenate([np.zeros((1, heard.shape[1])), heard]), 0)
    masses = sums[ends, columns] - sums[begins, columns]
    bounds = seconds_of_rows(np.append(begins, len(path)))
    bounds[0], bounds[-1] = 0.0, len(path) * ROW_SAMPLES / SAMPLE_RATE
    unknown = columns == ANY_COLUMN
    means = (sums[ends] - sums[begins])[:, :ANY_COLUMN]
    means[:, SILENCE_COLUMN] = 0
    symbols = np.array(PHONES)[np.where(unknown, means.argmax(1), np.minimum(columns, ANY_COLUMN - 1))]
    confidences = np.clip(masses / (ends - begins), 0, 1).astype(np.float32)
    phones = PhoneTrack(symbols, bounds[:-1], bounds[1:], confidences)
    owners = graph.owners[path[begins]]
    spoken = np.flatnonzero(owners >= 0)
    numbers, rows = np.arange(len(texts)), (ends - begins)[spoken]
    first = spoken[np.searchsorted(owners[spoken], numbers, side="left")]
    last = spoken[np.searchsorted(owners[spoken], numbers, side="right") - 1]
    sure = np.bincount(owners[spoken], masses[spoken], len(texts)) / np.bincount(owners[spoken], rows, len(texts))
    words = WordTrack(np.array(texts, np.str_), bounds[first], bounds[last + 1], np.clip(sure, 0, 1).astype(np.float32))
    return SpokenWords(words, phones)
