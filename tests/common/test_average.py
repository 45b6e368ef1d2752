"""The running mean of a network's weights."""

import copy

import pytest
import torch
from torch import nn

from headroom.common.average import averaged


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7))


def train_a_little(model, seed):
    """Change weights and statistics as a training step does."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn(weights.shape, generator=rng))
    model[1].train()(torch.randn(4, 7, generator=rng))


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.98])
@pytest.mark.parametrize("use_buffers", [False, True])
def test_the_mean_matches_a_loop_written_by_hand(decay, use_buffers):
    model = network()
    average = averaged(model, decay, use_buffers)
    expected = copy.deepcopy(model.state_dict())
    for step in range(20):
        train_a_little(model, step)
        average.update_parameters(model)
        kept = min(decay, (1 + step) / (10 + step))
        parameters = dict(model.named_parameters())
        for name, value in model.state_dict().items():
            if name in parameters or (use_buffers and value.is_floating_point()):
                expected[name] = kept * expected[name] + (1 - kept) * value
            else:
                expected[name] = value.clone()
    for name, value in average.module.state_dict().items():
        torch.testing.assert_close(value, expected[name])


def test_a_mean_restored_from_its_state_goes_on_as_without_a_stop():
    model = network()
    average, restored = averaged(model, 0.9), averaged(network(), 0.9)
    for step in range(3):
        train_a_little(model, step)
        average.update_parameters(model)
    restored.load_state_dict(average.state_dict())
    train_a_little(model, 3)
    average.update_parameters(model)
    restored.update_parameters(model)
    for mean, again in zip(average.parameters(), restored.parameters(), strict=True):
        assert torch.equal(mean, again)


def test_training_the_model_does_not_touch_the_mean_before_its_update():
    model = network()
    average = averaged(model, 0.9)
    before = copy.deepcopy(average.module.state_dict())
    train_a_little(model, 0)
    assert all(torch.equal(value, before[name]) for name, value in average.module.state_dict().items())
    assert not average.module.training
