"""The drawn face that ArcFace compares with the photographed one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from headroom.common.networks.arcface import ArcFace
from headroom.track.appearance.appearance import Appearance
from headroom.track.regressor.augment import Augmenter
from headroom.track.regressor.examples import TrackedPerson
from headroom.track.regressor.losses import LossWeights
from headroom.track.regressor.network import RegressorConfig
from headroom.track.regressor.perceptual import PerceptualLoss
from headroom.track.regressor.renders import draw_examples
from headroom.track.regressor.torch_face import TorchFace
from headroom.track.regressor.train import RegressorTraining, fit

SIDE = 64


@pytest.fixture(scope="module")
def arcface():
    torch.manual_seed(0)
    return ArcFace((1, 1, 1, 1)).eval()


@pytest.fixture(scope="module")
def drawn(known):
    rng = np.random.default_rng(0)
    light = np.concatenate([np.full((1, 3), 3.0), rng.normal(0, 0.2, (8, 3))]).astype(np.float32)
    albedo = rng.integers(60, 200, (64, 64, 3), np.uint8)
    scenes = rng.integers(0, 255, (2, 83, 83, 3), np.uint8)
    person = TrackedPerson(rng.normal(0, 0.5, 80), Appearance(rng.normal(0, 0.3, 80), light, albedo), known.expression, scenes)
    return draw_examples(known.model, [person], scenes, 4, np.random.default_rng(1))


@pytest.fixture(scope="module")
def faces(drawn):
    coefficients, landmarks = torch.from_numpy(drawn.coefficients), torch.from_numpy(drawn.landmarks).float()
    return coefficients.float(), landmarks


def test_the_face_is_drawn_in_the_skin_s_colours_where_the_skin_is(known, arcface, faces):
    surface, likeness = TorchFace(known.model), PerceptualLoss(known.model, arcface, 256)
    pictures, covered = likeness.draw(surface, faces[0])
    places, colours, facing = surface.shade_skin(faces[0])
    read = torch.nn.functional.grid_sample(pictures, 2 * places[:, None], align_corners=False)[:, :, 0].transpose(1, 2)
    seen = facing > 0.4
    assert 0.2 < covered.float().mean() < 0.8
    assert (read - colours.clamp(0, 1)).abs()[seen].median() < 0.01


def test_the_picture_changes_as_its_derivatives_say(known, arcface, faces):
    surface, likeness = TorchFace(known.model), PerceptualLoss(known.model, arcface, SIDE)
    one = faces[0][:1].double().float()
    # a smooth weight that is nothing at the outline and at the lids, where what is seen jumps
    rows, columns = np.indices((SIDE, SIDE)) / SIDE - 0.5
    weight = torch.from_numpy(np.exp(-(rows**2 + columns**2) / 0.006)).float()
    coefficients = one.clone().requires_grad_()
    (likeness.draw(surface, coefficients)[0] * weight).sum().backward()

    def total(column, step):
        moved = one.clone()
        moved[0, column] += step
        return float((likeness.draw(surface, moved)[0] * weight).sum())

    texture, across = 80 + 64, 257 - 3
    for column, step, exact in ((texture, 0.5, 0.02), (texture + 5, 0.5, 0.02), (across, 8.0, 0.25)):
        change = (total(column, step) - total(column, -step)) / (2 * step)
        assert float(coefficients.grad[0, column]) == pytest.approx(change, rel=exact, abs=1e-3), column


def test_a_face_is_like_itself_and_less_like_another(known, arcface, faces):
    surface, likeness = TorchFace(known.model), PerceptualLoss(known.model, arcface, SIDE)
    coefficients, landmarks = faces
    with torch.no_grad():
        drawn, covered = likeness.draw(surface, coefficients)
        pictures = torch.where(covered, drawn, torch.full_like(drawn, 0.5))
        same = likeness(surface, coefficients, pictures, landmarks)
        other = coefficients.clone()
        other[:, 144:224] *= -3  # another skin
        assert torch.allclose(same, torch.ones(4), atol=1e-4)
        assert (likeness(surface, other, pictures, landmarks) < same - 1e-4).all()


def test_training_with_it_makes_faces_more_alike(known, arcface, drawn, faces):
    photographs = replace(drawn, photographed=np.ones(len(drawn), bool))
    network, weights = RegressorConfig((1, 1, 1, 1), 8, SIDE), LossWeights(likeness=50.0)
    config = RegressorTraining(network, weights=weights, steps=12, batch=4, warm_up=0.2)
    surface, likeness = TorchFace(known.model), PerceptualLoss(known.model, arcface, SIDE)
    batch = Augmenter(known.model, photographs, SIDE, config.augment, np.random.default_rng(5)).batch(np.arange(4))

    def alike(network):
        with torch.no_grad():
            return float(likeness(surface, network(batch.clear), batch.clear, batch.landmarks).mean())

    with_it, without = (alike(fit(known.model, photographs, config, arcface=used)) for used in (arcface, None))
    assert with_it > without
