"""Learning of one person's motion from a short clip."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch

from headroom.common.errors import InputError
from headroom.common.progress import Progress, no_progress, subprogress
from headroom.common.threads import one_thread
from headroom.face.directions import FaceDirections
from headroom.face.performance import Performance
from headroom.motion.audio.timing import FRAME_RATE
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import EXPRESSION, MotionNetwork
from headroom.motion.model.ridge import RidgeRegression, fit_ridge, new_ridge
from headroom.motion.style.measure import measure_style, normalise_motion
from headroom.motion.style.speaker_style import SpeakerStyle, unnormalised_style
from headroom.motion.train.config import TrainConfig
from headroom.motion.train.dataset import Sample, make_sample, trim_to_sound
from headroom.motion.train.held_out import (
    HeldOutPrediction,
    best_ridge_weight,
    best_strength,
    lip_correlation,
    shrinkage,
    shrunk,
    slices,
    validated_style,
)
from headroom.motion.train.loop import TrainingTask, train_network
from headroom.motion.train.losses import LossEmphasis
from headroom.motion.train.sound_offset import SoundOffset, find_offset, shift_sound

MIN_SECONDS = 2.0


@dataclass(frozen=True)
class PersonalTraining:
    """What one person's training works on.

    config: the network's shape is that of `initial`.
    initial: model to start from; None trains new networks.
    offset: of the clip's sound, before it was synchronised.
    style: as measured, before validation.
    clip: the clip with its sound synchronised and its motion normalised.
    """

    config: TrainConfig
    initial: MotionModel | None
    offset: SoundOffset
    style: SpeakerStyle
    clip: Sample
    emphasis: LossEmphasis

    @property
    def slices(self) -> list[np.ndarray]:
        """The held-out frames of each network."""
        return slices(len(self.clip), self.config.members)

    def initial_network(self, member: int) -> MotionNetwork:
        """Return a new network, or a copy of one of the initial model's."""
        if self.initial is None:
            return MotionNetwork(self.config.network)
        return copy.deepcopy(self.initial.networks[member % len(self.initial.networks)])

    def initial_ridge(self) -> RidgeRegression | None:
        """Return the regression to fit, None where the mapping has none."""
        return initial_ridge(self.config, self.initial)

    def clips_around(self, held_out: np.ndarray) -> list[Sample]:
        """Return what lies before and after the held-out frames, separated by a gap."""
        gap = self.config.gap
        pieces = [(0, int(held_out[0]) - gap), (int(held_out[-1]) + 1 + gap, len(self.clip))]
        return [self.clip.cut(first, last) for first, last in pieces if last - first > gap] or [self.clip]


@one_thread()
def train_motion(samples: np.ndarray, truth: Performance, directions: FaceDirections,
                 config: TrainConfig | None = None, progress: Progress = no_progress,
                 initial: MotionModel | None = None) -> MotionModel:
    """Learn one person's motion.

    samples: (N,) at 16 kHz, from the truth's first frame on.
    truth: tracked motion at any rate.
    directions: of the face model that the track was fitted with.
    initial: model to start from, which also determines the shape of the networks.

    Raises InputError for clips shorter than two seconds.
    """
    config = config or TrainConfig()
    if initial is not None:
        config = replace(config, network=initial.config, ridge_weight=config.ridge_weight if initial.ridge else 0.0)
    truth = trim_to_sound(samples, truth)
    if len(truth) < MIN_SECONDS * FRAME_RATE:
        raise InputError("Less than two seconds of the clip have both picture and sound. Choose a longer clip.")
    progress(0.0, "Synchronising sound and lips")
    torch.manual_seed(config.seed)
    training = prepare_training(samples, truth, directions, config, initial)
    networks, prediction = train_members(training, progress)
    model = validated_model(training, networks, prediction)
    progress(1.0, "Learned how the person moves")
    return model


def prepare_training(samples: np.ndarray, truth: Performance, directions: FaceDirections, config: TrainConfig,
                     initial: MotionModel | None) -> PersonalTraining:
    """Synchronise the sound, measure the style, and compute features and targets."""
    features = config.network.features
    offset = find_offset(samples, truth.expression, directions, features, initial)
    samples = shift_sound(samples, offset.seconds)
    style = measure_style(samples, truth, directions)
    if config.network.targets == "unnormalised":
        style = unnormalised_style(style)
    rng = np.random.default_rng(config.seed)
    clip = make_sample(samples, normalise_motion(truth, style), features, config.augment, rng)
    emphasis = LossEmphasis.of(style, directions, config.loss)
    return PersonalTraining(config, initial, offset, style, clip, emphasis)


def train_members(training: PersonalTraining, progress: Progress) -> tuple[list[MotionNetwork], HeldOutPrediction]:
    """Train each network on the clip without one slice; returns the networks and their predictions of those slices."""
    config, ridge = training.config, training.initial_ridge()
    networks, prediction = [], HeldOutPrediction.empty(len(training.clip))
    for member, held_out in enumerate(training.slices):
        report = subprogress(progress, member / config.members, (member + 1) / config.members)
        clips, validation = training.clips_around(held_out), training.clip.cut(held_out[0], held_out[-1] + 1)
        task = TrainingTask(clips, validation, training.emphasis, (config.seed, member), training.initial is not None)
        networks.append(train_network(training.initial_network(member), task, config, report))
        fitted = fit_ridge(ridge, [clip.clean_pairs() for clip in clips], config.ridge) if ridge else None
        prediction.fill(held_out, training.clip, networks[-1], fitted)
    return networks, prediction


def validated_model(training: PersonalTraining, networks: list[MotionNetwork],
                    prediction: HeldOutPrediction) -> MotionModel:
    """Combine the networks with a ridge regression on the whole clip, as the held-out predictions justify.

    A model that started from many people's stays between theirs and the person's where that predicts better.
    """
    config, style, clip = training.config, training.style, training.clip
    ridge, ridge_weight = training.initial_ridge(), 0.0
    if ridge is not None:
        ridge = fit_ridge(ridge, [clip.clean_pairs()], config.ridge)
        ridge_weight = best_ridge_weight(prediction, style, clip, config.ridge_weight)
    motion, initial = prediction.blended(ridge_weight), training.initial
    if initial is not None:
        general = initial_prediction(training, initial)
        before = general.blended(ridge_weight)
        strength = best_strength(before, motion, style, clip)
        if strength == 0:
            return general_model_of(training, initial, general)
        networks = [training.initial_network(member).towards(network, strength)
                    for member, network in enumerate(networks)]
        ridge = ridge and initial.ridge and initial.ridge.towards(ridge, strength)
        motion = motion * strength + before * (1 - strength)
    if config.network.targets == "normalised":
        factor = shrinkage(motion, clip)
        networks = [network.with_expression_map(np.diag(factor)) for network in networks]
        ridge = ridge and ridge.with_output_map(np.diag(factor))
        motion = shrunk(motion, factor)
        style = validated_style(style, motion, clip)
    score = lip_correlation(style, motion, clip)
    offset = training.offset
    return MotionModel(config.network, tuple(networks), style, ridge, ridge_weight, offset.seconds, offset.certain,
                       score)


def initial_prediction(training: PersonalTraining, initial: MotionModel) -> HeldOutPrediction:
    """Return what the initial model predicts for each held-out slice, with the one network that is trained for it."""
    before = HeldOutPrediction.empty(len(training.clip))
    for member, held_out in enumerate(training.slices):
        before.fill(held_out, training.clip, training.initial_network(member), initial.ridge)
    return before


def general_model_of(training: PersonalTraining, initial: MotionModel, prediction: HeldOutPrediction) -> MotionModel:
    """Return the initial networks and regression with the person's style.

    prediction: by `initial_prediction`.
    """
    style, clip, offset = training.style, training.clip, training.offset
    motion = prediction.blended(initial.ridge_weight)
    if training.config.network.targets == "normalised":
        style = validated_style(style, motion, clip)
    return MotionModel(initial.config, initial.networks, style, initial.ridge and initial.ridge.without_prior(),
                       initial.ridge_weight, offset.seconds, offset.certain, lip_correlation(style, motion, clip))


def initial_ridge(config: TrainConfig, initial: MotionModel | None) -> RidgeRegression | None:
    """Return the initial model's regression or a new one; None where the mapping has none."""
    if config.ridge_weight == 0:
        return None
    prior = initial.ridge if initial is not None else None
    return prior or new_ridge(config.network.features, EXPRESSION, config.ridge)
