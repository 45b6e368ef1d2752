"""Training a refiner: it learns, starts from another, ends in time, and can be cancelled."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn_faces import QUICK, drawn_clip, over_plates, pairs_of

from headroom.common.errors import Cancelled
from headroom.refine.inputs import CropPlate, prepare_frame
from headroom.refine.region import RegionConfig
from headroom.refine.train import train_refiner
from headroom.refine.train_config import PAPER_EPOCHS, PRESETS
from headroom.refine.training_state import Schedule, TrainingState


@pytest.fixture(scope="module")
def clip():
    return drawn_clip(6)


def test_one_sample_can_be_overfitted(clip):
    frames, renders = clip[0][:1], clip[1][:1]
    config = replace(QUICK, steps=150, learning_rate=1e-3, ema_decay=0.9)
    refined, mask = next(train_refiner(pairs_of(frames, renders), config).refine(over_plates(renders, frames)))
    inside = mask > 0.9
    error = np.abs(refined[inside].astype(int) - frames[0][inside]).mean()
    prepared = prepare_frame(renders[0], CropPlate(frames[0]), RegionConfig())
    render_error = np.abs(prepared.colour[inside].astype(int) - frames[0][inside]).mean()
    assert error < 0.35 * render_error and error < 6


def test_training_starts_from_the_weights_of_an_initial_refiner(clip):
    initial = train_refiner(pairs_of(*clip), QUICK)
    again = train_refiner(pairs_of(*clip), replace(QUICK, steps=0, seed=1), initial=initial)
    for ours, theirs in zip(again.generator.parameters(), initial.generator.parameters()):
        assert np.allclose(ours.detach().numpy(), theirs.detach().numpy())


def test_a_state_restored_from_a_checkpoint_equals_the_one_that_was_stored():
    config = replace(QUICK, gan=1.0)
    state = TrainingState.initial(config, config.generator, torch.device("cpu"))
    for parameter in [*state.generator.parameters(), *state.discriminator.parameters()]:
        parameter.grad = torch.ones_like(parameter)
    state.optimiser.step(), state.discriminator_optimiser.step()
    state.average.update_parameters(state.generator)
    state.step = 1
    other = TrainingState.initial(replace(config, seed=1), config.generator, torch.device("cpu"))
    other.load_state_dict(state.state_dict())
    assert other.step == 1 and int(other.average.n_averaged) == int(state.average.n_averaged)
    for ours, theirs in ((other.generator, state.generator), (other.average, state.average),
                         (other.discriminator, state.discriminator)):
        assert all(a.equal(b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    assert str(other.discriminator_optimiser.state_dict()) == str(state.discriminator_optimiser.state_dict())


@pytest.mark.parametrize("cancelled_at", [0.0, 0.5])
def test_training_can_be_cancelled_at_the_start_and_in_the_middle(clip, cancelled_at):
    def progress(fraction, message):
        if fraction >= cancelled_at:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_refiner(pairs_of(*clip), replace(QUICK, steps=4), progress)


def test_progress_rises_to_one(clip):
    fractions = []
    train_refiner(pairs_of(*clip), QUICK, lambda fraction, message: fractions.append(fraction))
    assert fractions == sorted(fractions) and fractions[-1] == 1.0


@pytest.mark.parametrize(("settings", "step", "fraction"), [
    ({"seconds": None, "steps": 4}, 1, 0.25), ({"seconds": 1000.0, "steps": 4}, 3, 0.75),
    ({"seconds": None, "steps": 0}, 0, 1.0), ({"seconds": None, "steps": None}, PAPER_EPOCHS, 1 / 10)])
def test_a_training_ends_after_its_steps_or_the_papers_epochs(settings, step, fraction):
    schedule = Schedule(replace(QUICK, **settings), samples_per_epoch=10)
    assert schedule.fraction(step) == pytest.approx(fraction, abs=0.01)


def test_a_training_ends_after_its_seconds_where_its_steps_take_longer():
    assert Schedule(replace(QUICK, seconds=1e-9, steps=1000), samples_per_epoch=10).fraction(0) >= 1


def test_the_learning_rate_rises_then_falls_and_is_constant_in_the_paper():
    schedule = Schedule(QUICK, samples_per_epoch=10)
    rates = [schedule.learning_rate(fraction) for fraction in (0.0, 0.02, 0.05, 0.5, 1.0)]
    assert rates[0] < rates[1] < rates[2] > rates[3] > rates[4] > 0
    paper = Schedule(PRESETS["paper"], samples_per_epoch=10)
    assert paper.learning_rate(0.0) == paper.learning_rate(0.7) == PRESETS["paper"].learning_rate


def test_the_paper_preset_has_the_papers_numbers():
    paper = PRESETS["paper"]
    assert paper.generator.width == 64 and paper.generator.levels == 8
    assert (paper.l1, paper.attention, paper.smoothness, paper.gan) == (100.0, 2.0, 1e-5, 1.0)
