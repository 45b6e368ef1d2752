"""Listening: while another person of the shot speaks, head and eyes turn towards them, and nod at the ends of phrases.

Listeners look at the speaker for most of the time and glance away between (Kendon 1967: about 75 per cent), and they
nod where phrases end (Duncan 1972). How far the head turns and how deep it nods follows from the clip, within limits,
because a person who speaks to the camera alone shows little of it. Blinks, brows and the small motion of the head are
those of every performance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from headroom.common.other_speaker import OtherSpeaker, Side
from headroom.face.camera import rotation_angles, rotation_matrix
from headroom.face.performance import Performance
from headroom.media.audio import audio_on_disk, is_silent
from headroom.motion.audio.loudness import loudness, speech_levels
from headroom.motion.audio.timing import FRAME_RATE, frame_count
from headroom.motion.style.gaze import within_range
from headroom.motion.style.lip_closure import speech_gate
from headroom.motion.style.speaker_style import SpeakerStyle

REACTION_SECONDS = 0.24  # from the first word of another person to the eyes' turn
LEAST_TURN_SECONDS = 0.8  # shorter words, such as "yes", turn nobody's head
GAZE_UNITS = 1.2  # by which the eyes turn to the speaker, ten degrees each
GAZE_MARGIN = 1.0  # units by which they may leave the range of a clip in which the person looks at the camera alone
EYE_SMOOTHING, HEAD_SMOOTHING = 1.0, 9.0  # frames: a saccade is over in two, a turn of the head takes most of a second
HEAD_RANGE = (10, 90)  # per cent of the clip's yaw, within which a turn to the speaker lies
TURN_RANGE = (np.radians(2.5), np.radians(6.0))  # also of a head that stays still or moves much in the clip
LOOKING_SECONDS, AWAY_SECONDS = (2.0, 5.0), (0.5, 1.2)  # at the speaker, and away
AWAY_WEIGHT = 0.25  # of the turn that stays while looking away
NOD_SHARE = 0.7  # of the phrases that end in a nod
NOD_SECONDS = 0.44  # of one down and up
NOD_DELAY = (0.05, 0.35)  # seconds after the end of a phrase
NOD_RANGE = (np.radians(1.2), np.radians(3.5))
NOD_OF_DEVIATION = 1.5  # depth of a nod, of the deviation of the clip's pitch
PHRASE_SECONDS = 1.0  # least time between the ends of two phrases
NECK = np.array([0.0, -70.0, -70.0])
"""Point that a listening head turns about, model axes, millimetres: the top of the neck."""


@dataclass(frozen=True)
class Conversation:
    """When the people of a shot speak.

    own: (T,) bool at 25 Hz, of the person who performs.
    others: the same (T,) of each of the others, and on which side of the picture they are.
    """

    own: np.ndarray
    others: tuple[tuple[np.ndarray, Side], ...]

    @staticmethod
    def of(samples: np.ndarray, others: Sequence[OtherSpeaker]) -> Conversation:
        """Find when each speaks, from the person's own speech (N,) at 16 kHz on; all last as long as the longest."""
        heard = []
        for other in others:
            with audio_on_disk(other.speech) as theirs:
                heard.append((speaking(theirs), other.side))
        own = speaking(samples)
        count = max(len(each) for each in (own, *(speaks for speaks, _ in heard)))
        return Conversation(_lengthened(own, count), tuple((_lengthened(each, count), side) for each, side in heard))

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.own) / FRAME_RATE


def speaking(samples: np.ndarray) -> np.ndarray:
    """Return the frames (T,) bool at 25 Hz in which somebody speaks in a recording (N,) at 16 kHz."""
    count = frame_count(samples)
    if is_silent(samples):
        return np.zeros(count, bool)
    loud_db = loudness(samples)[1]
    return speech_gate(speech_levels(samples, 0, count, loud_db), loud_db) > 0.5


def with_listening(performance: Performance, style: SpeakerStyle, conversation: Conversation, seed: int) -> Performance:
    """Return the performance of a conversation, at 25 Hz, with attention to the others while the person is silent."""
    rng, count = np.random.default_rng([seed, 2]), len(performance)
    own = _lasting(conversation.own, LEAST_TURN_SECONDS)
    towards = np.zeros(count)  # 1 is the right of the picture, the person's left
    nods = np.zeros(count)
    for theirs, side in conversation.others:
        towards[_lasting(theirs, LEAST_TURN_SECONDS) & ~own] = 1.0 if side == "right" else -1.0
        nods += _nods(theirs, conversation.own, rng)
    towards = _with_glances(_delayed(towards), rng)
    yaw = style.pose[:, 1]
    reach = np.abs(np.percentile(yaw, HEAD_RANGE) - np.median(yaw))[(towards > 0).astype(int)]
    head = gaussian_filter1d(towards, HEAD_SMOOTHING, mode="nearest")
    depth = float(np.clip(NOD_OF_DEVIATION * style.pose[:, 0].std(), *NOD_RANGE))
    turned = _turned(performance, depth * nods.clip(0, 1), head * np.clip(reach, *TURN_RANGE))
    return _looking(turned, style, gaussian_filter1d(towards, EYE_SMOOTHING, mode="nearest"))


def phrase_ends(speaks: np.ndarray) -> np.ndarray:
    """Return the frames (n,) after each of which a person (T,) bool pauses, not too near to each other."""
    ends = np.flatnonzero(np.diff(speaks.astype(np.int8), append=0) < 0)
    kept: list[int] = []
    for end in ends:
        if not kept or end - kept[-1] >= PHRASE_SECONDS * FRAME_RATE:
            kept.append(int(end))
    return np.array(kept, int)


def _nods(theirs: np.ndarray, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how far (T,), 0..1, the head is down at the ends of another person's phrases, unless the person speaks."""
    nods, length = np.zeros(len(theirs)), round(NOD_SECONDS * FRAME_RATE)
    for end in phrase_ends(theirs):
        wanted, delay, repeats = rng.random() < NOD_SHARE, rng.uniform(*NOD_DELAY), rng.integers(1, 3)
        first = end + round(delay * FRAME_RATE)
        if not wanted or own[first:first + 2 * length].any():
            continue
        for repeat in range(repeats):
            start = first + repeat * length
            frames = np.arange(start, min(start + length, len(nods)))
            nods[frames] += 0.6**repeat * (0.5 - 0.5 * np.cos(2 * np.pi * (frames - start) / length))
    return nods


def _with_glances(towards: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the attention (T,) with moments in which the listener looks away."""
    out, frame = towards.copy(), 0
    while frame < len(out):
        frame += round(rng.uniform(*LOOKING_SECONDS) * FRAME_RATE)
        end = frame + round(rng.uniform(*AWAY_SECONDS) * FRAME_RATE)
        out[frame:end] *= AWAY_WEIGHT
        frame = end
    return out


def _delayed(values: np.ndarray) -> np.ndarray:
    """Return values (T,) later by the time of a reaction."""
    return np.pad(values, (round(REACTION_SECONDS * FRAME_RATE), 0), mode="edge")[:len(values)]


def _turned(performance: Performance, pitch: np.ndarray, yaw: np.ndarray) -> Performance:
    """Return a performance whose head is turned about the neck by pitch and yaw (T,), radians, in its own axes."""
    before = rotation_matrix(performance.rotation.astype(np.float64))
    after = before @ rotation_matrix(np.stack([pitch, yaw, np.zeros_like(yaw)], 1))
    moved = before @ NECK - after @ NECK
    return replace(performance, rotation=rotation_angles(after).astype(np.float32),
                   translation=(performance.translation + moved).astype(np.float32))


def _looking(performance: Performance, style: SpeakerStyle, towards: np.ndarray) -> Performance:
    """Return a performance whose eyes look sideways, by the weight (T,) -1..1, within the range of the clip."""
    if not style.gaze_modes:
        return performance
    expression, modes = performance.expression.copy(), list(style.gaze_modes)
    wanted = expression[:, modes] + np.stack([GAZE_UNITS * towards, np.zeros_like(towards)], 1)
    expression[:, modes] = within_range(wanted, style.gaze, GAZE_MARGIN)
    return replace(performance, expression=expression)


def _lasting(speaks: np.ndarray, seconds: float) -> np.ndarray:
    """Return the frames (T,) bool of the runs that last for some seconds."""
    edges = np.flatnonzero(np.diff(speaks.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    out = np.zeros_like(speaks)
    for first, end in edges:
        out[first:end] = end - first >= seconds * FRAME_RATE
    return out


def _lengthened(speaks: np.ndarray, count: int) -> np.ndarray:
    """Return `count` frames, with silence after the end."""
    return np.pad(speaks, (0, count - len(speaks)))
