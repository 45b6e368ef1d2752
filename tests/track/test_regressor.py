"""The regressor: its examples, augmentation, losses, training and files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from headroom.cli.commands.train import train_regressor
from headroom.common.errors import InputError
from headroom.face.camera import pose_vertices, rotation_matrix
from headroom.face.light import harmonics, shade
from headroom.face.topology import eye_distance
from headroom.media.image import write_picture
from headroom.media.video import VideoWriter, read_frames
from headroom.track.appearance.appearance import Appearance
from headroom.track.landmarks.detect import find_landmarks
from headroom.track.regressor.augment import (
    Augmenter,
    CropChange,
    RegressorAugment,
    change_picture,
    change_points,
    change_pose,
    mirror_coefficients,
)
from headroom.track.regressor.crop import RegressorCrop
from headroom.track.regressor.estimate import FaceEstimate, five_points
from headroom.track.regressor.examples import MARGIN, UNIT_CROP, Examples, TrackedPerson
from headroom.track.regressor.losses import known_error, photometric_loss
from headroom.track.regressor.network import Regressor, RegressorConfig, bundled_regressor
from headroom.track.regressor.renders import render_examples
from headroom.track.regressor.torch_face import TorchFace, rotation_matrices
from headroom.track.regressor.torch_face import harmonics as torch_harmonics
from headroom.track.regressor.train import RegressorTraining, collect_examples, fit_regressor

SAMPLE = Path(__file__).parents[2] / "samples" / "sample.mp4"
SMALL = RegressorTraining(network=RegressorConfig(blocks=(1, 1, 1, 1), width=8, resolution=32), renders=6, frames=3,
                          steps=2, batch=4)
SIDE = round(SMALL.network.resolution * MARGIN)


@pytest.fixture(scope="module")
def people(person):
    rng = np.random.default_rng(0)
    light = np.concatenate([np.full((1, 3), 3.2), rng.normal(0, 0.2, (8, 3))]).astype(np.float32)
    albedo = rng.integers(60, 200, (64, 64, 3), np.uint8)
    identity, appearance = rng.normal(0, 0.5, 80), Appearance(rng.normal(0, 0.3, 80), light, albedo)
    return [TrackedPerson(identity, appearance, person.expression, rng.integers(0, 255, (2, SIDE, SIDE, 3), np.uint8))]


@pytest.fixture(scope="module")
def synthetic(person, people):
    return render_examples(person.model, people, people[0].backgrounds, 6, np.random.default_rng(1))


def landmarks_of(model, coefficients):
    return FaceEstimate.of(coefficients, UNIT_CROP).landmarks(model)[model.landmark_ids, :2]


def test_synthetic_landmarks_follow_from_the_coefficients_and_are_centred_in_the_crop(person, synthetic):
    for coefficients, landmarks in zip(synthetic.coefficients, synthetic.landmarks):
        assert np.allclose(landmarks_of(person.model, coefficients), landmarks, atol=1e-4)
        estimate = FaceEstimate.of(coefficients, UNIT_CROP)
        crop = RegressorCrop.around(five_points(estimate.landmarks(person.model)))
        assert np.allclose([crop.x, crop.y, crop.size], [-0.5, -0.5, 1], atol=0.02)


def test_a_synthetic_picture_shows_the_face_at_its_landmarks(person, people):
    """On black, the face extends as far as the landmarks."""
    black = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    example = render_examples(person.model, people, black, 1, np.random.default_rng(1))
    rows, columns = np.nonzero(example.pictures[0].max(2) > 20)
    outline = (example.landmarks[0] / MARGIN + 0.5) * SIDE
    assert abs(columns.max() + 1 - outline[:, 0].max()) < 3 and abs(rows.max() + 1 - outline[:, 1].max()) < 3


@pytest.mark.parametrize("change", [
    CropChange(np.array([0.04, -0.03]), 1.0, 0.0), CropChange(np.zeros(2), 1.1, 0.0),
    CropChange(np.array([0.02, 0.03]), 0.9, 0.2),
])
def test_landmarks_and_pose_change_alike_with_the_crop(person, synthetic, change):
    for coefficients, landmarks in zip(synthetic.coefficients, synthetic.landmarks):
        changed = change_pose(coefficients.astype(float), change)
        assert np.abs(landmarks_of(person.model, changed) - change_points(landmarks, change)).mean() < 0.001


def test_picture_and_points_change_alike_with_the_crop():
    change = CropChange(np.array([0.04, -0.02]), 1.08, 0.15)
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[25:28, 14:17] = 255
    point = (np.array([15.5, 26.5]) / SIDE - 0.5) * MARGIN
    changed = change_picture(picture, 32, change)[..., 0].astype(float)
    rows, columns = np.indices(changed.shape) + 0.5
    centroid = np.array([(changed * columns).sum(), (changed * rows).sum()]) / changed.sum() / 32 - 0.5
    assert np.allclose(centroid, change_points(point, change), atol=0.005)


def test_rotated_and_mirrored_light_shades_the_rotated_and_mirrored_face_alike():
    rng = np.random.default_rng(2)
    coefficients = rng.normal(size=257)
    coefficients[-3:] = 0, 0, -1000
    normals = rng.normal(size=(20, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    light = FaceEstimate.of(coefficients, UNIT_CROP).light
    rotated = FaceEstimate.of(change_pose(coefficients, CropChange(np.zeros(2), 1.0, 0.3)), UNIT_CROP)
    rotated_normals = normals @ rotation_matrix(np.array([0, 0, 0.3])).T
    assert np.allclose(shade(rotated_normals, rotated.light), shade(normals, light), atol=1e-5)
    mirrored = FaceEstimate.of(mirror_coefficients(coefficients), UNIT_CROP)
    assert np.allclose(shade(normals * [-1, 1, 1], mirrored.light), shade(normals, light), atol=1e-5)
    assert np.isnan(mirrored.identity).all()


def test_mirroring_swaps_left_and_right_landmarks(person, synthetic):
    config = replace(RegressorAugment(), mirrored=1.0, shift=0.0, scale=0.0, roll=0.0)
    batch = Augmenter(person.model, synthetic, 32, config, np.random.default_rng(0)).batch(np.array([0]))
    ids = person.model.landmark_ids.tolist()
    right, left = ids.index(33), ids.index(263)
    assert np.allclose(batch.landmarks[0, right], synthetic.landmarks[0, left] * [-1, 1], atol=1e-5)


def test_the_face_in_torch_agrees_with_the_face_model(person):
    rng = np.random.default_rng(3)
    coefficients = rng.normal(0, 0.3, 257)
    coefficients[-3:] = 5, -8, -1000
    estimate, face = FaceEstimate.of(coefficients, UNIT_CROP), TorchFace(person.model)
    row = torch.from_numpy(estimate.coefficients)[None]
    assert np.allclose(face.project_landmarks(row)[0], landmarks_of(person.model, coefficients), atol=1e-5)
    positions, colours, weights = face.shade_skin(row)
    skin = face.skin.vertices.numpy()
    shape = person.model.shape(estimate.identity, estimate.expression)
    vertices = pose_vertices(shape, estimate.rotation, estimate.translation)
    normals = person.model.normals(vertices)
    assert np.allclose(positions[0], UNIT_CROP.project(vertices[skin]), atol=1e-5)
    expected = (person.model.albedo(estimate.texture) * shade(normals, estimate.light))[skin]
    assert np.allclose(colours[0], expected, atol=1e-3)
    hidden = weights[0].numpy() == 0
    assert (normals[skin][hidden, 2] < 0.5).all() and (normals[skin][~hidden, 2] > 0.1).all()
    assert np.allclose(torch_harmonics(torch.from_numpy(normals)), harmonics(normals), atol=1e-6)
    assert np.allclose(rotation_matrices(row[:, 224:227])[0], rotation_matrix(estimate.rotation), atol=1e-6)


def test_the_photometric_loss_is_lower_for_the_pictures_own_light(person, people):
    face, rng = TorchFace(person.model), np.random.default_rng(4)
    examples = render_examples(person.model, people, people[0].backgrounds, 3, rng)
    config = replace(RegressorAugment(), mirrored=0, shift=0, scale=0, roll=0, tint=0, covered=0)
    batch = Augmenter(person.model, examples, 96, config, rng).batch(np.arange(3))
    brighter = batch.coefficients.clone()
    brighter[:, 227:254] *= 1.3
    own, other = (photometric_loss(face, light, batch.clear) for light in (batch.coefficients, brighter))
    assert own < other


def test_unknown_coefficients_have_no_gradient():
    predicted = torch.zeros(2, 3, requires_grad=True)
    target = torch.tensor([[1.0, float("nan"), float("nan")], [float("nan"), 3.0, float("nan")]])
    error = known_error(predicted, target)
    error.backward()
    assert float(error) == 5.0
    assert predicted.grad.tolist() == [[-1, 0, 0], [0, -3, 0]]


def test_one_example_can_be_overfitted(person, synthetic):
    names = ("pictures", "landmarks", "coefficients", "photographed")
    one = replace(Examples(*(getattr(synthetic, name)[:1] for name in names)), photographed=np.ones(1, bool))
    # a standard deviation of the targets needs more than one example
    examples = Examples.joined([one, replace(synthetic, photographed=np.ones(6, bool))])
    config = replace(SMALL, steps=90, average=0.8, augment=RegressorAugment(0, 0, 0, 0, 0, 0, 0, 0))
    network = fit_regressor(person.model, examples, config)
    offset = (1 - 1 / MARGIN) / 2 * SIDE
    prediction = network.predict(examples.pictures[0], RegressorCrop(offset, offset, SIDE / MARGIN))
    fitted = landmarks_of(person.model, prediction.coefficients)
    mean = landmarks_of(person.model, network.target_mean.numpy())
    error, mean_error = (np.linalg.norm(points - examples.landmarks[0], axis=1).mean() for points in (fitted, mean))
    assert error < 0.5 * mean_error


def test_training_starts_from_the_given_weights(person, synthetic):
    photographs = replace(synthetic, photographed=np.ones(6, bool))
    initial = Regressor(SMALL.network)
    torch.nn.init.normal_(initial.head.weight, std=0.1)
    config = replace(SMALL, steps=1, rate=1e-12, weight_decay=0.0, average=0.0)
    network = fit_regressor(person.model, photographs, config, initial=initial)
    assert torch.allclose(network.head.weight, initial.head.weight, atol=1e-6)


def test_clips_and_photos_give_the_same_weights_twice(person, tmp_path):
    frames = list(read_frames(SAMPLE, to_seconds=0.8))
    with VideoWriter(tmp_path / "clip.mp4", 25.0, *frames[0].shape[1::-1]) as writer:
        writer.write_all(frames)
    write_picture(tmp_path / "photo.png", frames[0])
    networks = []
    for _ in range(2):
        examples = collect_examples([tmp_path / "clip.mp4", tmp_path / "photo.png"], person.model, SMALL)
        assert examples.photographed.sum() == 4 and len(examples) == 10
        networks.append(fit_regressor(person.model, examples, SMALL).state_dict())
    assert all(torch.equal(networks[0][name], networks[1][name]) for name in networks[0])


def test_saved_weights_predict_the_same(person, tmp_path):
    network = Regressor(SMALL.network).eval()
    torch.nn.init.normal_(network.head.weight)
    network.save(tmp_path / "a.safetensors", person.model)
    again = Regressor.load(tmp_path / "a.safetensors", person.model)
    picture = np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)
    first, second = (n.predict(picture, RegressorCrop(5, 5, 50)).coefficients for n in (network, again))
    assert np.allclose(first, second, atol=0.02 * np.abs(first).max())


def test_weights_of_another_face_model_and_other_files_are_refused(person, tmp_path):
    Regressor(SMALL.network).save(tmp_path / "a.safetensors", person.model)
    with pytest.raises(InputError, match="belongs to another face model"):
        Regressor.load(tmp_path / "a.safetensors", replace(person.model, digest="0"))
    (tmp_path / "c.safetensors").write_bytes(b"no weights")
    save_file({"a": torch.zeros(1)}, str(tmp_path / "d.safetensors"), {"format": "something else"})
    for name, words in (("c.safetensors", "is not a regressor"), ("d.safetensors", "is not a regressor"),
                        ("missing.safetensors", "does not exist")):
        with pytest.raises(InputError, match=words):
            Regressor.load(tmp_path / name, person.model)


def test_the_command_writes_weights_for_the_bundled_face_model(person, tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr("headroom.track.regressor.train.train_regressor",
                        lambda clips, model, progress, initial, arcface: trained.extend(clips)
                        or Regressor(SMALL.network))
    train_regressor([SAMPLE], tmp_path / "new.safetensors")
    assert trained == [SAMPLE]
    assert Regressor.load(tmp_path / "new.safetensors", person.model).config == SMALL.network
    with pytest.raises(InputError, match="must end in"):
        train_regressor([SAMPLE], tmp_path / "new.pth")
    with pytest.raises(InputError, match="held out for measuring"):
        train_regressor([Path("vr_2.mp4")], tmp_path / "new.safetensors")


def test_another_face_model_has_no_bundled_regressor(person):
    assert bundled_regressor(replace(person.model, digest="0")) is None


def test_the_bundled_regressor_predicts_landmarks_without_a_fit(person):
    frame = next(read_frames(SAMPLE, from_seconds=1))
    points = find_landmarks([frame], 25.0).points[0]
    estimate = bundled_regressor(person.model).predict(frame, RegressorCrop.around(five_points(points)))
    error = np.linalg.norm((estimate.landmarks(person.model) - points)[:468, :2], axis=1).mean()
    assert error / eye_distance(points[:, :2]) < 0.08
