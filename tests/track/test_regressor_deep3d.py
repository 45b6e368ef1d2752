"""The published R-Net's checkpoint and conventions, tested on random weights in its layout."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from headroom.__main__ import main
from headroom.common.errors import InputError
from headroom.face.camera import pose_vertices
from headroom.face.light import harmonics
from headroom.track.regressor.crop import RegressorCrop
from headroom.track.regressor.deep3d import Deep3DNet, to_estimate
from headroom.track.regressor.load import load_regressor
from headroom.track.regressor.network import Regressor, RegressorConfig

SAMPLE = Path(__file__).parents[2] / "samples" / "sample.mp4"

CROP = RegressorCrop(0, 0, 224)
ORIGIN = np.array([3.0, -20, 40])


def published_layout():
    """Name -> shape of `net_recon`, written down from the publication: ResNet-50 and seven 1x1 heads."""
    shapes = {"backbone.conv1.weight": (64, 3, 7, 7), **norm("backbone.bn1", 64)}
    inputs = 64
    for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 1):
        for block in range(blocks):
            name = f"backbone.layer{stage}.{block}"
            for index, shape in enumerate(((width, inputs, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1)), 1):
                shapes |= {f"{name}.conv{index}.weight": shape, **norm(f"{name}.bn{index}", shape[0])}
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (4 * width, inputs, 1, 1)
                shapes |= norm(f"{name}.downsample.1", 4 * width)
            inputs = 4 * width
    for index, size in enumerate((80, 64, 80, 3, 27, 2, 1)):
        shapes |= {f"final_layers.{index}.weight": (size, 2048, 1, 1), f"final_layers.{index}.bias": (size,)}
    return shapes


def norm(name, width):
    values = {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}
    return {**values, f"{name}.num_batches_tracked": ()}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    weights = {name: torch.zeros((), dtype=torch.long) if shape == () else torch.rand(shape) * 0.02
               for name, shape in published_layout().items()}
    path = tmp_path_factory.mktemp("weights") / "epoch_20.pth"
    torch.save({"net_recon": weights, "opt_00": {"state": {}, "param_groups": [{"lr": 1e-4}]},
                "sched_00": {"last_epoch": 20}}, path)
    return path


@pytest.fixture
def basel(person):
    """A face model whose source is the Basel Face Model 2009."""
    return replace(person.model, source="Basel Face Model 2009")


def test_the_published_checkpoint_loads_unchanged(checkpoint, basel):
    network = Deep3DNet.load(checkpoint, basel)
    assert set(network.state_dict()) == set(published_layout())
    estimate = network.predict(np.full((300, 300, 3), 128, np.uint8), RegressorCrop(20, 30, 224))
    assert np.isfinite(estimate.coefficients).all() and estimate.coefficients.shape == (257,)


def test_a_new_network_predicts_zeros():
    assert not Deep3DNet(ORIGIN)(torch.rand(1, 3, 64, 64)).any()


def test_the_checkpoint_is_refused_for_another_face_model(checkpoint, person):
    with pytest.raises(InputError, match="Basel Face Model 2009"):
        Deep3DNet.load(checkpoint, person.model)


def test_files_of_other_kinds_are_refused(basel, tmp_path):
    (tmp_path / "a.pth").write_bytes(b"no checkpoint")
    torch.save({"net_recon": {"fc.weight": torch.zeros(2)}}, tmp_path / "b.pth")
    for name in ("a.pth", "b.pth", "missing.pth"):
        with pytest.raises(InputError, match="epoch_20"):
            Deep3DNet.load(tmp_path / name, basel)


def test_the_loader_tells_both_kinds_of_regressors_apart(checkpoint, basel, person, tmp_path):
    small = RegressorConfig(blocks=(1, 1, 1, 1), width=8, resolution=32)
    Regressor(small).save(tmp_path / "a.safetensors", person.model)
    assert isinstance(load_regressor(tmp_path / "a.safetensors", person.model), Regressor)
    assert isinstance(load_regressor(checkpoint, basel), Deep3DNet)


@pytest.mark.parametrize("command", [["track", "-o", "{}/t.npz"], ["learn", "-o", "{}/anna", "--consent", "herself"]])
def test_the_commands_refuse_a_file_that_is_no_regressor(command, tmp_path, monkeypatch, capsys):
    (tmp_path / "a.pth").write_bytes(b"no checkpoint")
    name, *options = (option.format(tmp_path) for option in command)
    monkeypatch.setattr(sys, "argv", ["headroom", name, str(SAMPLE), *options, "--regressor", str(tmp_path / "a.pth")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "epoch_20" in capsys.readouterr().err


def test_pose_and_light_are_converted_from_the_publications_conventions():
    rng = np.random.default_rng(1)
    values = rng.normal(0, 0.2, 257)
    estimate = to_estimate(values, CROP, ORIGIN)
    x, y, z = values[224:227]
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    rotation = (about_z @ about_y @ about_x).T  # for vertices as rows

    vertices = rng.normal(0, 0.8, (20, 3))
    posed = vertices @ rotation + values[254:]
    depth = 10 - posed[:, 2]
    pixels = np.stack([1015 * posed[:, 0] / depth + 112, 112 - 1015 * posed[:, 1] / depth], 1)
    converted = pose_vertices(vertices * 100 + ORIGIN, estimate.rotation, estimate.translation)
    assert np.allclose(estimate.crop.project(converted), pixels, atol=1e-3)

    normals = vertices / np.linalg.norm(vertices, axis=1, keepdims=True) @ rotation
    a, c = (np.pi, 2 * np.pi / 3**0.5, 2 * np.pi / 8**0.5), ((4 * np.pi) ** -0.5, (3 / (4 * np.pi)) ** 0.5,
                                                             3 * (5 / (12 * np.pi)) ** 0.5)
    nx, ny, nz = normals.T
    terms = np.stack([
        a[0] * c[0] * np.ones_like(nx), -a[1] * c[1] * ny, a[1] * c[1] * nz, -a[1] * c[1] * nx,
        a[2] * c[2] * nx * ny, -a[2] * c[2] * ny * nz, a[2] * c[2] * 0.5 / 3**0.5 * (3 * nz**2 - 1),
        -a[2] * c[2] * nx * nz, a[2] * c[2] * 0.5 * (nx**2 - ny**2),
    ], 1)
    gamma = values[227:254].reshape(3, 9) + np.array([0.8, *[0] * 8])
    assert np.allclose(harmonics(normals) @ estimate.light, terms @ gamma.T, atol=1e-4)
