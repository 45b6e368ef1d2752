"""The refiner's blocks and losses against naive loops."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from headroom.refine import losses
from headroom.refine.discriminator import Discriminator
from headroom.refine.generator import AdaIN, Generator, GeneratorConfig, current_colours

TINY = GeneratorConfig(width=4, levels=4, identity_size=6, style_hidden=8)
INPUT_CHANNELS = TINY.input_channels


def test_adain_matches_a_naive_loop():
    x, style = torch.randn(2, 3, 5, 4), torch.randn(2, 6)
    ours = AdaIN(3)(x, style)
    for b in range(2):
        for c in range(3):
            plane = x[b, c]
            normal = (plane - plane.mean()) / torch.sqrt(plane.var(unbiased=False) + 1e-4)
            expected = normal * (1 + style[b, c]) + style[b, 3 + c]
            assert torch.allclose(ours[b, c], expected, atol=1e-5)


def test_equation_3_matches_a_naive_loop():
    generator = Generator(GeneratorConfig(width=4, levels=4, identity_size=6))
    inputs, outputs = torch.rand(2, INPUT_CHANNELS, 4, 4), torch.randn(2, 4, 4, 4)
    render = inputs[:, 6:9]
    refined, attention = generator.blend(inputs, outputs)
    for b, i, j in np.ndindex(2, 4, 4):
        a = 1 / (1 + np.exp(-outputs[b, 3, i, j].item()))
        assert attention[b, 0, i, j].item() == pytest.approx(a, abs=1e-6)
        for c in range(3):
            colour = (np.tanh(outputs[b, c, i, j].item()) + 1) / 2
            expected = a * render[b, c, i, j].item() + (1 - a) * colour
            assert refined[b, c, i, j].item() == pytest.approx(expected, abs=1e-5)


def test_refined_pictures_and_attention_lie_between_0_and_1():
    generator = Generator(GeneratorConfig(width=4, levels=4, identity_size=6))
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 1)
    refined, attention = generator(torch.rand(2, INPUT_CHANNELS, 32, 32), torch.randn(2, 6))
    assert refined.shape == (2, 3, 32, 32) and attention.shape == (2, 1, 32, 32)
    for values in (refined, attention):
        assert values.min() >= 0 and values.max() <= 1


@pytest.mark.parametrize("sub_pixel", [True, False])
@pytest.mark.parametrize("area", [(0, 32, 0, 32), (0, 12, 20, 32), (6, 18, 4, 30), (8, 10, 30, 32)])
def test_an_area_of_the_outputs_is_that_of_the_whole_picture(sub_pixel, area):
    generator = Generator(replace(TINY, sub_pixel=sub_pixel)).eval()
    inputs, identity = torch.rand(2, INPUT_CHANNELS, 32, 32), torch.randn(2, 6)
    rows, columns = slice(*area[:2]), slice(*area[2:])
    part = generator.outputs(inputs, identity, (..., rows, columns))
    assert torch.allclose(part, generator.outputs(inputs, identity)[..., rows, columns], atol=1e-5)


def test_the_identity_changes_the_generated_picture():
    generator = Generator(TINY).eval()
    torch.nn.init.normal_(generator.style.out.weight)
    inputs = torch.rand(1, INPUT_CHANNELS, 32, 32)
    one, other = (generator(inputs, identity)[0] for identity in torch.randn(2, 1, 6))
    assert not torch.allclose(one, other)


def test_a_copy_for_another_kind_of_identity_ignores_it_until_it_is_trained():
    generator = Generator(TINY).eval()
    torch.nn.init.normal_(generator.style.out.weight)
    torch.nn.init.normal_(generator.style.hidden.bias)
    other, inputs = generator.with_identity_size(9).eval(), torch.rand(1, INPUT_CHANNELS, 32, 32)
    nobody = generator(inputs, torch.zeros(1, 6))[0]
    generated = other(inputs, torch.randn(1, 9))[0]
    assert torch.allclose(generated, nobody, atol=1e-6)
    generated.mean().backward()
    assert other.style.hidden.weight.grad.any()


def test_without_context_the_generator_ignores_the_earlier_frames():
    generator = Generator(GeneratorConfig(width=4, levels=4, identity_size=6, use_context=False)).eval()
    inputs, identity = torch.rand(1, INPUT_CHANNELS, 32, 32), torch.randn(1, 6)
    changed = inputs.clone()
    changed[:, :6] = torch.rand(1, 6, 32, 32)
    assert torch.equal(generator(inputs, identity)[0], generator(changed, identity)[0])


def test_current_colours_are_those_of_the_last_input_frame():
    inputs = torch.rand(1, INPUT_CHANNELS, 4, 4)
    assert torch.equal(current_colours(inputs), inputs[:, 6:9])


def test_the_discriminator_has_one_logit_for_every_patch_of_70_pixels():
    discriminator = Discriminator(width=4, input_channels=INPUT_CHANNELS)
    inputs, frame = torch.rand(1, INPUT_CHANNELS, 128, 128), torch.rand(1, 3, 128, 128, requires_grad=True)
    assert discriminator(inputs, frame).shape == (1, 1, 14, 14)
    for layer in discriminator.layers:  # normalisation depends on the whole picture and would hide the patch
        if isinstance(layer, torch.nn.InstanceNorm2d):
            layer.forward = lambda x: x
    discriminator(inputs, frame)[0, 0, 7, 7].backward()
    patch = frame.grad.abs().sum(1)[0].nonzero()
    assert (patch.max(0).values - patch.min(0).values + 1).tolist() == [70, 70]


def test_the_terms_of_equation_4_match_naive_loops():
    refined, truth, attention = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5), torch.rand(2, 1, 4, 5)
    l1 = np.mean([abs(a - b) for a, b in zip(refined.flatten().tolist(), truth.flatten().tolist())])
    assert losses.l1_loss(refined, truth).item() == pytest.approx(l1, rel=1e-5)
    smooth, norm = 0.0, 0.0
    for b in range(2):
        a = attention[b, 0].tolist()
        norm += np.sqrt(sum(value**2 for row in a for value in row)) / np.sqrt(20) / 2
        for i in range(4):
            for j in range(5):
                smooth += (a[i + 1][j] - a[i][j]) ** 2 / 2 if i < 3 else 0
                smooth += (a[i][j + 1] - a[i][j]) ** 2 / 2 if j < 4 else 0
    assert losses.smoothness_loss(attention).item() == pytest.approx(smooth, rel=1e-4)
    assert losses.attention_loss(attention).item() == pytest.approx(norm, rel=1e-5)


def test_gan_losses_match_their_definition():
    true, fake = torch.randn(2, 1, 3, 3), torch.randn(2, 1, 3, 3)
    d_true, d_fake = torch.sigmoid(true), torch.sigmoid(fake)
    expected = -(torch.log(d_true).mean() + torch.log(1 - d_fake).mean()) / 2
    assert torch.allclose(losses.discriminator_gan_loss(true, fake), expected, atol=1e-6)
    assert torch.allclose(losses.generator_gan_loss(fake), -torch.log(d_fake).mean(), atol=1e-6)


def test_weighted_losses_ignore_pixels_of_weight_0():
    truth = torch.rand(1, 3, 32, 32)
    refined, weight = truth.clone(), torch.zeros(1, 1, 32, 32)
    weight[..., 20:, 20:] = 1
    refined[..., :8, :8] = 0
    for loss in (losses.l1_loss, losses.detail_loss):
        assert loss(refined, truth, weight).item() == pytest.approx(0, abs=1e-6)
        assert loss(1 - refined, truth, weight).item() > 0.01


def film_grain(seed):
    """Return pictures (1, 3, 64, 64) of grey noise."""
    return (0.5 + 0.1 * torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(seed))).repeat(1, 3, 1, 1)


def test_the_texture_loss_is_0_for_equal_pictures_and_larger_for_blurred_noise_than_for_displaced():
    truth, mask = film_grain(0), torch.ones(1, 1, 64, 64)
    assert losses.texture_loss(truth, truth, mask).item() == 0
    displaced = losses.texture_loss(truth.roll(1, dims=3), truth, mask).item()
    other_grain = losses.texture_loss(film_grain(1), truth, mask).item()
    blurred = losses.texture_loss(torch.nn.functional.avg_pool2d(truth, 3, 1, 1), truth, mask).item()
    assert displaced < 0.1 * blurred and other_grain < 0.25 * blurred
    flat = losses.texture_loss(truth * 0 + 0.5, truth, mask).item()
    assert flat > blurred


def test_the_texture_loss_ignores_what_lies_outside_the_mask():
    truth, mask = film_grain(0), torch.zeros(1, 1, 64, 64)
    mask[..., 40:] = 1
    refined = truth.clone()
    refined[..., :24] = 0.5
    assert losses.texture_loss(refined, truth, mask).item() == pytest.approx(0, abs=1e-6)
    assert losses.texture_loss(refined, truth, 1 - mask).item() > 0.01
    assert losses.texture_loss(refined, truth, 0 * mask).item() == 0


def test_the_texture_loss_can_be_trained_from_flat_pictures():
    refined = torch.full((1, 3, 64, 64), 0.5, requires_grad=True)
    losses.texture_loss(refined, film_grain(0), torch.ones(1, 1, 64, 64)).backward()
    assert torch.isfinite(refined.grad).all()
