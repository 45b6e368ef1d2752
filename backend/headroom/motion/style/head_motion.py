"""Head motion of the person's own kind: pieces of the clip's pose, chosen by how the speech goes, join_segments seamlessly.

Sound says little about the head, and a network trained on squared error answers with the mean: a head that freezes. So
the pose walks through the clip: after a piece of one to three seconds it jumps to another moment of the clip where the
head was held and moved alike and the speech was as loud, forwards or backwards in time. Range, speed and rest pose are
thereby the person's. Where the network's pose did follow the truth on held-out frames, it takes the share it earned.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from headroom.motion.audio.features import FRAME_RATE

SHORTEST, LONGEST = 25, 75  # frames a piece is followed before the next jump
FADE = 25  # frames over which a jump is spread
LEVEL_DB = 12.0  # a difference of loudness that counts like one deviation of pose
LOOKAHEAD = 25  # frames of loudness that a piece is chosen by
REPEAT = 0.3  # cost of showing a moment again, in deviations
LIKELY = 5  # the seed chooses among this many best continuations
SMOOTH = 0.7  # frames, of the clip's pose before it is used: what trackers shake
PREDICTED_SMOOTH = 5.0  # frames, of the network's pose
TAKES = 16  # walks of which the one most like the person is kept: a single one may dwell on their wildest second
MOST_PREDICTED = 0.7  # the largest share of the network's pose


def walk_motion_graph(pose: np.ndarray, levels: np.ndarray, speech: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pose (T, 6) for a speech, made of the clip's pose, and the clip's frame (T,) that each is from.

    pose: (N, 6) of the clip at 25 Hz. levels: (N,), speech: (T,) loudness of the clip and of the speech, dB below the
    loud parts. The first frame is a moment near the person's rest pose.
    """
    pose = gaussian_filter1d(pose.astype(np.float64), SMOOTH, axis=0, mode="nearest") if len(pose) > 8 else pose
    paths = [(pose, levels)] if len(pose) < 8 else [(pose, levels), (pose[::-1], levels[::-1])]
    library = np.concatenate([p for p, _ in paths])
    loudness = np.concatenate([smooth_loudness(level) for _, level in paths])
    ends = np.concatenate([np.full(len(p), len(p) * (i + 1)) for i, (p, _) in enumerate(paths)])
    heard = smooth_loudness(speech)
    walks = [choose_segments(library, loudness, ends, heard, rng) for rng in np.random.default_rng(seed).spawn(TAKES)]
    takes = [join_segments(library, jumps, len(speech)) for jumps in walks]
    best = int(np.argmin([dissimilarity(take, pose) for take in takes]))
    shown = source_frames(walks[best], len(library), len(speech))
    return takes[best].astype(np.float32), np.where(shown < len(pose), shown, 2 * len(pose) - 1 - shown)


def ping_pong(length: int, frames: int) -> np.ndarray:
    """(frames,) of a clip of so many frames, played forwards and backwards in turn."""
    return np.resize(np.concatenate([np.arange(length), np.arange(length - 2, 0, -1)]), frames)


def dissimilarity(take: np.ndarray, pose: np.ndarray) -> float:
    """How far the range and the speed of a take (T, 6) are from those of the person's own pose (N, 6)."""
    shares = np.linspace(0.05, 0.95, 19)
    apart = np.abs(np.quantile(take, shares, axis=0) - np.quantile(pose, shares, axis=0)).mean(0)
    range_off = (apart / (pose.std(0) + 1e-6)).mean()
    if min(len(take), len(pose)) < 2:
        return float(range_off)
    return float(range_off + np.abs(np.log((speed(take) + 1e-6) / (speed(pose) + 1e-6))).mean())


def smooth_loudness(levels: np.ndarray) -> np.ndarray:
    """Loudness over half a second, the pace that heads move at."""
    return gaussian_filter1d(np.asarray(levels, np.float64), 6.0, mode="nearest")


def choose_segments(library: np.ndarray, loudness: np.ndarray, ends: np.ndarray, speech: np.ndarray,
                  rng: np.random.Generator) -> list[tuple[int, int]]:
    """(speech frame, library frame) of every jump: where the pose of the library (N, 6) is taken up from."""
    scale = library.std(0) + 1e-6
    state = np.concatenate([library / scale, np.gradient(library, axis=0) / scale * 5], 1) if len(library) > 1 \
        else library / scale
    usable = np.flatnonzero(ends - np.arange(len(library)) >= min(SHORTEST, int(ends[0])))
    seen = np.zeros(len(library))  # source_frames that were shown already are left for the others
    now = rng.choice(usable[np.argsort(np.abs((library[usable] - np.median(library, 0)) / scale).sum(1))[:LIKELY]])
    jumps, frame = [(0, int(now))], 0
    while True:
        length = int(min(rng.integers(SHORTEST, LONGEST + 1), ends[now] - now))
        frame += max(length, 1)
        if frame >= len(speech):
            return jumps
        last = min(now + length, int(ends[now]) - 1)
        seen[now:last] += 1
        unlike = np.abs(state[usable] - state[last]).mean(1)
        unlike += 0.5 * level_distance(loudness, usable, speech[frame:frame + LOOKAHEAD])
        unlike += np.where(np.abs(usable - last) < SHORTEST, 1.0, 0.0)  # going on as before is no jump
        unlike += REPEAT * (seen[usable] + mirrored(seen, ends)[usable] - seen.min())
        now = int(rng.choice(usable[np.argsort(unlike)[:LIKELY]]))
        jumps.append((frame, now))


def mirrored(seen: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """What the same source_frames count in the other direction of time."""
    return seen[::-1] if ends[0] != ends[-1] else np.zeros_like(seen)


def level_distance(loudness: np.ndarray, starts: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """How unlike `ahead` (n,) the loudness is that follows each of `starts`."""
    moments = np.minimum(starts[:, None] + np.arange(len(ahead)), len(loudness) - 1)
    return np.abs(loudness[moments] - ahead).mean(1) / LEVEL_DB


def join_segments(library: np.ndarray, jumps: list[tuple[int, int]], frames: int) -> np.ndarray:
    """The pieces one after the other; each jump's step in place and in speed fades out over `FADE` frames."""
    out = np.empty((frames, library.shape[1]))
    place, pace = fading(FADE)
    shown = source_frames(jumps, len(library), frames)
    for index, (frame, _) in enumerate(jumps):
        stop = jumps[index + 1][0] if index + 1 < len(jumps) else frames
        piece = library[shown[frame:stop]].copy()
        if frame > 1 and len(piece) > 1:
            velocity = out[frame - 1] - out[frame - 2]
            reach = min(len(piece), FADE)
            step, step_of_speed = out[frame - 1] + velocity - piece[0], velocity - (piece[1] - piece[0])
            piece[:reach] += place[:reach, None] * step + pace[:reach, None] * step_of_speed
        out[frame:stop] = piece
    return out


def source_frames(jumps: list[tuple[int, int]], length: int, frames: int) -> np.ndarray:
    """(frames,) of a library of so many frames, the one that each is from before jumps are smoothed out."""
    shown = np.empty(frames, int)
    for (frame, source), (stop, _) in pairwise([*jumps, (frames, 0)]):
        shown[frame:stop] = np.minimum(source + np.arange(stop - frame), length - 1)
    return shown


def fading(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Cubic Hermite curves (frames,) from 1 and from slope 1 per frame to rest."""
    time = np.arange(frames) / frames
    return 2 * time**3 - 3 * time**2 + 1, (time**3 - 2 * time**2 + time) * frames


def blend_predicted(wandering: np.ndarray, predicted: np.ndarray, evidence: np.ndarray, mean: np.ndarray,
            deviation: np.ndarray) -> np.ndarray:
    """Pose (T, 6): the wandering one, with the network's in the share that held-out frames showed it to be worth.

    predicted: (T, 6), normalised. evidence: (6,), its held-out correlation. mean, deviation: (6,) of the person.
    """
    share = np.clip(evidence, 0, MOST_PREDICTED)
    predicted = gaussian_filter1d(predicted.astype(np.float64), PREDICTED_SMOOTH, axis=0, mode="nearest")
    predicted = (predicted - predicted.mean(0)) / np.maximum(predicted.std(0), 0.3)
    wandering = (wandering - mean) / deviation
    return (mean + deviation * (share * predicted + np.sqrt(1 - share**2) * wandering)).astype(np.float32)


def speed(pose: np.ndarray) -> np.ndarray:
    """Mean absolute velocity (6,) of pose (T, 6) at 25 Hz, per second."""
    return np.abs(np.diff(pose, axis=0)).mean(0) * FRAME_RATE if len(pose) > 1 else np.zeros(pose.shape[1])
