"""Learning of the general weights from many people, which personal learning starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from headroom.common import distributed
from headroom.common.arrays import evenly_spaced
from headroom.common.checkpoint import TrainingCheckpoint
from headroom.common.progress import Progress, no_progress, subprogress
from headroom.common.threads import one_thread
from headroom.face.directions import FaceDirections
from headroom.face.performance import Performance
from headroom.motion.audio.features import FeatureConfig, utterance_stats
from headroom.motion.audio.timing import FRAME_RATE, FRAME_SAMPLES
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import EXPRESSION, MotionNetwork
from headroom.motion.model.ridge import fit_ridge
from headroom.motion.predict import predict_windows
from headroom.motion.style.measure import SHORT_FRAMES, lip_curve, measure_style, normalise_motion, pool_deviations
from headroom.motion.style.speaker_style import SpeakerStyle, average_style, unnormalised_style
from headroom.motion.train.config import GENERAL, TrainConfig
from headroom.motion.train.dataset import Sample, SamplePools, SampleSet, SpokenClip, make_sample, trim_to_sound
from headroom.motion.train.loop import TrainingTask, train_network
from headroom.motion.train.losses import LossEmphasis
from headroom.motion.train.personal import initial_ridge
from headroom.motion.train.sound_offset import align_clips, shift_sound

CURVE_CLIPS = 300  # of a data set, on which the curve of lip openings is measured


@one_thread()
def train_general(clips: Sequence[SpokenClip], directions: FaceDirections, out: Path | None,
                  config: TrainConfig = GENERAL, progress: Progress = no_progress,
                  checkpoint: TrainingCheckpoint | None = None) -> MotionModel:
    """Learn from many people's clips.

    clips: may be read from disk at each access.
    directions: of the face model that the clips were tracked with.
    out: file to write the model to; None writes none.

    Targets are normalised per person, so that the networks learn how people move and not who they are. Of distributed
    processes the main one writes, and all return the same networks.
    """
    torch.manual_seed(config.seed + distributed.rank())
    progress(0.0, "Synchronising sound and lips")
    features = config.network.features
    offsets, names_of_clips, lengths = synchronise(clips, directions.lip_opening, features)

    def synchronised(index: int) -> SpokenClip:
        sound, motion, person = clips[index]
        return SpokenClip(shift_sound(sound, offsets[index]), trim_to_sound(sound, motion), person)

    people = group_by_person(names_of_clips)
    styles, stats, seconds = {}, {}, {}
    for number, (person, indices) in enumerate(people.items()):
        progress(0.1 * number / len(people), "Measuring how people move")
        sound, motion = joined([synchronised(index) for index in indices])
        styles[person], stats[person] = measure_style(sound, motion, directions), utterance_stats(sound, features)
        seconds[person] = len(motion)
    names, frames = list(styles), list(seconds.values())
    if config.network.targets == "unnormalised":
        styles = {name: unnormalised_style(style) for name, style in styles.items()}
    else:
        styles = dict(zip(names, pool_deviations(list(styles.values()), frames)))
    person_of = {index: person for person, indices in people.items() for index in indices}

    def sample_of(index: int) -> Sample:
        person, (sound, motion, _) = person_of[index], synchronised(index)
        rng = np.random.default_rng((config.seed, index))
        speaker_mean = stats[person].mean if len(people[person]) > 1 else None
        return make_sample(sound, normalise_motion(motion, styles[person]), features, config.augment, rng, speaker_mean)

    samples = SampleSet(sample_of, lengths)
    style = average_style(list(styles.values()), longest=styles[names[int(np.argmax(frames))]])
    model = fit_general(GeneralData(samples, samples, style), directions, config, progress, checkpoint)
    if out is not None and distributed.is_main():
        model.save(out)
    return model


@dataclass(frozen=True)
class GeneralData:
    """What the general weights are learned from.

    samples: that batches are sampled from.
    measured: that the ridge regression and the curve of lip openings are fitted to.
    style: of an average speaker.
    """

    samples: Sequence[Sample] | SamplePools
    measured: Sequence[Sample]
    style: SpeakerStyle


def fit_general(data: GeneralData, directions: FaceDirections, config: TrainConfig, progress: Progress = no_progress,
                checkpoint: TrainingCheckpoint | None = None) -> MotionModel:
    """Train the networks and the ridge regression on normalised samples."""
    style = data.style
    emphasis = LossEmphasis.of(style, directions, config.loss)
    networks = train_ensemble(data.samples, emphasis, config, subprogress(progress, 0.1, 1.0), checkpoint)
    ridge = initial_ridge(config, None)
    if ridge is not None:
        pairs = (pair for sample in data.measured for pair in sample.all_pairs())
        ridge = fit_ridge(ridge, pairs, config.ridge, personal=False)
    model = MotionModel(config.network, networks, style, ridge, config.ridge_weight)
    if config.network.targets == "normalised":
        model = replace(model, style=with_lip_curve(model, data.measured))
    return model


@torch.no_grad()
def with_lip_curve(model: MotionModel, samples: Sequence[Sample]) -> SpeakerStyle:
    """Return the model's style with the curve that gives its predictions of the clips their own lip openings."""
    style, predicted, true = model.style, [], []
    for index in evenly_spaced(np.arange(len(samples)), CURVE_CLIPS):
        windows, expression = samples[index].clean_pairs()
        motion = predict_windows(model, windows, [None] * len(model.networks))[0]
        predicted.append(motion[:, :EXPRESSION] @ style.lip_direction)
        true.append(expression @ style.lip_direction)
    curve = lip_curve(*(style.mean_lip_opening + np.concatenate(openings) for openings in (predicted, true)))
    return replace(style, lip_curve=curve)


def group_by_person(names: Sequence[str]) -> dict[str, list[int]]:
    """Return the indices of each person's clips; clips without a name are people of their own."""
    people: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        people.setdefault(name or f"clip {index}", []).append(index)
    return people


def joined(clips: Sequence[SpokenClip]) -> tuple[np.ndarray, Performance]:
    """Return the sounds and the motions of one person's clips at 25 Hz, one after the other."""
    sounds = [clip.sound[:len(clip.motion) * FRAME_SAMPLES] for clip in clips]
    padded = [np.pad(sound, (0, len(clip.motion) * FRAME_SAMPLES - len(sound))) for sound, clip in zip(sounds, clips)]
    arrays = (np.concatenate([getattr(clip.motion, name) for clip in clips])
              for name in ("expression", "rotation", "translation"))
    return np.concatenate(padded), Performance(FRAME_RATE, *arrays)


def synchronise(
    clips: Sequence[SpokenClip], lip_opening: np.ndarray, features: FeatureConfig
) -> tuple[list[float], list[str], list[int]]:
    """Return, for each clip, by how many seconds its sound is late, its person, and its frames at 25 Hz.

    Clips of one word have offset 0: they are too short to measure, and LRW's come synchronised from one
    broadcaster.
    """
    offsets, people, lengths, long_clips = [0.0] * len(clips), [], [], {}
    for index, (sound, performance, person) in enumerate(clips):
        truth = trim_to_sound(sound, performance)
        people.append(person)
        lengths.append(len(truth))
        if len(truth) >= SHORT_FRAMES:
            long_clips[index] = sound, truth.expression @ lip_opening
    if long_clips:
        for index, offset in zip(long_clips, align_clips(list(long_clips.values()), features)):
            offsets[index] = offset
    return offsets, people, lengths


def train_ensemble(
    samples: Sequence[Sample] | SamplePools, emphasis: LossEmphasis, config: TrainConfig, progress: Progress,
    checkpoint: TrainingCheckpoint | None = None,
) -> tuple[MotionNetwork, ...]:
    """Train `config.members` networks on the same clips, with other initial weights and batches."""
    networks = []
    for member in range(config.members):
        network = MotionNetwork(config.network)
        if checkpoint and member < len(checkpoint.finished):
            network.load_state_dict(checkpoint.finished[member])
        else:
            report = subprogress(progress, member / config.members, (member + 1) / config.members)
            task = TrainingTask(samples, None, emphasis, (config.seed, member))
            network = train_network(network.to(distributed.device()), task, config, report, checkpoint).cpu()
            if checkpoint:
                checkpoint.finish(network)
        networks.append(network.eval())
    return tuple(networks)
