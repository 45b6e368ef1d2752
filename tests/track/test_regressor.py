"""The small R-Net: what it is taught with, what it is taught, and that it learns."""

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
    Move,
    RegressorAugment,
    mirrored,
    moved_picture,
    moved_points,
    moved_pose,
)
from headroom.track.regressor.crop import Deep3DCrop
from headroom.track.regressor.estimate import FaceEstimate, five_points
from headroom.track.regressor.examples import MARGIN, UNIT, Examples, TrackedPerson
from headroom.track.regressor.losses import known_error, photometric_loss
from headroom.track.regressor.network import Regressor, RegressorConfig, regressor_for
from headroom.track.regressor.renders import draw_examples
from headroom.track.regressor.torch_face import TorchFace, rotation_matrices
from headroom.track.regressor.torch_face import harmonics as torch_harmonics
from headroom.track.regressor.train import RegressorTraining, collect, fit

SAMPLE = Path(__file__).parents[2] / "samples" / "sample.mp4"
SMALL = RegressorTraining(network=RegressorConfig(blocks=(1, 1, 1, 1), width=8, resolution=32), renders=6, frames=3,
                          steps=2, batch=4)
SIDE = round(SMALL.network.resolution * MARGIN)


@pytest.fixture(scope="module")
def people(known):
    rng = np.random.default_rng(0)
    light = np.concatenate([np.full((1, 3), 3.2), rng.normal(0, 0.2, (8, 3))]).astype(np.float32)
    albedo = rng.integers(60, 200, (64, 64, 3), np.uint8)
    return [TrackedPerson(rng.normal(0, 0.5, 80), Appearance(rng.normal(0, 0.3, 80), light, albedo), known.expression,
                   rng.integers(0, 255, (2, SIDE, SIDE, 3), np.uint8))]


@pytest.fixture(scope="module")
def drawn(known, people):
    return draw_examples(known.model, people, people[0].scenes, 6, np.random.default_rng(1))


def landmarks_of(model, coefficients):
    return FaceEstimate.of(coefficients, UNIT).landmarks(model)[model.landmark_ids, :2]


def test_made_up_people_lie_where_their_coefficients_say_in_the_middle_of_the_window(known, drawn):
    for coefficients, landmarks in zip(drawn.coefficients, drawn.landmarks):
        assert np.allclose(landmarks_of(known.model, coefficients), landmarks, atol=1e-4)
        crop = Deep3DCrop.around(five_points(FaceEstimate.of(coefficients, UNIT).landmarks(known.model)))
        assert np.allclose([crop.x, crop.y, crop.size], [-0.5, -0.5, 1], atol=0.02)


def test_made_up_people_are_drawn_where_they_are(known, people):
    """On black, what is drawn reaches as far as the landmarks do."""
    example = draw_examples(known.model, people, np.zeros((1, SIDE, SIDE, 3), np.uint8), 1, np.random.default_rng(1))
    rows, columns = np.nonzero(example.pictures[0].max(2) > 20)
    outline = (example.landmarks[0] / MARGIN + 0.5) * SIDE
    assert abs(columns.max() + 1 - outline[:, 0].max()) < 3 and abs(rows.max() + 1 - outline[:, 1].max()) < 3


@pytest.mark.parametrize("move", [
    Move(np.array([0.04, -0.03]), 1.0, 0.0), Move(np.zeros(2), 1.1, 0.0),
    Move(np.array([0.02, 0.03]), 0.9, 0.2),
])
def test_a_moved_window_moves_landmarks_and_pose_alike(known, drawn, move):
    for coefficients, landmarks in zip(drawn.coefficients, drawn.landmarks):
        pose = moved_pose(coefficients.astype(float), move)
        assert np.abs(landmarks_of(known.model, pose) - moved_points(landmarks, move)).mean() < 0.001


def test_a_moved_picture_shows_what_the_moved_points_say():
    move = Move(np.array([0.04, -0.02]), 1.08, 0.15)
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[25:28, 14:17] = 255
    place_before = (np.array([15.5, 26.5]) / SIDE - 0.5) * MARGIN
    moved = moved_picture(picture, 32, move)[..., 0].astype(float)
    rows, columns = np.indices(moved.shape) + 0.5
    middle = np.array([(moved * columns).sum(), (moved * rows).sum()]) / moved.sum() / 32 - 0.5
    assert np.allclose(middle, moved_points(place_before, move), atol=0.005)


def test_turned_and_mirrored_light_shades_the_turned_and_mirrored_face_alike():
    rng = np.random.default_rng(2)
    coefficients = rng.normal(size=257)
    coefficients[-3:] = 0, 0, -1000
    normals = rng.normal(size=(20, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    light = FaceEstimate.of(coefficients, UNIT).light
    turned = FaceEstimate.of(moved_pose(coefficients, Move(np.zeros(2), 1.0, 0.3)), UNIT)
    assert np.allclose(shade(normals @ rotation_matrix(np.array([0, 0, 0.3])).T, turned.light), shade(normals, light),
                       atol=1e-5)
    flipped = FaceEstimate.of(mirrored(coefficients), UNIT)
    assert np.allclose(shade(normals * [-1, 1, 1], flipped.light), shade(normals, light), atol=1e-5)
    assert np.isnan(flipped.identity).all()


def test_mirroring_swaps_left_and_right_landmarks(known, drawn):
    config = replace(RegressorAugment(), mirrored=1.0, shift=0.0, scale=0.0, roll=0.0)
    batch = Augmenter(known.model, drawn, 32, config, np.random.default_rng(0)).batch(np.array([0]))
    ids = known.model.landmark_ids.tolist()
    right, left = ids.index(33), ids.index(263)
    assert np.allclose(batch.landmarks[0, right], drawn.landmarks[0, left] * [-1, 1], atol=1e-5)


def test_the_surface_agrees_with_the_face_model(known):
    rng = np.random.default_rng(3)
    coefficients = rng.normal(0, 0.3, 257)
    coefficients[-3:] = 5, -8, -1000
    guess, surface = FaceEstimate.of(coefficients, UNIT), TorchFace(known.model)
    row = torch.from_numpy(guess.coefficients)[None]
    assert np.allclose(surface.project_landmarks(row)[0], landmarks_of(known.model, coefficients), atol=1e-5)
    places, colours, facing = surface.shade_skin(row)
    skin = surface.skin.vertices.numpy()
    vertices = pose_vertices(known.model.shape(guess.identity, guess.expression), guess.rotation, guess.translation)
    normals = known.model.normals(vertices)
    assert np.allclose(places[0], UNIT.project(vertices[skin]), atol=1e-5)
    assert np.allclose(colours[0], (known.model.albedo(guess.texture) * shade(normals, guess.light))[skin], atol=1e-3)
    away = facing[0].numpy() == 0
    assert (normals[skin][away, 2] < 0.5).all() and (normals[skin][~away, 2] > 0.1).all()
    assert np.allclose(torch_harmonics(torch.from_numpy(normals)), harmonics(normals), atol=1e-6)
    assert np.allclose(rotation_matrices(row[:, 224:227])[0], rotation_matrix(guess.rotation), atol=1e-6)


def test_the_photometric_loss_is_least_for_the_light_the_picture_was_drawn_with(known, people):
    surface, rng = TorchFace(known.model), np.random.default_rng(4)
    example = draw_examples(known.model, people, people[0].scenes, 3, rng)
    config = replace(RegressorAugment(), mirrored=0, shift=0, scale=0, roll=0, tint=0, covered=0)
    batch = Augmenter(known.model, example, 96, config, rng).batch(np.arange(3))
    brighter = batch.coefficients.clone()
    brighter[:, 227:254] *= 1.3
    assert photometric_loss(surface, batch.coefficients, batch.clear) < photometric_loss(surface, brighter, batch.clear)


def test_unknown_coefficients_teach_nothing():
    guessed = torch.zeros(2, 3, requires_grad=True)
    true = torch.tensor([[1.0, float("nan"), float("nan")], [float("nan"), 3.0, float("nan")]])
    error = known_error(guessed, true)
    error.backward()
    assert float(error) == 5.0
    assert guessed.grad.tolist() == [[-1, 0, 0], [0, -3, 0]]


def test_one_example_can_be_learnt_by_heart(known, drawn):
    one = Examples(*(getattr(drawn, name)[:1] for name in ("pictures", "landmarks", "coefficients", "photographed")))
    one = replace(one, photographed=np.ones(1, bool))
    plain = RegressorAugment(0, 0, 0, 0, 0, 0, 0, 0)
    two = Examples.joined([one, replace(drawn, photographed=np.ones(6, bool))])  # the spread needs more than one
    config = replace(SMALL, steps=90, average=0.8, augment=plain)
    network = fit(known.model, two, config)
    picture = two.pictures[0]
    middle = Deep3DCrop((1 - 1 / MARGIN) / 2 * SIDE, (1 - 1 / MARGIN) / 2 * SIDE, SIDE / MARGIN)
    guess = FaceEstimate.of(network.read(picture, middle).coefficients, UNIT)
    found = guess.landmarks(known.model)[known.model.landmark_ids, :2]
    start = landmarks_of(known.model, network.middle.numpy())
    error, before = (np.linalg.norm(points - two.landmarks[0], axis=1).mean() for points in (found, start))
    assert error < 0.5 * before


def test_training_begins_from_the_weights_it_is_given(known, drawn):
    taken = replace(drawn, photographed=np.ones(6, bool))
    begun = Regressor(SMALL.network)
    torch.nn.init.normal_(begun.head.weight, std=0.1)
    still = replace(SMALL, steps=1, rate=1e-12, weight_decay=0.0, average=0.0)
    again = fit(known.model, taken, still, initial=begun)
    assert torch.allclose(again.head.weight, begun.head.weight, atol=1e-6)


def test_clips_and_photos_give_the_same_weights_twice(known, tmp_path):
    frames = list(read_frames(SAMPLE, to_seconds=0.8))
    with VideoWriter(tmp_path / "clip.mp4", 25.0, *frames[0].shape[1::-1]) as writer:
        writer.write_all(frames)
    write_picture(tmp_path / "photo.png", frames[0])
    networks = []
    for _ in range(2):
        examples = collect([tmp_path / "clip.mp4", tmp_path / "photo.png"], known.model, SMALL)
        assert examples.photographed.sum() == 4 and len(examples) == 10
        networks.append(fit(known.model, examples, SMALL).state_dict())
    assert all(torch.equal(networks[0][name], networks[1][name]) for name in networks[0])


def test_saved_weights_say_the_same_and_are_bound_to_the_face_model(known, tmp_path):
    network = Regressor(SMALL.network).eval()
    torch.nn.init.normal_(network.head.weight)
    network.save(tmp_path / "a.safetensors", known.model)
    again = Regressor.load(tmp_path / "a.safetensors", known.model)
    picture = np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)
    first, second = (n.read(picture, Deep3DCrop(5, 5, 50)).coefficients for n in (network, again))
    assert np.allclose(first, second, atol=0.02 * np.abs(first).max())
    with pytest.raises(InputError, match="another face model"):
        Regressor.load(tmp_path / "a.safetensors", replace(known.model, digest="0"))
    (tmp_path / "c.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match="not a regressor"):
        Regressor.load(tmp_path / "c.safetensors", known.model)
    save_file({"a": torch.zeros(1)}, str(tmp_path / "d.safetensors"), {"format": "something else"})
    with pytest.raises(InputError, match="no regressor of this version"):
        Regressor.load(tmp_path / "d.safetensors", known.model)


def test_the_command_writes_weights_for_the_bundled_face_model(known, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("headroom.track.regressor.train.train_regressor",
                        lambda clips, model, progress, initial, arcface: seen.extend(clips) or Regressor(SMALL.network))
    train_regressor([SAMPLE], tmp_path / "new.safetensors")
    assert seen == [SAMPLE] and Regressor.load(tmp_path / "new.safetensors", known.model).config == SMALL.network
    with pytest.raises(InputError, match="must end in"):
        train_regressor([SAMPLE], tmp_path / "new.pth")
    with pytest.raises(InputError, match="kept for measuring"):
        train_regressor([Path("vr_2.mp4")], tmp_path / "new.safetensors")


def test_a_face_model_of_the_user_s_has_no_bundled_regressor(known):
    assert regressor_for(replace(known.model, digest="0")) is None


def test_the_bundled_regressor_reads_a_face_before_any_fit(known):
    frame = next(read_frames(SAMPLE, from_seconds=1))
    points = find_landmarks([frame], 25.0).points[0]
    guess = regressor_for(known.model).read(frame, Deep3DCrop.around(five_points(points)))
    away = np.linalg.norm((guess.landmarks(known.model) - points)[:468, :2], axis=1).mean()
    assert away / eye_distance(points[:, :2]) < 0.08
