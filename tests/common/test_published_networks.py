"""Published checkpoints of ResNet-18 and ArcFace, tested on random weights in their layouts."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from headroom.common.errors import InputError
from headroom.common.networks.arcface import (
    EMBEDDING_SIZE,
    STANDARD_POINTS,
    ArcFace,
    align_face,
    load_arcface,
    similarity_transform,
)
from headroom.common.networks.resnet import load_resnet18
from headroom.pipeline import learn
from headroom.refine.memory import Memory, MemoryConfig
from headroom.refine.memory_retrieval import MemoryRetrieval
from headroom.refine.spatial import imagenet_spatial
from headroom.subject.networks import NetworkFiles


def norm(name, width):
    values = {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}
    return {**values, f"{name}.num_batches_tracked": ()}


def resnet18_layout():
    """Name -> shape as torchvision publishes it."""
    shapes, inputs = {"conv1.weight": (64, 3, 7, 7), **norm("bn1", 64)}, 64
    for stage, width in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            name = f"layer{stage}.{block}"
            shapes |= {f"{name}.conv1.weight": (width, inputs, 3, 3), **norm(f"{name}.bn1", width),
                       f"{name}.conv2.weight": (width, width, 3, 3), **norm(f"{name}.bn2", width)}
            if stage > 1 and block == 0:
                shapes |= {f"{name}.downsample.0.weight": (width, inputs, 1, 1), **norm(f"{name}.downsample.1", width)}
            inputs = width
    return {**shapes, "fc.weight": (1000, 512), "fc.bias": (1000,)}


def arcface_layout(blocks):
    """Name -> shape as ArcFace's backbones for PyTorch are published."""
    shapes, inputs = {"conv1.weight": (64, 3, 3, 3), **norm("bn1", 64), "prelu.weight": (64,)}, 64
    for stage, (width, count) in enumerate(zip((64, 128, 256, 512), blocks), 1):
        for block in range(count):
            name = f"layer{stage}.{block}"
            shapes |= {**norm(f"{name}.bn1", inputs), f"{name}.conv1.weight": (width, inputs, 3, 3),
                       **norm(f"{name}.bn2", width), f"{name}.prelu.weight": (width,),
                       f"{name}.conv2.weight": (width, width, 3, 3), **norm(f"{name}.bn3", width)}
            if block == 0:
                shapes |= {f"{name}.downsample.0.weight": (width, inputs, 1, 1), **norm(f"{name}.downsample.1", width)}
            inputs = width
    return {**shapes, **norm("bn2", 512), "fc.weight": (512, 512 * 7 * 7), "fc.bias": (512,), **norm("features", 512)}


def random_weights(layout):
    torch.manual_seed(0)
    return {name: torch.zeros((), dtype=torch.long) if shape == () else torch.rand(shape) * 0.02 + 0.01
            for name, shape in layout.items()}


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "resnet18-f37072fd.pth"
    torch.save(random_weights(resnet18_layout()), path)
    return path


def test_resnet18_loads_as_published(resnet_file):
    network = load_resnet18(resnet_file)
    published = torch.load(resnet_file, weights_only=True)
    ours = network.state_dict()
    assert set(published) - set(ours) == {"fc.weight", "fc.bias"}
    assert all(torch.equal(ours[name], published[name]) for name in ours)


def test_older_files_of_resnet18_without_counters_load(resnet_file, tmp_path):
    weights = torch.load(resnet_file, weights_only=True)
    older = {name: value for name, value in weights.items() if not name.endswith("num_batches_tracked")}
    torch.save(older, tmp_path / "resnet18-5c106cde.pth")
    load_resnet18(tmp_path / "resnet18-5c106cde.pth")


def test_a_stored_memory_includes_the_resnet18_that_it_needs(resnet_file):
    network = imagenet_spatial(resnet_file)
    retrieval = MemoryRetrieval(network, Memory(MemoryConfig(4, spatial_size=512, value_size=5)))
    retrieval.memory.update(retrieval.memory.queries(torch.rand(2, 512)), torch.randn(2, 5), torch.Generator())
    again = MemoryRetrieval.restored(retrieval.settings(), retrieval.tensors())
    render = torch.rand(1, 4, 64, 64)
    assert network(render).shape == (1, 512)
    assert torch.allclose(again.spatial(render), network(render), atol=0.05)


@pytest.mark.parametrize("blocks", [(2, 2, 2, 2), (3, 4, 14, 3), (3, 13, 30, 3)], ids=["r18", "r50", "r100"])
def test_arcface_has_the_published_layout(blocks):
    with torch.device("meta"):
        ours = {name: tuple(value.shape) for name, value in ArcFace(blocks).state_dict().items()}
    assert ours == arcface_layout(blocks)


def test_arcface_loads_as_published_and_gives_unit_embeddings(tmp_path):
    save_file(random_weights(arcface_layout((2, 2, 2, 2))), tmp_path / "backbone.safetensors")
    network = load_arcface(tmp_path / "backbone.safetensors")
    picture = np.random.default_rng(0).integers(0, 255, (200, 160, 3), np.uint8)
    embedding = network.embed(picture, STANDARD_POINTS * 1.2 + 20)
    assert embedding.shape == (EMBEDDING_SIZE,) and np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("load", [load_resnet18, load_arcface])
@pytest.mark.parametrize("content", ["nonsense", "nothing", "list"])
def test_a_file_without_weights_is_refused(load, content, tmp_path):
    path = tmp_path / "weights.pth"
    if content == "nonsense":
        path.write_bytes(b"no weights at all")
    elif content == "list":
        torch.save([1, 2], path)
    with pytest.raises(InputError, match=r"holds no weights of a network; choose another|does not exist; check its"):
        load(path)


@pytest.mark.parametrize(("load", "reason"), [(load_resnet18, "is not a ResNet-18"),
                                              (load_arcface, "is not an ArcFace network")])
def test_weights_of_another_network_are_refused(load, reason, tmp_path):
    torch.save({"layer1.0.conv1.weight": torch.zeros(3)}, tmp_path / "weights.pth")
    with pytest.raises(InputError, match=reason) as refused:
        load(tmp_path / "weights.pth")
    assert "\n" not in str(refused.value)


def test_resnet18_alone_is_refused_before_anything_is_tracked(tmp_path):
    with pytest.raises(InputError, match="give ArcFace's file too"):
        learn(tmp_path / "clip.mp4", tmp_path / "subject", networks=NetworkFiles(resnet18=tmp_path / "resnet18.pth"))


def test_a_wrong_file_is_refused_before_anything_is_tracked(tmp_path):
    with pytest.raises(InputError, match="does not exist; check its name"):
        learn(tmp_path / "clip.mp4", tmp_path / "subject", networks=NetworkFiles(arcface=tmp_path / "r50.pth"))


def test_the_similarity_maps_the_five_points_to_the_standard_ones():
    rotated = np.array([[0.8, -0.6], [0.6, 0.8]]) * 1.7
    points = STANDARD_POINTS @ rotated.T + [30, 12]
    matrix = similarity_transform(points, STANDARD_POINTS)
    assert np.allclose(points @ matrix[:, :2].T + matrix[:, 2], STANDARD_POINTS)


def test_an_aligned_face_has_its_points_at_the_standard_positions():
    picture = np.zeros((240, 240, 3), np.uint8)
    points = STANDARD_POINTS * 1.5 + [20, 30]
    x, y = np.rint(points[2]).astype(int)
    picture[y - 2 : y + 3, x - 2 : x + 3] = 255
    rows, columns = np.nonzero(align_face(picture, points + 0.5)[..., 0] > 128)
    assert np.allclose([columns.mean(), rows.mean()], STANDARD_POINTS[2], rtol=0, atol=0.5)
