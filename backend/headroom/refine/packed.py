"""A generator for use on a processor: its kernels lie in memory as oneDNN computes with them.

PyTorch rearranges kernels and pictures for oneDNN at every convolution, and the results back. That takes as long as
half of the convolutions of one picture in bfloat16: 36 ms of one core, 21 with kernels that are rearranged once and
pictures whose channels lie side by side.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from headroom.refine.generator import Generator


class PackedConvolution(nn.Module):
    """A convolution, or a transposed one, with a rearranged kernel.

    It calls the operators that PyTorch's compiler emits; they have no public name, but need no compiler.
    """

    def __init__(self, convolution: nn.Conv2d | nn.ConvTranspose2d, input_shape: list[int]):
        """Rearrange the kernel, best for inputs of a shape (B, C, H, W)."""
        super().__init__()
        self.transposed = isinstance(convolution, nn.ConvTranspose2d)
        padding, stride, dilation = (list(each) for each in (
            convolution.padding, convolution.stride, convolution.dilation))
        self.geometry = [padding, [0, 0], stride, dilation] if self.transposed else [padding, stride, dilation]
        rearrange = (torch.ops.mkldnn._reorder_convolution_transpose_weight if self.transposed
                     else torch.ops.mkldnn._reorder_convolution_weight)
        self.kernel = rearrange(convolution.weight.detach(), *self.geometry, convolution.groups, input_shape)
        self.bias, self.groups = convolution.bias, convolution.groups

    def forward(self, x: Tensor) -> Tensor:
        """Return what the convolution makes of x (B, C, H, W); both lie in memory channels last."""
        convolve = (torch.ops.mkldnn._convolution_transpose_pointwise if self.transposed
                    else torch.ops.mkldnn._convolution_pointwise)
        result: Tensor = convolve(x, self.kernel, self.bias, *self.geometry, self.groups, "none", [], "")
        return result


@torch.inference_mode()
def packed(generator: Generator, resolution: int, dtype: torch.dtype) -> Generator:
    """Return a copy of a generator on the CPU that computes with `dtype`, for inputs (1, C, R, R) channels last."""
    copied = copy.deepcopy(generator).requires_grad_(False).to(dtype)
    config = generator.config
    inputs = torch.zeros(1, config.input_channels, resolution, resolution, dtype=dtype)
    shapes = _input_shapes(copied, inputs, torch.zeros(1, config.identity_size, dtype=dtype))
    for name, convolution in _convolutions(copied).items():
        parent_name, _, own_name = name.rpartition(".")
        setattr(copied.get_submodule(parent_name), own_name, PackedConvolution(convolution, shapes[name]))
    return copied


def _convolutions(generator: Generator) -> dict[str, nn.Conv2d | nn.ConvTranspose2d]:
    """Return the convolutions of a generator by name."""
    return {name: module for name, module in generator.named_modules()
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))}


def _input_shapes(generator: Generator, inputs: Tensor, identity: Tensor) -> dict[str, list[int]]:
    """Return the shape of the input that each convolution gets, by the convolution's name."""
    shapes: dict[str, list[int]] = {}

    def remember(name: str, x: Tensor) -> None:
        shapes[name] = list(x.shape)

    hooks = [convolution.register_forward_pre_hook(lambda _, arguments, name=name: remember(name, *arguments))
             for name, convolution in _convolutions(generator).items()]
    generator.outputs(inputs, identity)
    for hook in hooks:
        hook.remove()
    return shapes
