"""Erasing, teaching and using a refiner, with a drawn face and networks of width 8."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from headroom.common.errors import Cancelled, InputError
from headroom.refine.augment import AugmentConfig
from headroom.refine.dataset import TrainingPairs, RefinerDataset, normalised_identity, prepare
from headroom.refine.generator import GeneratorConfig
from headroom.refine.refiner import Refiner
from headroom.refine.region import RegionConfig, erase, face_region
from headroom.refine.train import PRESETS, TrainConfig, train_refiner

SIZE = 64
STEADY = AugmentConfig(moved=0.0, brightness=0.0, margin=0.0, other_plate=0.0)
QUICK = TrainConfig(
    GeneratorConfig(width=8, levels=4, hidden=8),
    augment=STEADY,
    seconds=None,
    steps=2,
    batch=1,
    gan=0.0,
    discriminator_width=4,
    device="cpu",
)
APPLES = "MPS backend out of memory (MPS allocated: 8.95 GB, other allocations: 128.00 KB, max allowed: 9.07 GB)."
IDENTITY = normalised_identity(np.linspace(-1, 1, 12))


def drawn_clip(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """True crops (T, R, R, 3) and renders (T, R, R, 4) of an oval face with a mouth that opens."""
    crops, renders = [], []
    for t in range(frames):
        x, opening = 32 + 2 * (t % 3), 1 + t % 4
        crop = np.full((SIZE, SIZE, 3), (90, 120, 160), np.uint8)
        cv2.ellipse(crop, (x, 30), (15, 19), 0, 0, 360, (200, 150, 120), -1)
        cv2.ellipse(crop, (x, 38), (6, opening), 0, 0, 360, (90, 20, 30), -1)
        render = np.zeros((SIZE, SIZE, 4), np.uint8)
        cv2.ellipse(render, (x, 30), (13, 17), 0, 0, 360, (180, 140, 130, 255), -1)
        cv2.ellipse(render, (x, 38), (6, opening), 0, 0, 360, (60, 60, 60, 255), -1)
        crops.append(crop)
        renders.append(render)
    return np.stack(crops), np.stack(renders)


def pairs_of(frames, renders, region=64, identity=IDENTITY):
    identities = np.broadcast_to(identity, (len(frames), identity.shape[-1]))
    return TrainingPairs(frames, renders, np.full(frames.shape[:3], region, np.uint8), identities, "somebody's")


@pytest.fixture(scope="module")
def clip():
    return drawn_clip(6)


@pytest.fixture(scope="module")
def refiner(clip):
    return train_refiner(pairs_of(*clip), replace(QUICK, gan=1.0))


def test_the_mask_lies_inside_the_erased_area_and_covers_the_render(clip):
    alpha = clip[1][0][..., 3]
    erased, mask = face_region(alpha, RegionConfig())
    assert erased.shape == mask.shape == alpha.shape
    assert (erased[mask > 0] == 1).all()
    assert (mask[alpha > 0] > 0.95).all()
    assert erased[:4].max() == 0 and mask.max() == 1


def test_more_is_erased_below_the_chin(clip):
    alpha = clip[1][0][..., 3]
    rows = np.flatnonzero(face_region(alpha, RegionConfig())[0].any(axis=1))
    drawn = np.flatnonzero(alpha.any(axis=1))
    assert rows[-1] - drawn[-1] > drawn[0] - rows[0] + 1


def test_erasing_hides_what_was_there_and_leaves_the_rest(clip):
    plate, alpha = clip[0][0], clip[1][0][..., 3]
    erased, _ = face_region(alpha, RegionConfig())
    other = plate.copy()
    other[erased == 1] = np.random.default_rng(0).integers(0, 255, (int((erased == 1).sum()), 3))
    once, twice = erase(plate, erased), erase(other, erased)
    assert np.array_equal(once, twice)
    assert np.array_equal(once[erased == 0], plate[erased == 0])
    assert np.abs(once[30, 32].astype(int) - (90, 120, 160)).max() < 12


def test_no_face_means_no_mask(clip):
    picture = prepare(np.zeros((SIZE, SIZE, 4), np.uint8), clip[0][0], RegionConfig())
    assert not picture.mask.any() and np.array_equal(picture.colour, clip[0][0])


def test_training_and_use_see_the_same_picture(clip):
    frames, renders = clip
    data = RefinerDataset([pairs_of(frames, renders)], [6], RegionConfig(), STEADY, seed=0)
    number = next(number for number in range(6) if data.place(number)[1] == 3)
    (window, truth, mask, _), identity = data.sample(number)
    assert np.array_equal(identity, IDENTITY)
    pictures = [prepare(renders[t], frames[t], RegionConfig()) for t in (1, 2, 3)]
    assert np.array_equal(window[..., :9], np.dstack([picture.colour for picture in pictures]))
    assert np.array_equal(truth, frames[3])
    assert np.array_equal(mask[..., 0], (pictures[2].mask * 255).astype(np.uint8))


def test_augmented_samples_keep_shape_and_type(clip):
    augment = AugmentConfig(moved=1.0, mirrored=0.5, tint=0.1, other_plate=1.0)
    data = RefinerDataset([pairs_of(*clip, region=128)], [6], RegionConfig(), augment, seed=0)
    for number in range(6):
        pictures, _ = data.sample(number)
        assert [part.shape[-1] for part in pictures] == [11, 3, 1, 1]
        assert all(part.dtype == np.uint8 for part in pictures)


def test_a_mirrored_pair_is_mirrored_in_every_picture(clip):
    straight = RefinerDataset([pairs_of(*clip)], [6], RegionConfig(), STEADY, seed=0)
    mirrored = RefinerDataset([pairs_of(*clip)], [6], RegionConfig(), replace(STEADY, mirrored=1.0), seed=0)
    for ours, theirs in zip(straight.sample(4)[0], mirrored.sample(4)[0]):
        assert np.abs(ours[:, ::-1].astype(int) - theirs).max() <= 1


def test_a_tint_changes_window_and_truth_alike(clip):
    still = replace(STEADY, brightness=0.2, tint=0.2)
    (window, truth, _, _), _ = RefinerDataset([pairs_of(clip[0], drawn_clip(6)[1])], [6], RegionConfig(), still,
                                              seed=1).sample(0)
    outside = window[..., 10] == 0
    assert np.abs(window[..., 6:9][outside].astype(int) - truth[outside]).max() <= 1


def test_every_frame_comes_once_a_round_and_clips_as_often_as_asked(clip):
    frames, renders = clip
    other = pairs_of(frames[:3], renders[:3])
    data = RefinerDataset([pairs_of(frames, renders), other], [6, 2], RegionConfig(), STEADY, seed=0)
    for turn in range(3):
        drawn = [data.place(turn * 8 + number) for number in range(8)]
        assert sorted(frame for pairs, frame in drawn if pairs is not other) == list(range(6))
        assert len({frame for pairs, frame in drawn if pairs is other}) == 2


def test_a_window_depends_on_seed_and_number_alone(clip):
    def sampled(numbers):
        data = RefinerDataset([pairs_of(*clip)], [6], RegionConfig(), AugmentConfig(), seed=3)
        return [data.sample(number)[0][0] for number in numbers]

    one_after_the_other, only_the_last = sampled([0, 5, 11, 12]), sampled([12])
    assert np.array_equal(one_after_the_other[-1], only_the_last[0])
    assert not np.array_equal(one_after_the_other[0], one_after_the_other[-1])


def test_one_pair_can_be_overfitted(clip):
    frames, renders = clip[0][:1], clip[1][:1]
    config = replace(QUICK, steps=150, rate=1e-3, ema=0.9)
    refined, mask = next(train_refiner(pairs_of(frames, renders), config).refine(renders, frames))
    inside = mask > 0.9
    error = np.abs(refined[inside].astype(int) - frames[0][inside]).mean()
    start = np.abs(prepare(renders[0], frames[0], RegionConfig()).colour[inside].astype(int) - frames[0][inside]).mean()
    assert error < 0.35 * start and error < 6


def test_streaming_equals_batches_and_keeps_the_order(clip, refiner):
    frames, renders = clip
    one_by_one = list(refiner.refine(iter(renders), iter(frames), batch=1))
    together = list(refiner.refine(iter(renders), iter(frames), batch=4))
    assert len(one_by_one) == len(together) == len(frames)
    for t, ((a, mask_a), (b, mask_b)) in enumerate(zip(one_by_one, together)):
        assert a.shape == (SIZE, SIZE, 3) and a.dtype == np.uint8
        assert np.abs(a.astype(int) - b).max() <= 2
        assert np.array_equal(mask_a, mask_b)
        assert np.array_equal(mask_a, face_region(renders[t][..., 3], refiner.region)[1])


def test_frames_are_read_as_they_are_needed(clip, refiner):
    read = []

    def counted():
        for t, render in enumerate(clip[1]):
            read.append(t)
            yield render

    stream = refiner.refine(counted(), iter(clip[0]), batch=1)
    next(stream)
    assert read == [0]


def test_frames_of_the_context_are_seen_and_not_painted(clip, refiner):
    frames, renders = clip
    whole = [picture for picture, _ in refiner.refine(renders, frames)]
    part = [picture for picture, _ in refiner.refine(renders[1:], frames[1:], context=2)]
    assert len(part) == len(whole) - 3
    assert all(np.array_equal(a, b) for a, b in zip(part, whole[3:]))


@pytest.fixture
def on_a_gpu(clip, refiner, monkeypatch):
    """A function that gives a refiner that believes to be on a GPU whose memory holds `most` windows at a time."""
    monkeypatch.setattr(torch.accelerator, "empty_cache", lambda: None)

    def made(most, error=torch.OutOfMemoryError):
        ours = Refiner(refiner.generator, refiner.identity, refiner.region, refiner.resolution, "cpu")
        on_cpu, batches = ours._paint, []

        def paint(windows):
            if ours.device.type != "cpu" and len(windows) > most:
                raise error
            batches.append(len(windows))
            there, ours.device = ours.device, torch.device("cpu")
            try:
                return on_cpu(windows)
            finally:
                ours.device = there

        ours._paint, ours.device = paint, torch.device("mps")
        return ours, batches

    return made


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError(APPLES)], ids=["NVIDIA", "Apple"])
def test_a_full_gpu_is_given_fewer_frames_at_a_time(clip, refiner, on_a_gpu, error):
    ours, batches = on_a_gpu(2, error)
    made = [picture for picture, _ in ours.refine(clip[1], clip[0], batch=5)]
    assert batches == [2, 1, 2, 1] and ours.device.type == "mps"
    for a, (b, _) in zip(made, refiner.refine(clip[1], clip[0]), strict=True):
        assert np.abs(a.astype(int) - b).max() <= 2


def test_another_error_of_a_gpu_is_not_taken_for_a_full_one(clip, on_a_gpu):
    ours, _ = on_a_gpu(0, RuntimeError("the GPU was lost"))
    with pytest.raises(RuntimeError, match="was lost"):
        next(ours.refine(clip[1], clip[0]))


def test_a_gpu_without_room_for_one_frame_leaves_the_work_to_the_cpu(clip, on_a_gpu, caplog):
    ours, batches = on_a_gpu(most=0)
    assert len(list(ours.refine(clip[1], clip[0], batch=4))) == len(clip[0])
    assert ours.device.type == "cpu" and sum(batches) == len(clip[0])
    assert [record.getMessage() for record in caplog.records if "on the CPU" in record.getMessage()]


def test_a_saved_refiner_paints_the_same(clip, refiner, tmp_path):
    refiner.save(tmp_path / "refiner.safetensors")
    again = Refiner.load(tmp_path / "refiner.safetensors", device="cpu")
    assert again.generator.config == refiner.generator.config and again.region == refiner.region
    assert again.feature == refiner.feature == "somebody's"
    for (a, _), (b, _) in zip(refiner.refine(clip[1], clip[0]), again.refine(clip[1], clip[0])):
        assert np.abs(a.astype(int) - b).max() <= 1  # weights are kept in half precision
    assert [path.name for path in tmp_path.iterdir()] == ["refiner.safetensors"]


def people_of(clip):
    """Frames, renders and features of two people, whose renders differ in colour."""
    frames, renders = clip
    other = renders.copy()
    other[..., :3] = 255 - other[..., :3]
    features = np.repeat([IDENTITY, IDENTITY[::-1]], len(frames), axis=0)
    return np.concatenate([frames, frames]), np.concatenate([renders, other]), features


@pytest.fixture(scope="module")
def refiner_of_two(clip):
    frames, renders, features = people_of(clip)
    return train_refiner(pairs_of(frames, renders, identity=features), replace(QUICK, steps=24))


def test_features_that_differ_are_looked_up_by_the_render(clip, refiner_of_two):
    frames, renders, features = people_of(clip)
    for render, frame, feature in zip(renders, frames, features):
        found = refiner_of_two.feature_of(prepare(render, frame, RegionConfig()))
        assert np.dot(found, feature) / np.linalg.norm(found) / np.linalg.norm(feature) > 0.98


def test_a_feature_is_the_mean_of_the_window(clip, refiner_of_two):
    frames, renders, _ = people_of(clip)
    pictures = [prepare(render, frame, RegionConfig()) for render, frame in zip(renders, frames)]
    each = [refiner_of_two.feature_of(picture) for picture in pictures]
    seen = [window.identity for window in refiner_of_two.windows(renders, frames)]
    assert np.allclose(seen[0], each[0], atol=1e-5) and np.allclose(seen[7], np.mean(each[5:8], axis=0), atol=1e-5)


def test_a_saved_refiner_keeps_its_memory(clip, refiner_of_two, tmp_path):
    frames, renders, _ = people_of(clip)
    refiner_of_two.save(tmp_path / "refiner.safetensors")
    again = Refiner.load(tmp_path / "refiner.safetensors", device="cpu")
    for (a, _), (b, _) in zip(refiner_of_two.refine(renders, frames), again.refine(renders, frames)):
        assert np.abs(a.astype(int) - b).max() <= 1


def test_a_memory_that_needs_another_trunk_is_refused(refiner_of_two, tmp_path, monkeypatch):
    refiner_of_two.save(tmp_path / "refiner.safetensors")
    monkeypatch.setattr("headroom.refine.spatial._digest", lambda weights: "another")
    with pytest.raises(InputError, match="another version"):
        Refiner.load(tmp_path / "refiner.safetensors")


def test_one_persons_refiner_holds_no_memory(refiner):
    assert refiner.recall is None


def test_a_file_that_is_no_refiner_is_refused(tmp_path):
    (tmp_path / "refiner.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError):
        Refiner.load(tmp_path / "refiner.safetensors")
    with pytest.raises(InputError):
        Refiner.load(tmp_path / "missing.safetensors")


def test_training_goes_on_from_an_older_refiner(clip, refiner):
    again = train_refiner(pairs_of(*clip), replace(QUICK, steps=0), initial=refiner)
    for ours, theirs in zip(again.generator.parameters(), refiner.generator.parameters()):
        assert np.allclose(ours.detach().numpy(), theirs.detach().numpy())


@pytest.mark.parametrize("when", [0.0, 0.5])
def test_cancelling_leaves_nothing(clip, when):
    def progress(fraction, message):
        if fraction >= when:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_refiner(pairs_of(*clip), replace(QUICK, steps=4), progress)


def test_progress_rises_to_one(clip):
    told = []
    train_refiner(pairs_of(*clip), QUICK, lambda fraction, message: told.append(fraction))
    assert told == sorted(told) and told[-1] == 1.0


def test_frames_without_renders_are_refused(clip):
    with pytest.raises(InputError):
        pairs_of(clip[0], clip[1][:2])


def test_presets_hold_the_papers_numbers():
    paper = PRESETS["paper"]
    assert paper.generator.width == 64 and paper.generator.levels == 8
    assert (paper.l1, paper.attention, paper.smoothness, paper.gan) == (100.0, 2.0, 1e-5, 1.0)
    assert set(PRESETS) == {"draft", "standard", "paper"}
