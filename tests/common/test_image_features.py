"""Image features: the published layout that they are extracted from, the bundled file, and the perceptual distance."""

import zipfile

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from headroom.common.errors import InputError
from headroom.common.networks.image_features import IMAGENET_MEAN, IMAGENET_STD, feature_distance
from headroom.common.networks.image_features_file import (
    FORMAT,
    bundled_image_features,
    extract_image_features,
    read_file,
    write_file,
)

# The first convolutions of torchvision's MobileNetV2: name, batch norm, shape of the kernel, stride, activation.
LAYOUT = [("features.0.0", "features.0.1", (32, 3, 3, 3), 2, True)]
for number, (inputs, width, outputs, stride) in enumerate(
        [(32, 32, 16, 1), (16, 96, 24, 2), (24, 144, 24, 1), (24, 144, 32, 2), (32, 192, 32, 1), (32, 192, 32, 1)], 1):
    name, count = f"features.{number}.conv", int(width != inputs)
    if count:
        LAYOUT.append((f"{name}.0.0", f"{name}.0.1", (width, inputs, 1, 1), 1, True))
    LAYOUT.append((f"{name}.{count}.0", f"{name}.{count}.1", (width, 1, 3, 3), stride, True))
    LAYOUT.append((f"{name}.{count + 1}", f"{name}.{count + 2}", (outputs, width, 1, 1), 1, False))
SHORTCUTS = {"features.3", "features.5", "features.6"}


@pytest.fixture
def published():
    """Random parameters with torchvision's names, and one of the classifier."""
    random = torch.Generator().manual_seed(0)
    weights = {"classifier.1.weight": torch.zeros(1000, 1280)}
    for convolution, norm, shape, _, _ in LAYOUT:
        weights[f"{convolution}.weight"] = torch.randn(shape, generator=random) / np.prod(shape[1:]) ** 0.5
        for part in ("weight", "running_var"):
            weights[f"{norm}.{part}"] = 0.5 + torch.rand(shape[0], generator=random)
        for part in ("bias", "running_mean"):
            weights[f"{norm}.{part}"] = torch.randn(shape[0], generator=random)
        weights[f"{norm}.num_batches_tracked"] = torch.tensor(1)
    return weights


def published_features(weights, pictures):
    """Features (quarter, eighth) of the network as it is published, layer by layer."""
    x = (pictures - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
    ends, shortcut = {}, x
    for convolution, norm, shape, stride, active in LAYOUT:
        block = ".".join(convolution.split(".")[:2])
        if block not in ends:
            shortcut, ends[block] = x, x
        groups = shape[0] if shape[1] == 1 else 1
        x = functional.conv2d(x, weights[f"{convolution}.weight"], None, stride, shape[2] // 2, groups=groups)
        mean, variance, weight, bias = (weights[f"{norm}.{part}"]
                                        for part in ("running_mean", "running_var", "weight", "bias"))
        x = functional.batch_norm(x, mean, variance, weight, bias)
        x = functional.relu6(x) if active else x + shortcut if block in SHORTCUTS else x
        ends[block] = x
    return [ends["features.3"], ends["features.6"]]


def test_folding_batch_norm_keeps_the_published_features(published, tmp_path):
    torch.save(published, tmp_path / "mobilenet_v2-0.pth")
    features, pictures = extract_image_features(tmp_path), torch.rand(2, 3, 50, 37)
    made, expected = features(pictures), published_features(published, pictures)
    assert [level.shape for level in made] == [(2, 24, 13, 10), (2, 32, 7, 5)]
    for level, true_level in zip(made, expected, strict=True):
        torch.testing.assert_close(level, true_level, rtol=1e-4, atol=1e-4)


def test_a_package_a_folder_and_a_file_give_the_same_network(published, tmp_path):
    file, package = tmp_path / "mobilenet_v2-0.pth", tmp_path / "package.whl"
    torch.save(published, file)
    with zipfile.ZipFile(package, "w") as archive:
        archive.write(file, "package/weights/mobilenet_v2-0.pth")
    networks = [extract_image_features(source).state_dict() for source in (file, package, tmp_path)]
    torch.testing.assert_close(networks[1], networks[0])
    torch.testing.assert_close(networks[2], networks[0])


def test_a_file_keeps_the_network_in_half_precision(published, tmp_path):
    torch.save(published, tmp_path / "mobilenet_v2-0.pth")
    features = extract_image_features(tmp_path)
    write_file(tmp_path / "features.safetensors", features)
    stored = read_file(tmp_path / "features.safetensors").state_dict()
    torch.testing.assert_close(stored, {name: value.half().float() for name, value in features.state_dict().items()})


def test_other_networks_and_files_are_refused(published, tmp_path):
    del published["features.4.conv.0.0.weight"]
    torch.save(published, tmp_path / "mobilenet_v2-0.pth")
    with pytest.raises(InputError, match="holds no MobileNetV2 that Headroom can read"):
        extract_image_features(tmp_path / "mobilenet_v2-0.pth")
    torch.save({}, tmp_path / "mobilenet_v2-1.pth")
    with pytest.raises(InputError, match=r"holds 2 files named mobilenet_v2-\*.pth; choose the one with MobileNetV2"):
        extract_image_features(tmp_path)
    with pytest.raises(InputError, match="does not exist; choose a package or a file that holds MobileNetV2"):
        extract_image_features(tmp_path / "missing.whl")
    for header, tensors in (({"format": FORMAT}, {}), ({"format": "another 1"}, bundled_image_features().state_dict())):
        save_file({name: value.contiguous() for name, value in tensors.items()}, tmp_path / "x.safetensors", header)
        with pytest.raises(InputError, match="Cannot read the image features"):
            read_file(tmp_path / "x.safetensors")


def textured(seed=0, side=96):
    """A picture (1, 3, side, side) with edges of many scales."""
    noise = np.random.default_rng(seed).uniform(0, 1, (side, side, 3)).astype(np.float32)
    picture = sum(cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (1, 3, 9))
    return as_tensor((picture - picture.min()) / np.ptp(picture))


def as_tensor(picture):
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


def blurred(picture, sigma):
    return as_tensor(cv2.GaussianBlur(picture[0].permute(1, 2, 0).numpy(), (0, 0), sigma))


def distance(truth, made, weight=None):
    features = bundled_image_features()
    with torch.inference_mode():
        return float(feature_distance(features(truth), features(made), weight))


def test_the_distance_is_zero_for_the_same_picture_and_grows_with_blur():
    truth = textured()
    assert distance(truth, truth) == 0
    values = [distance(truth, blurred(truth, sigma)) for sigma in (0.7, 1.5, 3, 6)]
    assert 0 < values[0] and values == sorted(values) and values[-1] < 4


def test_a_blur_is_further_than_a_change_of_brightness_with_the_same_error():
    truth = textured()
    soft = blurred(truth, 2)
    error = float((soft - truth).square().mean().sqrt())
    assert distance(truth, soft) > 3 * distance(truth, truth + error)


def test_the_weight_chooses_the_pixels_that_are_compared():
    truth = textured()
    made, left, right = truth.clone(), torch.zeros(1, 1, 96, 96), torch.zeros(1, 1, 96, 96)
    made[..., 64:] = textured(1)[..., 64:]
    left[..., :24], right[..., 72:] = 1, 1
    assert distance(truth, made, left) < 1e-6 < 0.1 < distance(truth, made, right)
    assert distance(truth, made, torch.ones(1, 1, 96, 96)) == pytest.approx(distance(truth, made), rel=1e-5)
    assert distance(truth, made, torch.zeros(1, 1, 96, 96)) == 0


def test_the_distance_of_a_level_matches_a_loop():
    random = torch.Generator().manual_seed(1)
    truth, made = (torch.randn(1, 5, 4, 3, generator=random) for _ in range(2))
    total = 0.0
    for row in range(4):
        for column in range(3):
            a, b = truth[0, :, row, column].numpy(), made[0, :, row, column].numpy()
            total += np.sum((a / np.linalg.norm(a) - b / np.linalg.norm(b)) ** 2)
    assert float(feature_distance([truth], [made])) == pytest.approx(total / 12, rel=1e-5)


def test_following_the_gradient_brings_a_picture_nearer():
    truth, features = textured(), bundled_image_features()
    made = blurred(truth, 2).requires_grad_()
    target = features(truth)
    optimiser = torch.optim.Adam([made], 0.01)
    losses = []
    for _ in range(15):
        loss = feature_distance(target, features(made)).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert torch.isfinite(made.grad).all()
    assert not any(parameter.requires_grad for parameter in features.parameters())
