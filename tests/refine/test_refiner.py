"""Erasing, teaching and using a refiner, with a drawn face and networks of width 8."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from headroom.errors import Cancelled, InputError
from headroom.refine.dataset import AugmentConfig, RefinerDataset, prepare
from headroom.refine.generator import GeneratorConfig
from headroom.refine.refine import Refiner
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
IDENTITY = np.linspace(-1, 1, 12).astype(np.float32)


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


@pytest.fixture(scope="module")
def clip():
    return drawn_clip(6)


@pytest.fixture(scope="module")
def refiner(clip):
    return train_refiner(*clip, None, IDENTITY, replace(QUICK, gan=1.0))


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
    data = RefinerDataset(frames, renders, None, RegionConfig(), STEADY, seed=0)
    window, truth, mask, _ = data.sample(3)
    pictures = [prepare(renders[t], frames[t], RegionConfig()) for t in (1, 2, 3)]
    assert np.array_equal(window[..., :9], np.dstack([picture.colour for picture in pictures]))
    assert np.array_equal(truth, frames[3])
    assert np.array_equal(mask[..., 0], (pictures[2].mask * 255).astype(np.uint8))


def test_augmented_samples_keep_shape_and_type(clip):
    frames, renders = clip
    regions = np.full(frames.shape[:3], 128, np.uint8)
    augment = AugmentConfig(moved=1.0, other_plate=1.0)
    data = RefinerDataset(frames, renders, regions, RegionConfig(), augment, seed=0)
    for index in range(6):
        assert [part.shape[-1] for part in data.sample(index)] == [11, 3, 1, 1]
        assert all(part.dtype == np.uint8 for part in data.sample(index))


def test_one_pair_can_be_overfitted(clip):
    frames, renders = clip[0][:1], clip[1][:1]
    config = replace(QUICK, steps=150, rate=1e-3, ema=0.9)
    refined, mask = next(train_refiner(frames, renders, None, IDENTITY, config).refine(renders, frames))
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
def on_a_gpu(clip, refiner):
    """A function that gives a refiner that believes to be on a GPU whose memory holds `most` windows at a time."""

    def made(most):
        ours = Refiner(refiner.generator, refiner.identity, refiner.region, refiner.resolution, "cpu")
        on_cpu, batches = ours._paint, []

        def paint(windows):
            if ours.device.type != "cpu" and len(windows) > most:
                raise torch.OutOfMemoryError
            batches.append(len(windows))
            there, ours.device = ours.device, torch.device("cpu")
            try:
                return on_cpu(windows)
            finally:
                ours.device = there

        ours._paint, ours.device = paint, torch.device("mps")
        return ours, batches

    return made


def test_a_full_gpu_is_given_fewer_frames_at_a_time(clip, refiner, on_a_gpu):
    ours, batches = on_a_gpu(most=2)
    made = [picture for picture, _ in ours.refine(clip[1], clip[0], batch=5)]
    assert batches == [2, 1, 2, 1] and ours.device.type == "mps"
    for a, (b, _) in zip(made, refiner.refine(clip[1], clip[0]), strict=True):
        assert np.abs(a.astype(int) - b).max() <= 2


def test_a_gpu_without_room_for_one_frame_leaves_the_work_to_the_cpu(clip, on_a_gpu, caplog):
    ours, batches = on_a_gpu(most=0)
    assert len(list(ours.refine(clip[1], clip[0], batch=4))) == len(clip[0])
    assert ours.device.type == "cpu" and sum(batches) == len(clip[0])
    assert [record.getMessage() for record in caplog.records if "on the CPU" in record.getMessage()]


def test_a_saved_refiner_paints_the_same(clip, refiner, tmp_path):
    refiner.save(tmp_path / "refiner.safetensors")
    again = Refiner.load(tmp_path / "refiner.safetensors", device="cpu")
    assert again.generator.config == refiner.generator.config and again.region == refiner.region
    for (a, _), (b, _) in zip(refiner.refine(clip[1], clip[0]), again.refine(clip[1], clip[0])):
        assert np.array_equal(a, b)
    assert [path.name for path in tmp_path.iterdir()] == ["refiner.safetensors"]


def test_a_file_that_is_no_refiner_is_refused(tmp_path):
    (tmp_path / "refiner.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError):
        Refiner.load(tmp_path / "refiner.safetensors")
    with pytest.raises(InputError):
        Refiner.load(tmp_path / "missing.safetensors")


def test_training_goes_on_from_an_older_refiner(clip, refiner):
    again = train_refiner(*clip, None, IDENTITY, replace(QUICK, steps=0), initial=refiner)
    for ours, theirs in zip(again.generator.parameters(), refiner.generator.parameters()):
        assert np.allclose(ours.detach().numpy(), theirs.detach().numpy())


@pytest.mark.parametrize("when", [0.0, 0.5])
def test_cancelling_leaves_nothing(clip, when):
    def progress(fraction, message):
        if fraction >= when:
            raise Cancelled

    with pytest.raises(Cancelled):
        train_refiner(*clip, None, IDENTITY, replace(QUICK, steps=4), progress)


def test_progress_rises_to_one(clip):
    told = []
    train_refiner(*clip, None, IDENTITY, QUICK, lambda fraction, message: told.append(fraction))
    assert told == sorted(told) and told[-1] == 1.0


def test_frames_without_renders_are_refused(clip):
    with pytest.raises(InputError):
        train_refiner(clip[0], clip[1][:2], None, IDENTITY, QUICK)


def test_presets_hold_the_papers_numbers():
    paper = PRESETS["paper"]
    assert paper.generator.width == 64 and paper.generator.levels == 8
    assert (paper.l1, paper.attention, paper.smoothness, paper.gan) == (100.0, 2.0, 1e-5, 1.0)
    assert set(PRESETS) == {"draft", "standard", "paper"}
