"""A generator that attends to reprojected plates: its blend, its samples, its training, and the finished frame."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from drawn_faces import IDENTITY, NO_AUGMENTATION, QUICK, SIZE, drawn_clip, over_plates, pairs_of

from headroom.face.camera import Crop
from headroom.plate.composite import composite, crop_frame
from headroom.refine.dataset import RefinerDataset
from headroom.refine.generator import Generator, GeneratorConfig
from headroom.refine.inputs import CropPlate, input_array, prepare_frame
from headroom.refine.refiner import Refiner, RefinerIdentity
from headroom.refine.region import RegionConfig, erase, face_region
from headroom.refine.train import train_refiner

PLATE_TERM = replace(QUICK.generator, identity_size=len(IDENTITY), plate_term=True)
VISIBLE = replace(NO_AUGMENTATION, hidden_face_probability=0.0, hidden_part_probability=0.0)
"""Augmentation that hides nothing."""


@pytest.fixture(scope="module")
def pairs():
    """Pairs of six frames whose plates are noise, valid in the left half only."""
    frames, renders = drawn_clip(6)
    plates = np.random.default_rng(0).integers(0, 256, (*frames.shape[:3], 4)).astype(np.uint8)
    plates[..., 3] = np.where(np.arange(SIZE) < SIZE // 2, 255, 0)
    return replace(pairs_of(frames, renders), plates=plates)


def sample_of(pairs, frame, augment):
    """Return the first sample of a frame."""
    data = RefinerDataset([pairs], [len(pairs)], RegionConfig(), augment, seed=0)
    return data.sample(next(number for number in range(len(pairs)) if data.locate(number)[1] == frame))


def refiner_with(logits):
    """Return a refiner whose generator gives the same logits of A_r and A_p at every pixel."""
    generator = Generator(PLATE_TERM)
    bias = generator.head.out.bias.data.view(5, -1)
    generator.head.out.weight.data[3 * bias.shape[1] :] = 0
    bias[3], bias[4] = logits
    return Refiner(generator, RefinerIdentity(IDENTITY), RegionConfig(), SIZE, "cpu")


def test_the_blend_of_three_pictures_matches_a_naive_loop():
    generator = Generator(GeneratorConfig(width=4, levels=4, identity_size=6, plate_term=True))
    inputs, outputs = torch.rand(2, 14, 4, 4), torch.randn(2, 5, 4, 4)
    refined, attention = generator.blend(inputs, outputs)
    assert attention.shape == (2, 2, 4, 4)
    for b, i, j in np.ndindex(2, 4, 4):
        exponentials = [np.exp(outputs[b, 3, i, j].item()), np.exp(outputs[b, 4, i, j].item()), 1.0]
        to_render, to_plate, to_colour = (each / sum(exponentials) for each in exponentials)
        assert attention[b, :, i, j].tolist() == pytest.approx([to_render, to_plate], abs=1e-6)
        for c in range(3):
            colour = (np.tanh(outputs[b, c, i, j].item()) + 1) / 2
            render, plate = inputs[b, 6 + c, i, j].item(), inputs[b, 11 + c, i, j].item()
            expected = to_render * render + to_plate * plate + to_colour * colour
            assert refined[b, c, i, j].item() == pytest.approx(expected, abs=1e-5)


def test_a_plate_term_needs_attention():
    with pytest.raises(ValueError, match="attention"):
        GeneratorConfig(plate_term=True, attention=False)


def test_picture_and_alpha_over_the_plate_give_the_refined_picture():
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(width=4, levels=4, plate_term=True)).eval()
    inputs = torch.rand(2, 14, 32, 32)
    for strength in (0.5, 2, 5, 20):
        outputs = strength * torch.randn(2, 5, 32, 32)
        refined, _ = generator.blend(inputs, outputs)
        picture, alpha = ((each * 255 + 0.5).byte().float() / 255
                          for each in generator.over_plate(inputs, outputs).split([3, 1], dim=1))
        over = inputs[:, 11:] + alpha * (picture - inputs[:, 11:])
        assert (over - refined).abs().max() < 1.1 / 255


def test_without_a_plate_term_picture_and_alpha_are_the_refined_picture_alone():
    generator = Generator(GeneratorConfig(width=4, levels=4)).eval()
    inputs, outputs = torch.rand(1, 11, 8, 8), torch.randn(1, 4, 8, 8)
    picture, alpha = generator.over_plate(inputs, outputs).split([3, 1], dim=1)
    assert torch.equal(picture, generator.blend(inputs, outputs)[0]) and (alpha == 1).all()


def test_where_all_attention_is_on_the_plate_the_finished_frame_keeps_its_full_size_pixels():
    frame = np.random.default_rng(0).integers(0, 256, (200, 240, 3)).astype(np.uint8)
    crop, render = Crop(30, 20, 170), drawn_clip(1)[1][0]
    plate = CropPlate(crop_frame(frame, crop, SIZE), np.full((SIZE, SIZE), 255, np.uint8))
    kept = composite(frame, crop, *next(refiner_with((-20.0, 20.0)).refine([(render, plate)])))
    assert np.array_equal(kept, frame)
    painted = composite(frame, crop, *next(refiner_with((-20.0, -20.0)).refine([(render, plate)])))
    assert not np.array_equal(painted, frame)


def test_where_all_attention_is_on_the_render_the_finished_frame_shows_it():
    render = drawn_clip(1)[1][0]
    plate = CropPlate(np.full((SIZE, SIZE, 3), 90, np.uint8), np.full((SIZE, SIZE), 255, np.uint8))
    picture, mask = next(refiner_with((20.0, -20.0)).refine([(render, plate)]))
    made = composite(plate.picture, Crop(0, 0, SIZE), picture, mask)
    inside = cv2.erode((render[..., 3] == 255).astype(np.uint8), np.ones((9, 9))) > 0
    assert np.abs(made[inside].astype(int) - render[inside][:, :3]).max() <= 1


def test_training_and_use_have_the_same_input_with_plates(pairs):
    sample = sample_of(pairs, 3, VISIBLE)
    plates = [CropPlate(pairs.plates[t][..., :3], pairs.plates[t][..., 3]) for t in (1, 2, 3)]
    prepared = [prepare_frame(pairs.renders[t], plate, RegionConfig()) for t, plate in zip((1, 2, 3), plates)]
    assert sample.inputs.shape == (SIZE, SIZE, 14) and sample.inputs.dtype == np.uint8
    assert np.array_equal(sample.inputs, input_array(prepared, plate_term=True))
    assert np.array_equal(sample.inputs[..., 10], pairs.plates[3][..., 3])
    assert np.array_equal(sample.inputs[..., 11:], pairs.plates[3][..., :3])
    refiner = refiner_with((0.0, 0.0))
    in_use = list(refiner.prepare(zip(pairs.renders[:4], [plates[0], *plates])))[3]
    assert np.array_equal(in_use.pixels, sample.inputs)
    assert np.array_equal(sample.truth, pairs.frames[3])


def test_a_reprojected_plate_is_not_erased_around_the_face(pairs):
    plate = CropPlate(pairs.plates[0][..., :3], pairs.plates[0][..., 3])
    prepared = prepare_frame(pairs.renders[0], plate, RegionConfig())
    beside = pairs.renders[0][..., 3] == 0
    assert np.array_equal(prepared.colour[beside], plate.picture[beside]) and prepared.plate is plate.picture


def test_a_plate_of_another_moment_is_erased_and_not_valid_there(pairs):
    render, plate = pairs.renders[0], CropPlate(pairs.plates[0][..., :3])
    erased, _ = face_region(render[..., 3], RegionConfig())
    prepared = prepare_frame(render, plate, RegionConfig())
    inputs = input_array([prepared] * 3, plate_term=True)
    assert np.array_equal(inputs[..., 11:], erase(plate.picture, erased))
    assert (inputs[..., 10][erased == 1] == 0).all() and (inputs[..., 10][erased == 0] == 255).all()


def test_a_mirrored_sample_with_a_plate_is_mirrored_in_every_picture(pairs):
    plain = sample_of(pairs, 4, VISIBLE)
    mirrored = sample_of(pairs, 4, replace(VISIBLE, mirror_probability=1.0))
    for name in ("inputs", "truth", "mask", "weight"):
        picture, other = getattr(plain, name), getattr(mirrored, name)
        assert np.abs(picture[:, ::-1].astype(int) - other).max() <= 1
    assert plain.inputs[:, :20, 10].all() and not mirrored.inputs[:, :20, 10].any()


def test_a_tint_changes_the_plate_as_well_and_not_where_it_is_valid(pairs):
    plain, tinted = (sample_of(pairs, 2, replace(VISIBLE, brightness=brightness)) for brightness in (0.0, 0.3))
    gain = tinted.truth[0, 0] / plain.truth[0, 0].astype(float)
    assert np.abs(gain - 1).max() > 0.01 and np.array_equal(plain.inputs[..., 9:11], tinted.inputs[..., 9:11])
    expected = (plain.inputs[..., 11:] * np.median(gain)).clip(0, 255)
    assert np.abs(tinted.inputs[..., 11:] - expected).max() < 4


def test_a_hidden_face_is_erased_from_the_plates_and_not_valid(pairs):
    hidden = sample_of(pairs, 3, replace(VISIBLE, hidden_face_probability=1.0))
    erased, _ = face_region(pairs.renders[3][..., 3], RegionConfig())
    assert (hidden.inputs[..., 10][erased == 1] == 0).all()
    assert np.array_equal(hidden.inputs[..., 11:], erase(pairs.plates[3][..., :3], erased))


def test_a_hidden_part_of_mouth_or_eyes_is_erased_and_not_valid(pairs):
    weights = pairs.weights.copy()
    weights[:, 36:41, 22:28] = 255  # a mouth, in the valid half
    plates = pairs.plates.copy()
    plates[..., 3] = 255
    detailed = replace(pairs, weights=weights, plates=plates)
    plain, hidden = (sample_of(detailed, 3, replace(VISIBLE, hidden_part_probability=probability))
                     for probability in (0.0, 1.0))
    gone = hidden.inputs[..., 10] == 0
    assert gone[36:41, 22:28].any() and 0 < gone.mean() < 0.1 and (hidden.inputs[~gone][:, 10] == 255).all()
    assert np.array_equal(hidden.inputs[~gone][:, 11:], plain.inputs[~gone][:, 11:])
    assert not np.array_equal(hidden.inputs[gone][:, 11:], plain.inputs[gone][:, 11:])
    assert hidden.inputs[gone][:, 11:].std() < 0.7 * plain.inputs[gone][:, 11:].std()
    assert np.array_equal(hidden.truth, plain.truth) and np.array_equal(hidden.weight, plain.weight)


def test_a_refiner_with_a_plate_term_is_trained_saved_and_loaded(tmp_path):
    frames, renders = drawn_clip(6)
    plates = np.concatenate([frames, np.full((*frames.shape[:3], 1), 255, np.uint8)], axis=3)
    pairs = replace(pairs_of(frames, renders), plates=plates)
    config = replace(QUICK, generator=PLATE_TERM, steps=4, gan=0.3, texture=100.0, features=1.0)
    refiner = train_refiner(pairs, config)
    assert refiner.uses_plates
    refiner.save(tmp_path / "refiner.safetensors")
    again = Refiner.load(tmp_path / "refiner.safetensors", device="cpu")
    assert again.generator.config == refiner.generator.config and again.uses_plates
    shown = [CropPlate(plate[..., :3], plate[..., 3]) for plate in plates]
    for ours, theirs in zip(refiner.refine(zip(renders, shown)), again.refine(zip(renders, shown)), strict=True):
        made, same = (composite(frames[0], Crop(0, 0, SIZE), *each).astype(int) for each in (ours, theirs))
        assert np.abs(made - same).max() <= 2  # weights are stored in half precision


def test_training_with_true_plates_learns_to_show_them():
    frames, renders = drawn_clip(3)
    plates = np.concatenate([frames, np.full((*frames.shape[:3], 1), 255, np.uint8)], axis=3)
    pairs = replace(pairs_of(frames, renders), plates=plates)
    config = replace(QUICK, generator=PLATE_TERM, augment=VISIBLE, steps=30, attention=0.0, ema_decay=0.8)
    refiner = train_refiner(pairs, config)
    shown = [CropPlate(plate[..., :3], plate[..., 3]) for plate in plates]
    before = refiner_with((0.0, 2.0)).refine(zip(renders, shown))
    for old, new, frame in zip(before, refiner.refine(zip(renders, shown)), frames):
        errors = [np.abs(composite(frame, Crop(0, 0, SIZE), *each).astype(int) - frame).mean() for each in (old, new)]
        assert errors[1] < 0.6 * errors[0]


def test_chunks_of_frames_over_their_plates_equal_the_whole(pairs):
    frames = [(render, CropPlate(plate[..., :3], plate[..., 3])) for render, plate in zip(pairs.renders, pairs.plates)]
    refiner = refiner_with((0.0, 0.5))
    whole = list(refiner.refine(frames, batch_size=1))
    for (a, alpha_a), (b, alpha_b) in zip(refiner.refine(frames[2:], batch_size=1, context=2), whole[4:], strict=True):
        assert np.array_equal(a, b) and np.array_equal(alpha_a, alpha_b)
    changed = [(render, CropPlate(255 - plate.picture, plate.valid)) if number == 0 else (render, plate)
               for number, (render, plate) in enumerate(frames)]
    same = [np.array_equal(a, b) for (a, _), (b, _) in zip(whole, refiner.refine(changed, batch_size=1))]
    assert same == [False, False, False, True, True, True]


def test_frames_with_and_without_a_reprojected_plate_can_be_mixed(pairs):
    reprojected = [(render, CropPlate(plate[..., :3], plate[..., 3]))
                   for render, plate in zip(pairs.renders, pairs.plates)]
    mixed = [*reprojected[:2], *over_plates(pairs.renders[2:], pairs.frames[2:])]
    inputs = list(refiner_with((0.0, 0.0)).prepare(mixed))
    assert [each.pixels.shape for each in inputs] == [(SIZE, SIZE, 14)] * 6
    erased, _ = face_region(pairs.renders[2][..., 3], RegionConfig())
    assert (inputs[2].pixels[..., 10][erased == 1] == 0).all() and (inputs[1].pixels[:, :20, 10] == 255).all()
