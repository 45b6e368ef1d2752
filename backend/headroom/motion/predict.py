"""Speech to performance: expression from the networks, the head and the blinks in the person's manner."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from headroom.common.threads import one_thread
from headroom.face.performance import Performance
from headroom.motion.audio.features import FRAME_RATE, UtteranceStats, frame_count, utterance_stats, speech_levels, feature_windows
from headroom.motion.model.model import SpeakerStyle, MotionModel
from headroom.motion.model.network import EXPRESSION, POSE, State
from headroom.motion.style.blinks import Blinks, add_blinks, without
from headroom.motion.style.gaze import hold_gaze
from headroom.motion.style.head_motion import blend_predicted, ping_pong, walk_motion_graph

CHUNK_FRAMES = 1000  # 40 s of sound in memory at a time
LIP_SMOOTH = 0.6  # frames: lips light
SMOOTH_REACH = 4  # frames: the smoothing of the lips is cut off at four deviations
SPEECH_DB = -35.0  # below the loud parts: quieter than this is a pause
ANTICIPATION, HANGOVER = 6, 8  # frames the mouth leaves its rest before and after sound
GATE_SMOOTH = 1.5  # frames
DEAF_LEVEL_DB = -60.0  # of full scale: a recording whose loud parts are below this is silence


def predict(model: MotionModel, samples: np.ndarray, seconds: float | None = None, seed: int = 0,
            chunk_frames: int = CHUNK_FRAMES) -> Performance:
    """The performance at 25 Hz for speech (N,), 16 kHz, `seconds` long if given; the seed changes head and blinks.

    Of a long speech no more than `chunk_frames` are looked at in one go; what stays in memory is the motion itself.
    `samples` may lie on disk (`headroom.media.audio.audio_on_disk`).
    """
    frames = frame_count(samples) if seconds is None else max(1, round(seconds * FRAME_RATE))
    stats = utterance_stats(samples, model.config.features)
    levels = np.concatenate([speech_levels(samples, first, min(first + chunk_frames, frames), stats.loud_db)
                             for first in range(0, frames, chunk_frames)])
    motion = predicted_motion(model, samples, frames, stats, chunk_frames)
    expression = to_expression_in_chunks(model.style, motion[:, :EXPRESSION], speech_gate(levels, stats), chunk_frames)
    expression = add_blinks(expression, Blinks(float(model.style.blink_rate[0]), model.style.blink), seed)
    pose, shown = predict_pose(model, motion[:, EXPRESSION:], levels, seed)
    if shown is not None:
        expression = with_gaze(model.style, expression, shown, pose)
    return Performance(FRAME_RATE, expression, pose[:, :3], pose[:, 3:])


def replayed(model: MotionModel, performance: Performance) -> Performance:
    """`performance` with the head and the gaze of the clip, played forwards and backwards in turn."""
    pose = model.style.pose
    shown = ping_pong(len(pose), len(performance))
    expression = with_gaze(model.style, performance.expression, shown, pose[shown])
    return Performance(performance.fps, expression, pose[shown, :3], pose[shown, 3:])


def predict_pose(model: MotionModel, predicted: np.ndarray, levels: np.ndarray, seed: int
         ) -> tuple[np.ndarray, np.ndarray | None]:
    """Pose (T, 6) from the network's (T, 6), normalised, and the loudness (T,) of the speech; the frame (T,) of the
    clip that it is from, if any.
    """
    style = model.style
    if model.config.head == "network":
        return predicted * style.pose_deviation + style.pose_mean, None
    wandering, shown = walk_motion_graph(style.pose, style.levels, levels, seed)
    return blend_predicted(wandering, predicted, style.pose_evidence, style.pose_mean, style.pose_deviation), shown


def with_gaze(style: SpeakerStyle, expression: np.ndarray, shown: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """expression (T, 64) with the gaze of the clip's frames (T,), held against the pose (T, 6)."""
    if not len(style.gaze_modes):
        return expression
    expression = expression.copy()
    expression[:, style.gaze_modes.astype(int)] = hold_gaze(style.gaze, style.pose, shown, pose)
    return expression


@torch.no_grad()
@one_thread()
def predicted_motion(model: MotionModel, samples: np.ndarray, frames: int, stats: UtteranceStats,
                     chunk_frames: int = CHUNK_FRAMES) -> np.ndarray:
    """Normalised motion (frames, 70): the mean of the networks, chunk by chunk with their states carried on."""
    out = np.empty((frames, EXPRESSION + POSE), np.float32)
    states: list[State | None] = [None] * len(model.networks)
    for first in range(0, frames, chunk_frames):
        last = min(first + chunk_frames, frames)
        heard = feature_windows(samples, first, last, model.config.features, stats)
        answers = []
        for index, network in enumerate(model.networks):
            expression, pose, states[index] = network.eval()(torch.from_numpy(heard)[None], states[index])
            answers.append(torch.cat([expression, pose], -1)[0])
        out[first:last] = torch.stack(answers).mean(0).numpy()
        if model.readout is not None and model.ridge_weight:
            out[first:last, :EXPRESSION] += model.ridge_weight * (model.readout(heard) - out[first:last, :EXPRESSION])
    return out


def speech_gate(levels: np.ndarray, stats: UtteranceStats) -> np.ndarray:
    """How much (T,), 0..1, the mouth is speech's: 1 near sound, 0 in pauses."""
    if stats.loud_db < DEAF_LEVEL_DB:
        return np.zeros(len(levels))
    size = ANTICIPATION + HANGOVER + 1
    gate = maximum_filter1d((levels > SPEECH_DB).astype(float), size, origin=(HANGOVER - ANTICIPATION) // 2)
    return gaussian_filter1d(gate, GATE_SMOOTH, mode="nearest")


def to_expression_in_chunks(style: SpeakerStyle, normalised: np.ndarray, speech_gate: np.ndarray, chunk_frames: int) -> np.ndarray:
    """`face` of any length, its float64 steps a piece at a time; the pieces overlap by the reach of the smoothing."""
    out = np.empty(normalised.shape, np.float32)
    for first in range(0, len(out), chunk_frames):
        last = min(first + chunk_frames, len(out))
        low, high = max(0, first - SMOOTH_REACH), min(len(out), last + SMOOTH_REACH)
        out[first:last] = to_expression(style, normalised[low:high], speech_gate[low:high])[first - low:last - low]
    return out


def to_expression(style: SpeakerStyle, normalised: np.ndarray, speech_gate: np.ndarray) -> np.ndarray:
    """Expression (T, 64) without blinks: lips alive and within the person's range, at rest in pauses, lids open."""
    moved = normalised * style.expression_deviation + style.expression_mean
    moved = gaussian_filter1d(moved, LIP_SMOOTH, axis=0, mode="nearest")
    usual = style.expression_mean @ style.lip_opening
    opening = usual + (moved @ style.lip_opening - usual) * style.lip_gain
    # the opening alone: in everything else the caution is right, and more of it would be more that is wrong
    along = style.lip_opening * style.expression_deviation**2
    moved = set_component(moved, style.lip_opening, np.clip(opening, *style.lip_range), along)
    moved = style.rest + (moved - style.rest) * speech_gate[:, None]
    lids = without(style.lid_opening[None], style.lip_opening)[0]
    open_eyes = np.full(len(moved), float(style.rest @ style.lid_opening))
    return set_component(moved, style.lid_opening, open_eyes, lids).astype(np.float32)


def set_component(expression: np.ndarray, effect: np.ndarray, wanted: np.ndarray,
                along: np.ndarray | None = None) -> np.ndarray:
    """expression (T, 64) changed along one direction so that expression @ effect (64,) becomes `wanted` (T,)."""
    along = effect if along is None else along
    travel = float(along @ effect)
    if travel < 1e-9:
        return expression
    return expression + np.outer((wanted - expression @ effect) / travel, along)
