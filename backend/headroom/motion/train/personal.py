"""Learning one person from a short clip: the networks, the regression half, and what held-out frames say of both."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from headroom.common.errors import InputError
from headroom.common.progress import Progress, part, silent
from headroom.common.threads import one_thread
from headroom.face.performance import Performance
from headroom.motion.audio.features import FRAME_RATE
from headroom.motion.audio.lag_search import correlation, shifted
from headroom.motion.model.model import Manner, MotionModel
from headroom.motion.model.network import EXPRESSION, POSE, MotionNetwork, NetworkConfig
from headroom.motion.model.ridge import Readout, ReadoutConfig, new_readout, taught
from headroom.motion.style.measure import measure_manner, normalised, plain
from headroom.motion.train.dataset import AugmentConfig, Sample, as_windows, make_sample, matched
from headroom.motion.train.loop import fit
from headroom.motion.train.losses import LossConfig
from headroom.motion.train.sound_offset import find_offset

SHORTEST_SECONDS = 2.0
LIVELINESS = 0.85  # of the truth's deviation of lip opening that the prediction is brought to
GREATEST_GAIN = 2.2
CAUTION = 0.05  # of correlation: what a share of the regression half quite unlike the usual one has to bring


@dataclass(frozen=True)
class TrainConfig:
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    members: int = 5  # networks whose answers are averaged; each is judged on another slice of the clip
    steps: int = 240  # the most, per network
    judge_every: int = 20  # steps
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
    longest_gradient: float = 1.0
    average: float = 0.97  # of the running mean of weights that is kept per step
    readout: ReadoutConfig = field(default_factory=ReadoutConfig)
    readout_share: float = 0.7  # of the regression half in the average, unless held-out frames say otherwise
    even_weight: float = 0.2  # of every expression dimension beside its size in millimetres
    seed: int = 0


@one_thread()
def train_motion(samples: np.ndarray, truth: Performance, config: TrainConfig | None = None,
                 progress: Progress = silent, initial: MotionModel | None = None, *, lip_opening: np.ndarray,
                 lid_opening: np.ndarray, importance: np.ndarray | None = None,
                 gaze_modes: Sequence[int] = ()) -> MotionModel:
    """Learn one person.

    samples: (N,) at 16 kHz, beginning with the truth's first frame. truth: any rate. initial: a model to begin from.
    lip_opening, lid_opening: (64,) millimetres per unit of each expression coefficient. importance: (64,) mean vertex
    motion in millimetres per unit, default 1. gaze_modes: the coefficients that turn the eyes left and up, if any.
    """
    config = config or TrainConfig()
    if initial is not None:
        config = replace(config, network=initial.config, readout_share=initial.readout_share)
    truth = matched(samples, truth)
    if len(truth) < SHORTEST_SECONDS * FRAME_RATE:
        raise InputError("The clip is shorter than two seconds of speech. Choose a longer clip.")
    progress(0.0, "Listening to the clip")
    rng = np.random.default_rng(config.seed)
    torch.manual_seed(config.seed)
    offset = find_offset(samples, truth.expression @ lip_opening, config.network.features, initial)
    samples = shifted(samples, offset)
    manner = measure_manner(samples, truth, lip_opening, lid_opening, gaze_modes)
    manner = plain(manner) if config.network.targets == "plain" else manner
    sample = make_sample(samples, normalised(truth, manner), config.network.features, config.augment, rng)
    emphasis = emphasis_of(manner, importance, config)
    prior = beginning_readout(config, initial)
    networks, answers = by_slices(sample, emphasis, config, initial, prior, progress)
    own = taught(prior, [heard_and_seen(sample)], config.readout) if prior else None
    share = best_share(answers, manner, sample, config.readout_share) if prior else 0.0
    held_out = mixed(answers, share)
    if config.network.targets == "person":
        trust = trust_in(held_out, sample)
        networks = [network.turned(np.diag(trust)) for network in networks]
        held_out = held_out * np.append(trust, np.ones(POSE))
        own = replace(own, weights=(own.weights * trust).astype(np.float32)) if own else None
    learnt = MotionModel(config.network, tuple(networks), judged_manner(manner, held_out, sample, config.network),
                         own, share, offset, held_out_score(manner, held_out, sample))
    progress(1.0, "Learnt how the person moves")
    return learnt if initial is None else not_worse(learnt, held_out, initial, manner, sample, config)


def by_slices(sample: Sample, emphasis: tuple[Tensor, Tensor], config: TrainConfig, initial: MotionModel | None,
              prior: Readout | None, progress: Progress) -> tuple[list[MotionNetwork], np.ndarray]:
    """A network per slice of the clip, taught by the rest of it; answers (2, T, 70) to each slice by its own one."""
    networks, answers = [], np.empty((2, len(sample), EXPRESSION + POSE), np.float32)
    for member, held in enumerate(slices_of(sample, config)):
        report = part(progress, member / config.members, (member + 1) / config.members)
        learn, judged = around(sample, held, config.gap), sample.part(held[0], held[-1] + 1)
        networks.append(fit(beginning(config, initial, member), learn, judged, emphasis, config, (config.seed, member),
                            report, initial is not None))
        own = taught(prior, map(heard_and_seen, learn), config.readout) if prior else None
        answers[:, held] = answered(networks[-1], own, judged)
    return networks, answers


def not_worse(learnt: MotionModel, held_out: np.ndarray, initial: MotionModel, manner: Manner, sample: Sample,
              config: TrainConfig) -> MotionModel:
    """`learnt`, unless its answers (T, 70) to the slices held out are worse than those of the model it began from.

    Each slice is put to the one network that was not taught it, before and after it was taught the others: the mean of
    all networks, which both models answer with in the end, is left out of either.
    """
    before = np.empty((2, *held_out.shape), np.float32)
    for member, held in enumerate(slices_of(sample, config)):
        judged = sample.part(held[0], held[-1] + 1)
        before[:, held] = answered(beginning(config, initial, member), initial.readout, judged)
    foretold = mixed(before, initial.readout_share)
    if slice_score(manner, held_out, sample, config) >= slice_score(manner, foretold, sample, config):
        return learnt
    readout = initial.readout.without_prior() if initial.readout is not None else None
    return replace(learnt, networks=initial.networks, readout=readout, readout_share=initial.readout_share,
                   manner=judged_manner(manner, foretold, sample, learnt.config),
                   held_out=held_out_score(manner, foretold, sample))


def slices_of(sample: Sample, config: TrainConfig) -> list[np.ndarray]:
    """The frames that each member does not learn."""
    return np.array_split(np.arange(len(sample)), config.members)


def beginning(config: TrainConfig, initial: MotionModel | None, member: int) -> MotionNetwork:
    """A new network, or a copy of one of the initial model's."""
    if initial is None:
        return MotionNetwork(config.network)
    return copy.deepcopy(initial.networks[member % len(initial.networks)])


def beginning_readout(config: TrainConfig, initial: MotionModel | None) -> Readout | None:
    """The regression half to teach, None where the mapping has none."""
    if config.readout_share == 0:
        return None
    known = initial.readout if initial is not None else None
    return known or new_readout(config.network.features, EXPRESSION, config.readout)


def around(sample: Sample, held: np.ndarray, gap: int) -> list[Sample]:
    """What lies before and after the held frames, `gap` frames off."""
    pieces = [(0, int(held[0]) - gap), (int(held[-1]) + 1 + gap, len(sample))]
    return [sample.part(first, last) for first, last in pieces if last - first > gap] or [sample]


def emphasis_of(manner: Manner, importance: np.ndarray | None, config: TrainConfig) -> tuple[Tensor, Tensor]:
    """Weights (64,), mean 1, by how far each dimension moves the face, and the lip direction (64,), both normalised."""
    size = (manner.expression_deviation * (1.0 if importance is None else importance)) ** 2
    weights = size / size.mean() + config.even_weight if config.loss.by_size else np.ones(EXPRESSION)
    lips = manner.expression_deviation * manner.lip_opening
    spread = max(float(np.ptp(manner.lip_range)) / 4, 1e-3)  # about one deviation
    return torch.from_numpy((weights / weights.mean()).astype(np.float32)), \
        torch.from_numpy((lips / spread).astype(np.float32))


def heard_and_seen(clip: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Clean windows (T, 28, A) and normalised expression (T, 64) of a clip."""
    return as_windows(clip.rows[:1])[0].numpy(), clip.motion[:, :EXPRESSION].numpy()


@torch.no_grad()
def answered(network: MotionNetwork, readout: Readout | None, judged: Sample) -> np.ndarray:
    """Motion (2, T, 70) of the judged frames: the network's, and that with the regression's expression if any."""
    heard = as_windows(judged.rows[:1])
    expression, pose, _ = network.eval()(heard)
    of_network = torch.cat([expression, pose], -1)[0].numpy()
    if readout is None:
        return np.stack([of_network, of_network])
    return np.stack([of_network, np.concatenate([readout(heard[0].numpy()), of_network[:, EXPRESSION:]], 1)])


def mixed(answers: np.ndarray, share: float) -> np.ndarray:
    """Motion (T, 70) with `share` of the regression half of answers (2, T, 70)."""
    return answers[0] * (1 - share) + answers[1] * share


def best_share(answers: np.ndarray, manner: Manner, sample: Sample, usual: float) -> float:
    """The share of the regression half that foretells held-out lips best; far from the usual, it must be clearly so."""
    shares = np.linspace(0.1, 1.0, 10)
    scores = [held_out_score(manner, mixed(answers, s), sample) - CAUTION * (s - usual) ** 2 for s in shares]
    return float(shares[int(np.argmax(scores))])


def trust_in(held_out: np.ndarray, sample: Sample) -> np.ndarray:
    """(64,) what each expression dimension of held-out answers (T, 70) is to be multiplied by to err least, 0..1."""
    said, true = held_out[:, :EXPRESSION], sample.motion[:, :EXPRESSION].numpy()
    return np.clip((said * true).sum(0) / np.maximum((said**2).sum(0), 1e-9), 0, 1)


def judged_manner(manner: Manner, held_out: np.ndarray, sample: Sample, network: NetworkConfig) -> Manner:
    """`manner` with what the held-out answers (T, 70) say about trust in the pose and about caution of the lips."""
    if network.targets == "plain":
        return manner  # the paper's mapping is used as it is
    true = sample.motion.numpy()
    evidence = np.array([correlation(held_out[:, i], true[:, i]) for i in range(EXPRESSION, true.shape[1])])
    lips = manner.expression_deviation * manner.lip_opening
    spread = float((held_out[:, :EXPRESSION] @ lips).std())
    gain = LIVELINESS * float((true[:, :EXPRESSION] @ lips).std()) / max(spread, 1e-6)
    return replace(manner, pose_evidence=np.clip(evidence, 0, 1).astype(np.float32),
                   lip_gain=np.array([np.clip(gain, 1.0, GREATEST_GAIN)], np.float32))


def held_out_score(manner: Manner, held_out: np.ndarray, sample: Sample) -> float:
    """Correlation of the lip opening on frames that were not learnt."""
    lips = manner.expression_deviation * manner.lip_opening
    return correlation(held_out[:, :EXPRESSION] @ lips, sample.motion[:, :EXPRESSION].numpy() @ lips)


def slice_score(manner: Manner, answers: np.ndarray, sample: Sample, config: TrainConfig) -> float:
    """The same slice by slice, the mean of all: they are answered by different networks."""
    return float(np.mean([held_out_score(manner, answers[held], sample.part(held[0], held[-1] + 1))
                          for held in slices_of(sample, config)]))
