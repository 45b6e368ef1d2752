"""Training a refiner on one person or on many people (paper, section 3.4, equations 4 and 5)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from headroom.common import distributed
from headroom.common.autocast import autocast
from headroom.common.device import pick_device
from headroom.common.networks.image_features import feature_distance
from headroom.common.networks.image_features_file import bundled_image_features
from headroom.common.progress import Progress, no_progress
from headroom.refine import losses
from headroom.refine.dataset import Batch, RefinerDataset, TrainingPairs
from headroom.refine.generator import Generator, current_render
from headroom.refine.memory_retrieval import MemoryTrainer, memory_trainer_for
from headroom.refine.refiner import Refiner, RefinerIdentity
from headroom.refine.result_preview import ResultPreview
from headroom.refine.train_config import RefinerTrainConfig
from headroom.refine.training_state import Schedule, TrainingState

if TYPE_CHECKING:
    from headroom.common.checkpoint import TrainingCheckpoint
    from headroom.refine.spatial import SpatialNetwork

LOG_INTERVAL = 50  # steps

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PersonalTraining:
    """What only the training of one person has.

    memory: is trained on each batch before the generator, with the same true identity features.
    preview: shows the result so far, and may end the training.
    """

    memory: MemoryTrainer | None = None
    preview: ResultPreview | None = None


def train_refiner(
    pairs: TrainingPairs,
    config: RefinerTrainConfig,
    progress: Progress = no_progress,
    initial: Refiner | None = None,
    spatial: SpatialNetwork | None = None,
    preview: ResultPreview | None = None,
) -> Refiner:
    """Train a refiner of one person, with a memory where the frames' identity features differ.

    initial: refiner to start from; its generator's config takes the place of `config.generator`.
    spatial: describes renders for the memory; the bundled network if None.
    preview: shows the result so far, and may end the training.
    """
    device = pick_device(config.device)
    shape = initial.generator.config if initial else replace(config.generator, identity_size=pairs.identity.shape[1])
    memory = memory_trainer_for(pairs.identity, spatial, config.seed, device)
    state = TrainingState.initial(config, shape, device, initial.generator if initial else None)
    data = RefinerDataset([pairs], [len(pairs)], config.region, config.augment, config.seed)
    generator = train_generator(state, data, config, progress, personal=PersonalTraining(memory, preview))
    retrieval = memory.retrieval if memory else None
    identity = RefinerIdentity(pairs.identity.mean(0), pairs.identity_feature, retrieval)
    return Refiner(generator, identity, config.region, pairs.frames.shape[1], config.device)


def train_generator(
    state: TrainingState,
    data: RefinerDataset,
    config: RefinerTrainConfig,
    progress: Progress = no_progress,
    checkpoint: TrainingCheckpoint | None = None,
    personal: PersonalTraining = PersonalTraining(),
) -> Generator:
    """Train until the end of the schedule, or of the preview; return the generator with the running mean of weights."""
    memory, preview = personal.memory, personal.preview
    generator, discriminator = (distributed.data_parallel(each) for each in (state.generator, state.discriminator))
    shard = distributed.shard(config.batch_size)
    schedule = Schedule(config, data.samples_per_epoch)
    while (fraction := schedule.fraction(state.step)) < 1:
        progress(fraction, "Learning to generate the face")
        first = state.step * config.batch_size
        batch = data.batch(range(first, first + config.batch_size)[shard], state.device)
        for group in state.optimiser.param_groups:
            group["lr"] = schedule.learning_rate(fraction)
        if memory:
            memory.step(current_render(batch.inputs), batch.identity)
        refined, attention = generate(generator, batch)
        composited = batch.truth + batch.mask * (refined - batch.truth)
        use_gan = config.gan > 0 and fraction >= config.gan_start
        if use_gan:
            discriminator_loss = train_discriminator(discriminator, state.discriminator_optimiser, batch, composited)
        terms = generator_losses(config, batch, refined, attention)
        if use_gan:
            with autocast(state.device):
                terms["gan"] = config.gan * losses.generator_gan_loss(discriminator(batch.inputs, composited))
        state.optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        state.optimiser.step()
        state.average.update_parameters(state.generator)
        if use_gan:
            terms["discriminator"] = discriminator_loss
        if state.step % LOG_INTERVAL == 0:
            values = {name: round(float(value.detach()), 4) for name, value in terms.items()}
            log.info("step %d: %s", state.step, values)
        state.step += 1
        if checkpoint:
            checkpoint.after(state, terms)
        if preview and preview.after(state, schedule):
            break
    progress(1.0, "Learning to generate the face")
    return state.average_generator


def generate(generator: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the refined pictures (B, 3, R, R) and the attention (B, 1, R, R) of a batch."""
    with autocast(batch.inputs.device):
        return generator(batch.inputs, batch.identity)


def generator_losses(
    config: RefinerTrainConfig, batch: Batch, refined: Tensor, attention: Tensor
) -> dict[str, Tensor]:
    """Return the weighted terms of equation 4 without the GAN's, and the detail loss unless its weight is 0."""
    terms = {
        "l1": config.l1 * losses.l1_loss(refined, batch.truth, batch.weight),
        "attention": config.attention * losses.attention_loss(attention),
        "smoothness": config.smoothness * losses.smoothness_loss(attention),
    }
    if config.detail:
        terms["detail"] = config.detail * losses.detail_loss(refined, batch.truth, batch.weight)
    if config.texture:
        terms["texture"] = config.texture * losses.texture_loss(refined, batch.truth, batch.mask)
    if config.features:
        terms["features"] = config.features * feature_loss(refined, batch)
    return terms


def feature_loss(refined: Tensor, batch: Batch) -> Tensor:
    """Return the mean perceptual distance of the refined pictures (B, 3, R, R) from the true ones, in the mask."""
    network = bundled_image_features().to(refined.device)
    with autocast(refined.device):
        with torch.no_grad():
            truth = network(batch.truth)
        made = network(refined)
    return feature_distance([each.float() for each in truth], [each.float() for each in made], batch.mask).mean()


def train_discriminator(
    discriminator: nn.Module, optimiser: torch.optim.Optimizer, batch: Batch, composited: Tensor
) -> Tensor:
    """Make one step of the discriminator with true and refined frames of the same inputs; return its loss."""
    with autocast(composited.device):
        fake = discriminator(batch.inputs, composited.detach())
        loss = losses.discriminator_gan_loss(discriminator(batch.inputs, batch.truth), fake)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()
