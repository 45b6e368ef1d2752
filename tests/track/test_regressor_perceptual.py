"""The perceptual loss: the predicted face drawn over the photographed one, and their identity embeddings."""

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
from headroom.track.regressor.renders import render_examples
from headroom.track.regressor.torch_face import TorchFace
from headroom.track.regressor.train import RegressorTraining, fit_regressor

SIDE = 64


@pytest.fixture(scope="module")
def arcface():
    torch.manual_seed(0)
    return ArcFace((1, 1, 1, 1)).eval()


@pytest.fixture(scope="module")
def synthetic(person):
    rng = np.random.default_rng(0)
    light = np.concatenate([np.full((1, 3), 3.0), rng.normal(0, 0.2, (8, 3))]).astype(np.float32)
    albedo = rng.integers(60, 200, (64, 64, 3), np.uint8)
    backgrounds = rng.integers(0, 255, (2, 83, 83, 3), np.uint8)
    identity, appearance = rng.normal(0, 0.5, 80), Appearance(rng.normal(0, 0.3, 80), light, albedo)
    tracked = TrackedPerson(identity, appearance, person.expression, backgrounds)
    return render_examples(person.model, [tracked], backgrounds, 4, np.random.default_rng(1))


@pytest.fixture(scope="module")
def faces(synthetic):
    """Coefficients (4, 257) and landmarks (4, L, 2)."""
    return torch.from_numpy(synthetic.coefficients).float(), torch.from_numpy(synthetic.landmarks).float()


def test_the_drawn_face_has_the_skins_colours_at_the_skins_positions(person, arcface, faces):
    face, loss = TorchFace(person.model), PerceptualLoss(person.model, arcface, 256)
    pictures, covered = loss.draw(face, faces[0])
    positions, colours, weights = face.shade_skin(faces[0])
    drawn = torch.nn.functional.grid_sample(pictures, 2 * positions[:, None], align_corners=False)[:, :, 0]
    seen = weights > 0.4
    assert 0.2 < covered.float().mean() < 0.8
    assert (drawn.transpose(1, 2) - colours.clamp(0, 1)).abs()[seen].median() < 0.01


def test_the_picture_changes_as_its_gradient_predicts(person, arcface, faces):
    face, loss = TorchFace(person.model), PerceptualLoss(person.model, arcface, SIDE)
    one = faces[0][:1].double().float()
    # a smooth weight that vanishes at the outline and the lids, where the visible surface is discontinuous
    rows, columns = np.indices((SIDE, SIDE)) / SIDE - 0.5
    weight = torch.from_numpy(np.exp(-(rows**2 + columns**2) / 0.006)).float()
    coefficients = one.clone().requires_grad_()
    (loss.draw(face, coefficients)[0] * weight).sum().backward()

    def weighted_sum(column, step):
        changed = one.clone()
        changed[0, column] += step
        return float((loss.draw(face, changed)[0] * weight).sum())

    texture, across = 80 + 64, 257 - 3
    for column, step, tolerance in ((texture, 0.5, 0.02), (texture + 5, 0.5, 0.02), (across, 8.0, 0.25)):
        change = (weighted_sum(column, step) - weighted_sum(column, -step)) / (2 * step)
        assert float(coefficients.grad[0, column]) == pytest.approx(change, rel=tolerance, abs=1e-3), column


def test_the_cosine_is_one_for_the_same_face_and_lower_for_another_skin(person, arcface, faces):
    face, loss = TorchFace(person.model), PerceptualLoss(person.model, arcface, SIDE)
    coefficients, landmarks = faces
    with torch.no_grad():
        drawn, covered = loss.draw(face, coefficients)
        pictures = torch.where(covered, drawn, torch.full_like(drawn, 0.5))
        same = loss(face, coefficients, pictures, landmarks)
        other = coefficients.clone()
        other[:, 144:224] *= -3  # another skin
        assert torch.allclose(same, torch.ones(4), atol=1e-4)
        assert (loss(face, other, pictures, landmarks) < same - 1e-4).all()


def test_training_with_the_loss_makes_faces_more_similar(person, arcface, synthetic):
    photographs = replace(synthetic, photographed=np.ones(len(synthetic), bool))
    network, weights = RegressorConfig((1, 1, 1, 1), 8, SIDE), LossWeights(perceptual=50.0)
    config = RegressorTraining(network, weights=weights, steps=12, batch=4, warm_up=0.2)
    face, loss = TorchFace(person.model), PerceptualLoss(person.model, arcface, SIDE)
    batch = Augmenter(person.model, photographs, SIDE, config.augment, np.random.default_rng(5)).batch(np.arange(4))

    def mean_cosine(network):
        with torch.no_grad():
            return float(loss(face, network(batch.clear), batch.clear, batch.landmarks).mean())

    with_loss, without = (mean_cosine(fit_regressor(person.model, photographs, config, arcface=used))
                          for used in (arcface, None))
    assert with_loss > without
