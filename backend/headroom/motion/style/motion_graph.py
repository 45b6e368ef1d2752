"""Head pose and brows from a motion graph: segments of the clip, selected by loudness and accents and joined smoothly.

Speech says little about the head, and a network trained on squared error answers with the mean, which freezes it. A
motion graph (Kovar et al. 2002) walks through the clip instead: after a segment of one to three seconds it continues
at another moment where the head was posed and moved alike and the speech was as loud, forwards or backwards in time,
and where head and brows moved when the new speech has accents. So range, speed, rest pose and beats are the person's,
and head and brows stay together. The network's pose is blended in by the weight that held-out frames justify.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from headroom.motion.audio.timing import FRAME_RATE
from headroom.motion.style.beats import beat_excess, beat_signals, expected_excess
from headroom.motion.style.speaker_style import SpeakerStyle

MIN_SEGMENT, MAX_SEGMENT = 25, 75  # frames
FADE_FRAMES = 25  # over which the jump at a joint is distributed
LEVEL_DB = 12.0  # difference of loudness that costs as much as one deviation of pose
LOUDNESS_FRAMES = 25  # of speech that a segment is compared with
BEAT_SEGMENT = 50  # frames, of speech whose accents a segment is compared with
REPEAT_COST = 0.3  # of each earlier use of a frame, in deviations
CANDIDATES = 5  # best segments that one is sampled from
POSE_SMOOTHING = 0.7  # frames, of the clip's pose, which removes the tracker's jitter
LOUDNESS_SMOOTHING = 6.0  # frames; heads move at the pace of half seconds
PREDICTED_SMOOTHING = 5.0  # frames, of the network's pose
WALKS = 16  # the one most like the person is used, because a single one may dwell on an unusual second
MAX_BEAT_WEIGHT = 1.0  # of beats against loudness and pose; the walks have weights from 0 to this
EXCESS_COST = 1.0  # of a difference of the beats' excess, against differences of range and speed
MAX_PREDICTED_WEIGHT = 0.7  # of the network's pose
POSE = 6  # angles and positions of a pose
_MIN_FRAMES = 8  # of a clip that is smoothed and reversed

Jump = tuple[int, int]
"""Frame of the speech, and frame of the library that is shown from there on."""


@dataclass(frozen=True)
class Speech:
    """What a walk follows.

    loudness: (T,) dB, smoothed. accents: (T,) their prominence, 0 in frames without one.
    """

    loudness: np.ndarray
    accents: np.ndarray


@dataclass(frozen=True)
class PoseLibrary:
    """The clip's motion forwards and, behind it, backwards in time.

    pose: (M, 6) radians and millimetres. brows: (M, B). loudness: (M,) dB, smoothed.
    beats: (M, 4) how much head and brows move (`beat_signals`), in deviations.
    ends: (M,) end of each frame's run, exclusive.
    """

    pose: np.ndarray
    brows: np.ndarray
    loudness: np.ndarray
    beats: np.ndarray
    ends: np.ndarray

    @staticmethod
    def of_clip(pose: np.ndarray, brows: np.ndarray, levels: np.ndarray, beats: np.ndarray) -> PoseLibrary:
        """Build the library from the clip's arrays (N, ...); a clip of a few frames is not reversed."""
        runs = 1 if len(pose) < _MIN_FRAMES else 2

        def both_ways(values: np.ndarray) -> np.ndarray:
            return np.concatenate([values, values[::-1]][:runs])

        deviation = beats.std(0)
        beats = np.where(deviation > 0, beats / np.where(deviation > 0, deviation, 1), 0)
        ends = np.repeat(len(pose) * np.arange(1, runs + 1), len(pose))
        loudness = smooth_loudness(levels)
        return PoseLibrary(both_ways(pose), both_ways(brows), both_ways(loudness), both_ways(beats), ends)

    def __len__(self) -> int:
        return len(self.pose)


@dataclass(frozen=True)
class Walk:
    """What a motion graph gives for T frames of speech.

    pose: (T, 6) float32. brows: (T, B) float32, the coefficients of the style's brow modes.
    sources: (T,) the frame of the clip that each frame comes from.
    """

    pose: np.ndarray
    brows: np.ndarray
    sources: np.ndarray


@dataclass(frozen=True)
class SegmentStarts:
    """The S frames of a library at which a segment may start, and what they are compared by.

    frames: (S,). loudness: (25, S) dB of the frames from each on. from_median: (S,) distance from the median pose.
    state: (12, M) pose and velocity of the library in deviations. movement: (M,) mean of the library's beats.
    """

    library: PoseLibrary
    frames: np.ndarray
    loudness: np.ndarray
    from_median: np.ndarray
    state: np.ndarray
    movement: np.ndarray

    @staticmethod
    def of(library: PoseLibrary) -> SegmentStarts:
        """Find the starts of segments that are long enough."""
        pose, ends = library.pose, library.ends
        scale = pose.std(0) + 1e-6
        state = pose / scale
        if len(library) > 1:
            state = np.concatenate([state, np.gradient(pose, axis=0) / scale * 5], 1)
        frames = np.flatnonzero(ends - np.arange(len(library)) >= min(MIN_SEGMENT, int(ends[0])))
        padded = np.pad(library.loudness, (0, LOUDNESS_FRAMES - 1), mode="edge")
        loudness = np.lib.stride_tricks.sliding_window_view(padded, LOUDNESS_FRAMES)[frames].T
        from_median = np.abs((pose[frames] - np.median(pose, 0)) / scale).sum(1)
        return SegmentStarts(library, frames, np.ascontiguousarray(loudness), from_median,
                             np.ascontiguousarray(state.T), library.beats.mean(1))


def walk_motion_graph(style: SpeakerStyle, levels: np.ndarray, accents: np.ndarray, seed: int) -> Walk:
    """Return head pose and brows for a speech.

    levels: (T,) loudness, dB below the loud parts. accents: (T,) their prominence, 0 in frames without one.

    The walk starts near the person's median pose. A style of an older file, whose accents are unknown, follows none.
    """
    pose, brows = style.pose, style.brows
    if len(pose) > _MIN_FRAMES:
        pose, brows = (gaussian_filter1d(values.astype(np.float64), POSE_SMOOTHING, axis=0, mode="nearest")
                       for values in (pose, brows))
    beats = beat_signals(pose, brows @ style.brow_raise)
    speech = Speech(smooth_loudness(levels), accents if len(style.accents) else np.zeros_like(accents))
    wanted = expected_excess(beats, style.accents) if speech.accents.any() else np.zeros(beats.shape[1])
    library = PoseLibrary.of_clip(pose, brows, style.levels, beats)
    starts = SegmentStarts.of(library)
    weights, rngs = np.linspace(0, MAX_BEAT_WEIGHT, WALKS), np.random.default_rng(seed).spawn(WALKS)
    least = np.inf
    best: tuple[list[Jump], np.ndarray] | None = None
    for weight, rng in zip(weights, rngs):  # one at a time, because a walk of hours is large
        jumps = choose_segments(starts, speech, weight, rng)
        take = join_segments(library, jumps, len(levels))
        excess = beat_excess(beat_signals(take[:, :POSE], take[:, POSE:] @ style.brow_raise), speech.accents)
        difference = dissimilarity(take[:, :POSE], pose) + EXCESS_COST * float(np.abs(excess - wanted).mean())
        if best is None or difference < least:
            least, best = difference, (jumps, take.astype(np.float32))
    assert best is not None
    jumps, take = best
    frames = source_frames(jumps, len(library), len(levels))
    return Walk(take[:, :POSE], take[:, POSE:], np.where(frames < len(pose), frames, 2 * len(pose) - 1 - frames))


def ping_pong(length: int, frames: int) -> np.ndarray:
    """Return the frame indices (frames,) of a clip of `length` frames played forwards and backwards in turn."""
    return np.resize(np.concatenate([np.arange(length), np.arange(length - 2, 0, -1)]), frames)


def blend_predicted(style: SpeakerStyle, graph_pose: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Blend the motion graph's pose (T, 6) with the network's normalised one (T, 6); returns (T, 6) float32.

    The network's weight in each dimension is its correlation with the truth on held-out frames. The sum keeps the
    person's deviation.
    """
    weight = np.clip(style.pose_correlation, 0, MAX_PREDICTED_WEIGHT)
    predicted = gaussian_filter1d(predicted.astype(np.float64), PREDICTED_SMOOTHING, axis=0, mode="nearest")
    predicted = (predicted - predicted.mean(0)) / np.maximum(predicted.std(0), 0.3)
    normalised = (graph_pose - style.pose_mean) / style.pose_deviation
    blended = weight * predicted + np.sqrt(1 - weight**2) * normalised
    return (style.pose_mean + style.pose_deviation * blended).astype(np.float32)


def choose_segments(starts: SegmentStarts, speech: Speech, beat_weight: float, rng: np.random.Generator) -> list[Jump]:
    """Sample a walk through the library for a speech.

    Each segment is sampled from those that continue the pose best, were as loud, moved at the accents, and were used
    least.
    """
    ends, frames = starts.library.ends, starts.frames
    uses = np.zeros(len(ends))
    current = int(rng.choice(best_candidates(frames, starts.from_median)))
    jumps, frame = [(0, current)], 0
    while True:
        length = int(min(rng.integers(MIN_SEGMENT, MAX_SEGMENT + 1), ends[current] - current))
        frame += max(length, 1)
        if frame >= len(speech.loudness):
            return jumps
        last = min(current + length, int(ends[current]) - 1)
        uses[current:last] += 1
        cost = np.abs(starts.state[:, frames] - starts.state[:, last, None]).mean(0)
        cost += 0.5 * level_distance(starts.loudness, speech.loudness[frame:frame + LOUDNESS_FRAMES])
        cost -= beat_weight * beats_at(starts, speech.accents[frame:frame + BEAT_SEGMENT])
        cost += np.where(np.abs(frames - last) < MIN_SEGMENT, 1.0, 0.0)  # going on as before adds nothing new
        cost += REPEAT_COST * (uses[frames] + reversed_uses(uses, ends)[frames] - uses.min())
        current = int(rng.choice(best_candidates(frames, cost)))
        jumps.append((frame, current))


def best_candidates(starts: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return the `CANDIDATES` of `starts` (S,) with the lowest cost (S,), of equal ones the later.

    A frame costs as much as its copy in the reversed clip, and `np.argsort` orders equal values differently on
    different processors: a seed would not be the same take everywhere.
    """
    if len(cost) > CANDIDATES:  # sorting a few is quicker
        low = cost <= np.partition(cost, CANDIDATES - 1)[CANDIDATES - 1]
        starts, cost = starts[low], cost[low]
    return starts[np.lexsort((-starts, cost))[:CANDIDATES]]


def reversed_uses(uses: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return how often each frame (M,) was used in the other direction of time."""
    return uses[::-1] if ends[0] != ends[-1] else np.zeros_like(uses)


def level_distance(loudness: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """Return the difference (S,) between the loudness of the speech (n,) and that of segments (25, S), n <= 25."""
    return np.abs(loudness[:len(speech)] - speech[:, None]).mean(0) / LEVEL_DB


def beats_at(starts: SegmentStarts, accents: np.ndarray) -> np.ndarray:
    """Return how much head and brows move (S,) at the accents (n,) of the speech in segments from `starts`."""
    offsets = np.flatnonzero(accents)
    if not len(offsets):
        return np.zeros(len(starts.frames))
    frames = starts.frames + offsets[:, None]
    inside = frames < starts.library.ends[starts.frames]
    return (starts.movement[np.minimum(frames, len(starts.library) - 1)] * inside).mean(0)


def smooth_loudness(levels: np.ndarray) -> np.ndarray:
    """Smooth loudness (T,) over about half a second."""
    return gaussian_filter1d(np.asarray(levels, np.float64), LOUDNESS_SMOOTHING, mode="nearest")


def join_segments(library: PoseLibrary, jumps: list[Jump], frames: int) -> np.ndarray:
    """Return the segments' pose and brows in a row (frames, 6 + B).

    The jump in position and in velocity at each joint fades out.
    """
    motion = np.hstack([library.pose, library.brows])
    out = np.empty((frames, motion.shape[1]))
    position_fade, velocity_fade = hermite_fades(FADE_FRAMES)
    sources = source_frames(jumps, len(library), frames)
    for (frame, _), (stop, _) in pairwise([*jumps, (frames, 0)]):
        segment = motion[sources[frame:stop]]
        if frame > 1 and len(segment) > 1:
            velocity = out[frame - 1] - out[frame - 2]
            length = min(len(segment), FADE_FRAMES)
            jump = out[frame - 1] + velocity - segment[0]
            velocity_jump = velocity - (segment[1] - segment[0])
            segment[:length] += position_fade[:length, None] * jump + velocity_fade[:length, None] * velocity_jump
        out[frame:stop] = segment
    return out


def source_frames(jumps: list[Jump], length: int, frames: int) -> np.ndarray:
    """Return the frame (frames,) of a library of `length` frames that each frame of the walk comes from."""
    sources = np.empty(frames, int)
    for (frame, source), (stop, _) in pairwise([*jumps, (frames, 0)]):
        sources[frame:stop] = np.minimum(source + np.arange(stop - frame), length - 1)
    return sources


def hermite_fades(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cubic Hermite curves (frames,) from value 1 to 0 and from slope 1 per frame to 0."""
    time = np.arange(frames) / frames
    return 2 * time**3 - 3 * time**2 + 1, (time**3 - 2 * time**2 + time) * frames


def dissimilarity(take: np.ndarray, pose: np.ndarray) -> float:
    """Return how far range and speed of a take (T, 6) are from those of the person's own pose (N, 6)."""
    levels = np.linspace(0.05, 0.95, 19)
    distance = np.abs(np.quantile(take, levels, axis=0) - np.quantile(pose, levels, axis=0)).mean(0)
    range_difference = float((distance / (pose.std(0) + 1e-6)).mean())
    if min(len(take), len(pose)) < 2:
        return range_difference
    return range_difference + float(np.abs(np.log((speed(take) + 1e-6) / (speed(pose) + 1e-6))).mean())


def speed(pose: np.ndarray) -> np.ndarray:
    """Return the mean absolute velocity (6,) of pose (T, 6) at 25 Hz, per second."""
    return np.abs(np.diff(pose, axis=0)).mean(0) * FRAME_RATE if len(pose) > 1 else np.zeros(pose.shape[1])
