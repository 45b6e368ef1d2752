"""Speech to performance: mouth and cheeks are predicted; head pose, brows, gaze and blinks follow the speaker style."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from headroom.common.threads import one_thread
from headroom.face.performance import Performance
from headroom.motion.audio.features import UtteranceStats, feature_windows, utterance_stats
from headroom.motion.audio.loudness import speech_levels
from headroom.motion.audio.timing import FRAME_RATE, frame_count
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import EXPRESSION, MOTION, State
from headroom.motion.style.accents import find_accents
from headroom.motion.style.blinks import add_blinks, orthogonal_to
from headroom.motion.style.gaze import compensated_gaze
from headroom.motion.style.motion_graph import blend_predicted, ping_pong, walk_motion_graph
from headroom.motion.style.speaker_style import SpeakerStyle

CHUNK_FRAMES = 1000  # predicted at once, 40 s
LIP_SMOOTHING = 0.6  # frames
SMOOTHING_REACH = 4  # frames; the Gaussian on the lips is cut off at four deviations
SPEECH_DB = -35.0  # frames quieter than this are pauses
ANTICIPATION, HANGOVER = 6, 8  # frames that the mouth moves before and after sound
GATE_SMOOTHING = 1.5  # frames
SILENT_DB = -60.0  # of full scale: a recording whose loud parts are quieter is silent


def predict(model: MotionModel, samples: np.ndarray, seconds: float | None = None, seed: int = 0,
            chunk_frames: int = CHUNK_FRAMES) -> Performance:
    """Predict the performance at 25 Hz for a speech.

    samples: (N,) at 16 kHz; may be mapped from disk (`headroom.media.audio.audio_on_disk`).
    seconds: length of the performance; None is the length of the speech.
    seed: of head pose and blinks.
    chunk_frames: frames predicted at once, which bounds the memory needed besides the result.
    """
    frames = frame_count(samples) if seconds is None else max(1, round(seconds * FRAME_RATE))
    stats = utterance_stats(samples, model.config.features)
    levels = np.concatenate([speech_levels(samples, first, min(first + chunk_frames, frames), stats.loud_db)
                             for first in range(0, frames, chunk_frames)])
    motion = predict_motion(model, samples, frames, stats, chunk_frames)
    gate = speech_gate(levels, stats)
    expression = to_expression_in_chunks(model.style, motion[:, :EXPRESSION], gate, chunk_frames)
    if model.config.pose == "network":
        expression = add_blinks(expression, model.style.blinks, seed)
        pose = motion[:, EXPRESSION:] * model.style.pose_deviation + model.style.pose_mean
    else:
        walk = walk_motion_graph(model.style, levels, find_accents(samples, levels), seed)
        expression[:, list(model.style.brow_modes)] = walk.brows
        expression = add_blinks(expression, model.style.blinks, seed)
        pose = blend_predicted(model.style, walk.pose, motion[:, EXPRESSION:])
        expression = with_gaze(model.style, expression, walk.sources, pose)
    return Performance(FRAME_RATE, expression, pose[:, :3], pose[:, 3:])


def replayed(model: MotionModel, performance: Performance) -> Performance:
    """Return `performance` with the clip's own head pose and gaze, played forwards and backwards in turn."""
    sources = ping_pong(len(model.style.pose), len(performance))
    pose = model.style.pose[sources]
    expression = with_gaze(model.style, performance.expression, sources, pose)
    return Performance(performance.fps, expression, pose[:, :3], pose[:, 3:])


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
                   chunk_frames: int = CHUNK_FRAMES) -> np.ndarray:
    """Predict normalised motion (frames, 70): the mean of the networks, its expression blended with the regression.

    The networks' states are carried from chunk to chunk.
    """
    motion = np.empty((frames, MOTION), np.float32)
    states: list[State | None] = [None] * len(model.networks)
    for first in range(0, frames, chunk_frames):
        last = min(first + chunk_frames, frames)
        windows = feature_windows(samples, first, last, model.config.features, stats)
        outputs = []
        for index, network in enumerate(model.networks):
            output, states[index] = network.eval()(torch.from_numpy(windows)[None], states[index])
            outputs.append(output[0])
        motion[first:last] = torch.stack(outputs).mean(0).numpy()
        if model.ridge is not None and model.ridge_weight:
            expression = motion[first:last, :EXPRESSION]
            expression += model.ridge_weight * (model.ridge.predict(windows) - expression)
    return motion


def speech_gate(levels: np.ndarray, stats: UtteranceStats) -> np.ndarray:
    """Return the weight (T,) of speech against the face at rest: 1 near sound, 0 in pauses."""
    if stats.loud_db < SILENT_DB:
        return np.zeros(len(levels))
    size = ANTICIPATION + HANGOVER + 1
    gate = maximum_filter1d((levels > SPEECH_DB).astype(float), size, origin=(HANGOVER - ANTICIPATION) // 2)
    return gaussian_filter1d(gate, GATE_SMOOTHING, mode="nearest")


def to_expression_in_chunks(style: SpeakerStyle, normalised: np.ndarray, gate: np.ndarray,
                            chunk_frames: int) -> np.ndarray:
    """Run `to_expression` in chunks, because its steps are in float64; chunks overlap by the reach of the smoothing."""
    out = np.empty(normalised.shape, np.float32)
    for first in range(0, len(out), chunk_frames):
        last = min(first + chunk_frames, len(out))
        low, high = max(0, first - SMOOTHING_REACH), min(len(out), last + SMOOTHING_REACH)
        out[first:last] = to_expression(style, normalised[low:high], gate[low:high])[first - low:last - low]
    return out


def to_expression(style: SpeakerStyle, normalised: np.ndarray, gate: np.ndarray) -> np.ndarray:
    """Return expression (T, 64) with open lids: lips scaled to the person's range, the face at rest in pauses.

    normalised: (T, 64). gate: (T,) weight of speech.
    """
    expression = normalised * style.expression_deviation + style.expression_mean
    expression = gaussian_filter1d(expression, LIP_SMOOTHING, axis=0, mode="nearest")
    mean_opening = style.expression_mean @ style.lip_opening
    opening = mean_opening + (expression @ style.lip_opening - mean_opening) * style.lip_gain
    # only the opening is scaled: elsewhere a cautious prediction is nearer to the truth than a larger one
    direction = style.lip_opening * style.expression_deviation**2
    expression = set_component(expression, style.lip_opening, np.clip(opening, *style.lip_range), direction)
    expression = style.rest + (expression - style.rest) * gate[:, None]
    lid_direction = orthogonal_to(style.lid_opening[None], style.lip_opening)[0]
    open_lids = np.full(len(expression), float(style.rest @ style.lid_opening))
    return set_component(expression, style.lid_opening, open_lids, lid_direction).astype(np.float32)


def set_component(expression: np.ndarray, effect: np.ndarray, target: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Move expression (T, 64) along `direction` (64,) until expression @ effect (64,) equals `target` (T,)."""
    change = float(direction @ effect)
    if change < 1e-9:
        return expression
    return expression + np.outer((target - expression @ effect) / change, direction)
