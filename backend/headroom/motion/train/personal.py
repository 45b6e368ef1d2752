"""Learning one person from a short clip: the networks, the regression half, and what held-out frames say of both."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from headroom.common.errors import InputError
from headroom.common.progress import Progress, subprogress, no_progress
from headroom.common.threads import one_thread
from headroom.face.performance import Performance
from headroom.motion.audio.features import FRAME_RATE
from headroom.motion.audio.lag_search import correlation, shifted
from headroom.motion.model.model import SpeakerStyle, MotionModel
from headroom.motion.model.network import EXPRESSION, POSE, MotionNetwork, NetworkConfig
from headroom.motion.model.ridge import RidgeRegression, RidgeConfig, new_ridge, fit_ridge
from headroom.motion.style.measure import measure_style, normalise_motion, unnormalised_style
from headroom.motion.train.dataset import AugmentConfig, Sample, as_windows, make_sample, trim_to_sound
from headroom.motion.train.loop import train_network
from headroom.motion.train.losses import LossConfig
from headroom.motion.train.sound_offset import find_offset

SHORTEST_SECONDS = 2.0
AMPLITUDE = 0.85  # of the truth's deviation of lip opening that the prediction is brought to
MAX_GAIN = 2.2
WEIGHT_SHIFT_PENALTY = 0.05  # of correlation: what a share of the regression half quite unlike the usual one has to bring


@dataclass(frozen=True)
class TrainConfig:
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    members: int = 5  # networks whose answers are averaged; each is judged on another slice of the clip
    steps: int = 240  # the most, per network
    validate_every: int = 20  # steps
    patience: int = 4  # judgements without a better one before training ends
    batch: int = 8
    shortest: int = 16  # frames of a training piece
    longest: int = 64
    warm_up: int = 12  # frames heard before judging begins, in half the pieces
    gap: int = 7  # frames between what is learnt and what is judged: a window's reach
    rate: float = 1e-3  # of AdamW
    fine_rate: float = 3e-4  # the same when beginning from a trained network
    weight_decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.999)  # of AdamW
    grad_clip: float = 1.0
    average: float = 0.97  # of the running mean of weights that is kept per step
    readout: RidgeConfig = field(default_factory=RidgeConfig)
    ridge_weight: float = 0.7  # of the regression half in the average, unless held-out frames say otherwise
    even_weight: float = 0.2  # of every expression dimension beside its size in millimetres
    seed: int = 0


@one_thread()
def train_motion(samples: np.ndarray, truth: Performance, config: TrainConfig | None = None,
                 progress: Progress = no_progress, initial: MotionModel | None = None, *, lip_opening: np.ndarray,
                 lid_opening: np.ndarray, importance: np.ndarray | None = None,
                 gaze_modes: Sequence[int] = ()) -> MotionModel:
    """Learn one person.

    samples: (N,) at 16 kHz, beginning with the truth's first frame. truth: any rate. initial: a model to begin from.
    lip_opening, lid_opening: (64,) millimetres per unit of each expression coefficient. importance: (64,) mean vertex
    motion in millimetres per unit, default 1. gaze_modes: the coefficients that turn the eyes left and up, if any.
    """
    config = config or TrainConfig()
    if initial is not None:
        config = replace(config, network=initial.config, ridge_weight=initial.ridge_weight)
    truth = trim_to_sound(samples, truth)
    if len(truth) < SHORTEST_SECONDS * FRAME_RATE:
        raise InputError("The clip is shorter than two seconds of speech. Choose a longer clip.")
    progress(0.0, "Listening to the clip")
    rng = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    offset = find_offset(samples, truth.expression @ lip_opening, config.network.features, initial)
    samples = shifted(samples, offset)
    style = measure_style(samples, truth, lip_opening, lid_opening, gaze_modes)
    style = unnormalised_style(style) if config.network.targets == "unnormalised_style" else style
    sample = make_sample(samples, normalise_motion(truth, style), config.network.features, config.augment, rng)
    emphasis = loss_emphasis(style, importance, config)
    prior = initial_ridge(config, initial)
    networks, answers = cross_validate(sample, emphasis, config, initial, prior, progress)
    own = fit_ridge(prior, [clean_pairs(sample)], config.readout) if prior else None
    share = best_ridge_weight(answers, style, sample, config.ridge_weight) if prior else 0.0
    held_out = mix_ridge(answers, share)
    if config.network.targets == "person":
        trust = shrinkage(held_out, sample)
        networks = [network.turned(np.diag(trust)) for network in networks]
        held_out = held_out * np.append(trust, np.ones(POSE))
        own = replace(own, weights=(own.weights * trust).astype(np.float32)) if own else None
    learnt = MotionModel(config.network, tuple(networks), validated_style(style, held_out, sample, config.network),
                         own, share, offset, held_out_score(style, held_out, sample))
    progress(1.0, "Learnt how the person moves")
    return learnt if initial is None else keep_better(learnt, held_out, initial, style, sample, config)


def cross_validate(sample: Sample, emphasis: tuple[Tensor, Tensor], config: TrainConfig, initial: MotionModel | None,
              prior: RidgeRegression | None, progress: Progress) -> tuple[list[MotionNetwork], np.ndarray]:
    """A network per slice of the clip, fit_ridge by the rest of it; answers (2, T, 70) to each slice by its own one."""
    networks, answers = [], np.empty((2, len(sample), EXPRESSION + POSE), np.float32)
    for member, held in enumerate(slices_of(sample, config)):
        report = subprogress(progress, member / config.members, (member + 1) / config.members)
        learn, validation = around(sample, held, config.gap), sample.part(held[0], held[-1] + 1)
        networks.append(train_network(initial_network(config, initial, member), learn, validation, emphasis, config, (config.seed, member),
                            report, initial is not None))
        own = fit_ridge(prior, map(clean_pairs, learn), config.readout) if prior else None
        answers[:, held] = predict_slice(networks[-1], own, validation)
    return networks, answers


def keep_better(learnt: MotionModel, held_out: np.ndarray, initial: MotionModel, style: SpeakerStyle, sample: Sample,
              config: TrainConfig) -> MotionModel:
    """`learnt`, unless its answers (T, 70) to the slices held out are worse than those of the model it began from.

    Each slice is put to the one network that was not fit_ridge it, before and after it was fit_ridge the others: the mean of
    all networks, which both models answer with in the end, is left out of either.
    """
    before = np.empty((2, *held_out.shape), np.float32)
    for member, held in enumerate(slices_of(sample, config)):
        validation = sample.part(held[0], held[-1] + 1)
        before[:, held] = predict_slice(initial_network(config, initial, member), initial.readout, validation)
    foretold = mix_ridge(before, initial.ridge_weight)
    if slice_score(style, held_out, sample, config) >= slice_score(style, foretold, sample, config):
        return learnt
    readout = initial.readout.without_prior() if initial.readout is not None else None
    return replace(learnt, networks=initial.networks, readout=readout, ridge_weight=initial.ridge_weight,
                   style=validated_style(style, foretold, sample, learnt.config),
                   held_out=held_out_score(style, foretold, sample))


def slices_of(sample: Sample, config: TrainConfig) -> list[np.ndarray]:
    """The frames that each member does not learn."""
    return np.array_split(np.arange(len(sample)), config.members)


def initial_network(config: TrainConfig, initial: MotionModel | None, member: int) -> MotionNetwork:
    """A new network, or a copy of one of the initial model's."""
    if initial is None:
        return MotionNetwork(config.network)
    return copy.deepcopy(initial.networks[member % len(initial.networks)])


def initial_ridge(config: TrainConfig, initial: MotionModel | None) -> RidgeRegression | None:
    """The regression half to teach, None where the mapping has none."""
    if config.ridge_weight == 0:
        return None
    known = initial.readout if initial is not None else None
    return known or new_ridge(config.network.features, EXPRESSION, config.readout)


def around(sample: Sample, held: np.ndarray, gap: int) -> list[Sample]:
    """What lies before and after the held frames, `gap` frames off."""
    pieces = [(0, int(held[0]) - gap), (int(held[-1]) + 1 + gap, len(sample))]
    return [sample.part(first, last) for first, last in pieces if last - first > gap] or [sample]


def loss_emphasis(style: SpeakerStyle, importance: np.ndarray | None, config: TrainConfig) -> tuple[Tensor, Tensor]:
    """Weights (64,), mean 1, by how far each dimension moves the face, and the lip direction (64,), both normalise_motion."""
    size = (style.expression_deviation * (1.0 if importance is None else importance)) ** 2
    weights = size / size.mean() + config.even_weight if config.loss.by_size else np.ones(EXPRESSION)
    lips = style.expression_deviation * style.lip_opening
    spread = max(float(np.ptp(style.lip_range)) / 4, 1e-3)  # about one deviation
    return torch.from_numpy((weights / weights.mean()).astype(np.float32)), \
        torch.from_numpy((lips / spread).astype(np.float32))


def clean_pairs(clip: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Clean windows (T, 28, A) and normalise_motion expression (T, 64) of a clip."""
    return as_windows(clip.rows[:1])[0].numpy(), clip.motion[:, :EXPRESSION].numpy()


@torch.no_grad()
def predict_slice(network: MotionNetwork, readout: RidgeRegression | None, validation: Sample) -> np.ndarray:
    """Motion (2, T, 70) of the judged frames: the network's, and that with the regression's expression if any."""
    heard = as_windows(validation.rows[:1])
    expression, pose, _ = network.eval()(heard)
    of_network = torch.cat([expression, pose], -1)[0].numpy()
    if readout is None:
        return np.stack([of_network, of_network])
    return np.stack([of_network, np.concatenate([readout(heard[0].numpy()), of_network[:, EXPRESSION:]], 1)])


def mix_ridge(answers: np.ndarray, share: float) -> np.ndarray:
    """Motion (T, 70) with `share` of the regression half of answers (2, T, 70)."""
    return answers[0] * (1 - share) + answers[1] * share


def best_ridge_weight(answers: np.ndarray, style: SpeakerStyle, sample: Sample, usual: float) -> float:
    """The share of the regression half that foretells held-out lips best; far from the usual, it must be clearly so."""
    shares = np.linspace(0.1, 1.0, 10)
    scores = [held_out_score(style, mix_ridge(answers, s), sample) - WEIGHT_SHIFT_PENALTY * (s - usual) ** 2 for s in shares]
    return float(shares[int(np.argmax(scores))])


def shrinkage(held_out: np.ndarray, sample: Sample) -> np.ndarray:
    """(64,) what each expression dimension of held-out answers (T, 70) is to be multiplied by to err least, 0..1."""
    said, true = held_out[:, :EXPRESSION], sample.motion[:, :EXPRESSION].numpy()
    return np.clip((said * true).sum(0) / np.maximum((said**2).sum(0), 1e-9), 0, 1)


def validated_style(style: SpeakerStyle, held_out: np.ndarray, sample: Sample, network: NetworkConfig) -> SpeakerStyle:
    """`manner` with what the held-out answers (T, 70) say about trust in the pose and about caution of the lips."""
    if network.targets == "unnormalised_style":
        return style  # the paper's mapping is used as it is
    true = sample.motion.numpy()
    evidence = np.array([correlation(held_out[:, i], true[:, i]) for i in range(EXPRESSION, true.shape[1])])
    lips = style.expression_deviation * style.lip_opening
    spread = float((held_out[:, :EXPRESSION] @ lips).std())
    gain = AMPLITUDE * float((true[:, :EXPRESSION] @ lips).std()) / max(spread, 1e-6)
    return replace(style, pose_evidence=np.clip(evidence, 0, 1).astype(np.float32),
                   lip_gain=np.array([np.clip(gain, 1.0, MAX_GAIN)], np.float32))


def held_out_score(style: SpeakerStyle, held_out: np.ndarray, sample: Sample) -> float:
    """Correlation of the lip opening on frames that were not learnt."""
    lips = style.expression_deviation * style.lip_opening
    return correlation(held_out[:, :EXPRESSION] @ lips, sample.motion[:, :EXPRESSION].numpy() @ lips)


def slice_score(style: SpeakerStyle, answers: np.ndarray, sample: Sample, config: TrainConfig) -> float:
    """The same slice by slice, the mean of all: they are predict_slice by different networks."""
    return float(np.mean([held_out_score(style, answers[held], sample.part(held[0], held[-1] + 1))
                          for held in slices_of(sample, config)]))
