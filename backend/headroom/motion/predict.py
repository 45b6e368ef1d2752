"""Speech to performance: mouth and cheeks are predicted; head pose, brows, gaze and blinks follow the speaker style."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from headroom.common.progress import Progress, no_progress, subprogress
from headroom.common.threads import one_thread
from headroom.face.performance import Performance
from headroom.face.phone_track import PhoneTrack
from headroom.face.word_track import SpokenWords
from headroom.motion.audio.features import UtteranceStats, feature_windows, utterance_stats
from headroom.motion.audio.loudness import speech_levels
from headroom.motion.audio.phone_alignment import align_phones
from headroom.motion.audio.timing import FRAME_RATE, ROWS_PER_FRAME, frame_count
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import EXPRESSION, MOTION, State
from headroom.motion.style.accents import find_accents
from headroom.motion.style.blinks import add_blinks, orthogonal_to
from headroom.motion.style.gaze import compensated_gaze
from headroom.motion.style.lip_closure import close_at_bilabials, shape_gate, speech_gate
from headroom.motion.style.motion_graph import blend_predicted, ping_pong, walk_motion_graph
from headroom.motion.style.speaker_style import SpeakerStyle

CHUNK_FRAMES = 3000  # predicted at once, 2 minutes; this bounds the memory needed besides the result
PREDICTED = 0.6  # of the time of a prediction; the rest is for the phones
LIP_SMOOTHING = 0.6  # frames
SMOOTHING_REACH = 4  # frames; the Gaussian on the lips is cut off at four deviations


def predict(model: MotionModel, samples: np.ndarray, seconds: float | None = None, seed: int = 0,
            spoken: SpokenWords | None = None, progress: Progress = no_progress) -> Performance:
    """Predict the performance at 25 Hz for a speech, `CHUNK_FRAMES` at once.

    samples: (N,) at 16 kHz; may be mapped from disk (`headroom.media.audio.audio_on_disk`).
    seconds: length of the performance; None is the length of the speech.
    seed: of head pose and blinks.
    spoken: what is said, where a transcript was given; lips close at its phones instead of those that are heard.
    """
    frames = frame_count(samples) if seconds is None else max(1, round(seconds * FRAME_RATE))
    stats = utterance_stats(samples, model.config.features)
    levels = np.concatenate([speech_levels(samples, first, min(first + CHUNK_FRAMES, frames), stats.loud_db)
                             for first in range(0, frames, CHUNK_FRAMES)])
    networks = subprogress(progress, 0, PREDICTED if spoken is None else 1)
    motion = predict_motion(model, samples, frames, stats, networks)
    if spoken is None:
        phones = align_phones(samples, frames * ROWS_PER_FRAME, subprogress(progress, PREDICTED, 1))
    else:
        phones = spoken.phones
    speech = speech_gate(levels, stats.loud_db)
    lips = LipMotion(lip_openings(model.style, motion, phones), speech, shape_gate(speech))
    expression = to_expression_in_chunks(model.style, motion[:, :EXPRESSION], lips)
    if model.config.pose == "network":
        expression = add_blinks(expression, model.style.blinks, seed)
        pose = motion[:, EXPRESSION:] * model.style.pose_deviation + model.style.pose_mean
    else:
        walk = walk_motion_graph(model.style, levels, find_accents(samples, levels), seed)
        expression[:, list(model.style.brow_modes)] = walk.brows
        expression = add_blinks(expression, model.style.blinks, seed)
        pose = blend_predicted(model.style, walk.pose, motion[:, EXPRESSION:])
        expression = with_gaze(model.style, expression, walk.sources, pose)
    return Performance(FRAME_RATE, expression, pose[:, :3], pose[:, 3:], phones,
                       words=None if spoken is None else spoken.words)


def replayed(model: MotionModel, performance: Performance) -> Performance:
    """Return `performance` with the clip's own head pose and gaze, played forwards and backwards in turn."""
    sources = ping_pong(len(model.style.pose), len(performance))
    pose = model.style.pose[sources]
    expression = with_gaze(model.style, performance.expression, sources, pose)
    return replace(performance, expression=expression, rotation=pose[:, :3], translation=pose[:, 3:])


def with_gaze(style: SpeakerStyle, expression: np.ndarray, source_frames: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Return expression (T, 64) with the clip's gaze of `source_frames` (T,), compensated for the pose (T, 6)."""
    if not style.gaze_modes:
        return expression
    expression = expression.copy()
    expression[:, list(style.gaze_modes)] = compensated_gaze(style.gaze, style.pose, source_frames, pose)
    return expression


@torch.no_grad()
@one_thread()
def predict_motion(model: MotionModel, samples: np.ndarray, frames: int, stats: UtteranceStats,
                   progress: Progress = no_progress) -> np.ndarray:
    """Predict normalised motion (frames, 70): the mean of the networks, its expression blended with the regression.

    The networks' states are carried from chunk to chunk.
    """
    motion = np.empty((frames, MOTION), np.float32)
    states: list[State | None] = [None] * len(model.networks)
    for first in range(0, frames, CHUNK_FRAMES):
        progress(first / frames, "Predicting the performance")
        last = min(first + CHUNK_FRAMES, frames)
        windows = feature_windows(samples, first, last, model.config.features, stats)
        motion[first:last], states = predict_windows(model, windows, states)
    return motion


def predict_windows(
    model: MotionModel, windows: np.ndarray, states: list[State | None]
) -> tuple[np.ndarray, list[State | None]]:
    """Return normalised motion (T, 70) of windows (T, W, A) in a row, and the networks' states after them.

    states: of the networks before the first window; None is the state at the beginning.
    """
    outputs: list[torch.Tensor] = []
    after: list[State | None] = []
    for network, state in zip(model.networks, states):
        output, state = network.eval()(torch.from_numpy(windows)[None], state)
        outputs.append(output[0])
        after.append(state)
    motion = torch.stack(outputs).mean(0).numpy()
    if model.ridge is not None and model.ridge_weight:
        motion[:, :EXPRESSION] += model.ridge_weight * (model.ridge.predict(windows) - motion[:, :EXPRESSION])
    return motion, after


@dataclass(frozen=True)
class LipMotion:
    """What the lips do at 25 Hz.

    opening: (T,) millimetres.
    speech: (T,) weight of that opening against closed lips, 0..1.
    shape: (T,) weight of the rest of the predicted face against the face at rest, 0..1.
    """

    opening: np.ndarray
    speech: np.ndarray
    shape: np.ndarray

    def cut(self, first: int, last: int) -> LipMotion:
        """Return the frames first..last-1."""
        return LipMotion(self.opening[first:last], self.speech[first:last], self.shape[first:last])


def lip_openings(style: SpeakerStyle, motion: np.ndarray, phones: PhoneTrack) -> np.ndarray:
    """Return lip openings (T,) in the person's range from normalised motion (T, 70), closed at B, M and P."""
    predicted = style.mean_lip_opening + motion[:, :EXPRESSION] @ style.lip_direction
    predicted = gaussian_filter1d(predicted.astype(np.float64), LIP_SMOOTHING, mode="nearest")
    own = style.lip_curve[1]
    return close_at_bilabials(np.interp(predicted, *style.lip_curve), phones, float(own[0]), float(np.median(own)))


def to_expression_in_chunks(style: SpeakerStyle, normalised: np.ndarray, lips: LipMotion) -> np.ndarray:
    """Run `to_expression` in chunks, because its steps are in float64; chunks overlap by the reach of the smoothing."""
    out = np.empty(normalised.shape, np.float32)
    for first in range(0, len(out), CHUNK_FRAMES):
        last = min(first + CHUNK_FRAMES, len(out))
        low, high = max(0, first - SMOOTHING_REACH), min(len(out), last + SMOOTHING_REACH)
        out[first:last] = to_expression(style, normalised[low:high], lips.cut(low, high))[first - low:last - low]
    return out


def to_expression(style: SpeakerStyle, normalised: np.ndarray, lips: LipMotion) -> np.ndarray:
    """Return expression (T, 64) with open lids, with the given lip openings; in pauses lips are closed.

    The rest of the face is then near that at rest.


    normalised: (T, 64).
    """
    expression = normalised * style.expression_deviation + style.expression_mean
    expression = gaussian_filter1d(expression, LIP_SMOOTHING, axis=0, mode="nearest")
    expression = style.rest + (expression - style.rest) * lips.shape[:, None]
    closed = min(float(style.rest @ style.lip_opening), float(style.lip_curve[1, 0]))
    opening = closed + (lips.opening - closed) * lips.speech
    # only the opening is set: elsewhere a cautious prediction is nearer to the truth than a larger one
    expression = set_component(expression, style.lip_opening, opening, style.opening_direction)
    lid_direction = orthogonal_to(style.lid_opening[None], style.lip_opening)[0]
    open_lids = np.full(len(expression), float(style.rest @ style.lid_opening))
    return set_component(expression, style.lid_opening, open_lids, lid_direction).astype(np.float32)


def set_component(expression: np.ndarray, effect: np.ndarray, target: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Move expression (T, 64) along `direction` (64,) until expression @ effect (64,) equals `target` (T,)."""
    change = float(direction @ effect)
    if change < 1e-9:
        return expression
    return expression + np.outer((target - expression @ effect) / change, direction)
