"""A generator whose kernels are rearranged for the processor computes what the generator computes."""

import pytest
import torch

from headroom.refine.generator import Generator, GeneratorConfig
from headroom.refine.packed import PackedConvolution, packed
from headroom.refine.refiner import for_use

SIDE = 64
CONFIGS = {
    "ours": GeneratorConfig(width=8, levels=6, identity_size=6, plate_term=True),
    "the paper's": GeneratorConfig(width=8, levels=6, identity_size=6, sub_pixel=False),
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.03)])
def test_a_packed_generator_gives_the_generators_outputs(name, dtype, tolerance):
    torch.manual_seed(0)
    generator = Generator(CONFIGS[name]).eval()
    for block in (generator.style.hidden, generator.style.out):
        torch.nn.init.normal_(block.weight, std=0.5)
    ours = packed(generator, SIDE, dtype)
    for _ in range(3):
        inputs = torch.rand(1, CONFIGS[name].input_channels, SIDE, SIDE)
        identity = torch.randn(1, 6)
        with torch.inference_mode():
            expected = generator.outputs(inputs, identity)
            last = inputs.to(dtype).contiguous(memory_format=torch.channels_last)
            given = ours.outputs(last, identity.to(dtype))
        assert given.dtype == torch.float32
        assert (given - expected).abs().max() < tolerance * expected.abs().max()


def test_packing_leaves_the_generator_as_it_is():
    generator = Generator(CONFIGS["ours"])
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    packed(generator, SIDE, torch.bfloat16)
    after = generator.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(parameter.requires_grad for parameter in generator.parameters())


def test_other_processors_use_the_generator_itself(monkeypatch):
    monkeypatch.setattr("headroom.refine.refiner.platform.machine", lambda: "arm64")
    generator, dtype = for_use(Generator(CONFIGS["ours"]), SIDE, torch.device("cpu"))
    assert not any(isinstance(module, PackedConvolution) for module in generator.modules())
    assert next(generator.parameters()).dtype == dtype
