"""Head pose from a motion graph: segments of the clip's own pose, selected by loudness and joined without jumps.

Speech says little about the head, and a network trained on squared error answers with the mean, which freezes it. A
motion graph (Kovar et al. 2002) walks through the clip instead: after a segment of one to three seconds it continues
at another moment where the head was posed and moved alike and the speech was as loud, forwards or backwards in time.
So range, speed and rest pose are the person's. The network's pose is blended in by the weight that held-out frames
justify.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from headroom.motion.audio.timing import FRAME_RATE
from headroom.motion.style.speaker_style import SpeakerStyle

MIN_SEGMENT, MAX_SEGMENT = 25, 75  # frames
FADE_FRAMES = 25  # over which the jump at a joint is distributed
LEVEL_DB = 12.0  # difference of loudness that costs as much as one deviation of pose
LOUDNESS_FRAMES = 25  # of speech that a segment is compared with
REPEAT_COST = 0.3  # of each earlier use of a frame, in deviations
CANDIDATES = 5  # best segments that one is sampled from
POSE_SMOOTHING = 0.7  # frames, of the clip's pose, which removes the tracker's jitter
LOUDNESS_SMOOTHING = 6.0  # frames; heads move at the pace of half seconds
PREDICTED_SMOOTHING = 5.0  # frames, of the network's pose
WALKS = 16  # the one most like the person is used, because a single one may dwell on an unusual second
MAX_PREDICTED_WEIGHT = 0.7  # of the network's pose
_MIN_FRAMES = 8  # of a clip that is smoothed and reversed

Jump = tuple[int, int]
"""Frame of the speech, and frame of the library that is shown from there on."""


@dataclass(frozen=True)
class PoseLibrary:
    """The clip's pose forwards and, behind it, backwards in time.

    pose: (M, 6) radians and millimetres. loudness: (M,) dB, smoothed. ends: (M,) end of each frame's run, exclusive.
    """

    pose: np.ndarray
    loudness: np.ndarray
    ends: np.ndarray

    @staticmethod
    def of_clip(pose: np.ndarray, levels: np.ndarray) -> PoseLibrary:
        """Build the library from pose (N, 6) and loudness (N,); a clip of a few frames is not reversed."""
        runs = [(pose, levels)] if len(pose) < _MIN_FRAMES else [(pose, levels), (pose[::-1], levels[::-1])]
        return PoseLibrary(
            np.concatenate([run for run, _ in runs]),
            np.concatenate([smooth_loudness(loudness) for _, loudness in runs]),
            np.concatenate([np.full(len(run), len(run) * (index + 1)) for index, (run, _) in enumerate(runs)]),
        )

    def __len__(self) -> int:
        return len(self.pose)


def walk_motion_graph(
    pose: np.ndarray, levels: np.ndarray, speech: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a pose (T, 6) float32 for a speech, and the frame (T,) of the clip that each frame comes from.

    pose: (N, 6) of the clip at 25 Hz.
    levels, speech: (N,) and (T,) loudness of the clip and of the speech, dB below the loud parts.

    The walk starts near the person's median pose.
    """
    if len(pose) > _MIN_FRAMES:
        pose = gaussian_filter1d(pose.astype(np.float64), POSE_SMOOTHING, axis=0, mode="nearest")
    library = PoseLibrary.of_clip(pose, levels)
    loudness = smooth_loudness(speech)
    walks = [choose_segments(library, loudness, rng) for rng in np.random.default_rng(seed).spawn(WALKS)]
    takes = [join_segments(library, jumps, len(speech)) for jumps in walks]
    best = int(np.argmin([dissimilarity(take, pose) for take in takes]))
    frames = source_frames(walks[best], len(library), len(speech))
    return takes[best].astype(np.float32), np.where(frames < len(pose), frames, 2 * len(pose) - 1 - frames)


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


def choose_segments(library: PoseLibrary, speech: np.ndarray, rng: np.random.Generator) -> list[Jump]:
    """Sample a walk through the library for the loudness of a speech (T,).

    Each segment is sampled from those that continue the pose best, were as loud, and were used least.
    """
    pose, ends = library.pose, library.ends
    scale = pose.std(0) + 1e-6
    state = pose / scale
    if len(library) > 1:
        state = np.concatenate([state, np.gradient(pose, axis=0) / scale * 5], 1)
    starts = np.flatnonzero(ends - np.arange(len(library)) >= min(MIN_SEGMENT, int(ends[0])))
    uses = np.zeros(len(library))
    from_median = np.abs((pose[starts] - np.median(pose, 0)) / scale).sum(1)
    current = int(rng.choice(starts[np.argsort(from_median)[:CANDIDATES]]))
    jumps, frame = [(0, current)], 0
    while True:
        length = int(min(rng.integers(MIN_SEGMENT, MAX_SEGMENT + 1), ends[current] - current))
        frame += max(length, 1)
        if frame >= len(speech):
            return jumps
        last = min(current + length, int(ends[current]) - 1)
        uses[current:last] += 1
        cost = np.abs(state[starts] - state[last]).mean(1)
        cost += 0.5 * level_distance(library.loudness, starts, speech[frame:frame + LOUDNESS_FRAMES])
        cost += np.where(np.abs(starts - last) < MIN_SEGMENT, 1.0, 0.0)  # going on as before adds nothing new
        cost += REPEAT_COST * (uses[starts] + reversed_uses(uses, ends)[starts] - uses.min())
        current = int(rng.choice(starts[np.argsort(cost)[:CANDIDATES]]))
        jumps.append((frame, current))


def reversed_uses(uses: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return how often each frame (M,) was used in the other direction of time."""
    return uses[::-1] if ends[0] != ends[-1] else np.zeros_like(uses)


def level_distance(loudness: np.ndarray, starts: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """Return the difference (S,) between the loudness of the speech (n,) and that after each of `starts` (S,)."""
    frames = np.minimum(starts[:, None] + np.arange(len(speech)), len(loudness) - 1)
    return np.abs(loudness[frames] - speech).mean(1) / LEVEL_DB


def smooth_loudness(levels: np.ndarray) -> np.ndarray:
    """Smooth loudness (T,) over about half a second."""
    return gaussian_filter1d(np.asarray(levels, np.float64), LOUDNESS_SMOOTHING, mode="nearest")


def join_segments(library: PoseLibrary, jumps: list[Jump], frames: int) -> np.ndarray:
    """Return the segments in a row (frames, 6); the jump in position and in velocity at each joint fades out."""
    out = np.empty((frames, library.pose.shape[1]))
    position_fade, velocity_fade = hermite_fades(FADE_FRAMES)
    sources = source_frames(jumps, len(library), frames)
    for (frame, _), (stop, _) in pairwise([*jumps, (frames, 0)]):
        segment = library.pose[sources[frame:stop]].copy()
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
