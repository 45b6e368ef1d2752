"""Using a refiner: streaming, context frames, memory retrieval, full GPUs, and its file."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn_faces import QUICK, SIZE, drawn_clip, over_plates, pairs_of, two_people

from headroom.common.errors import InputError
from headroom.refine.inputs import CropPlate, prepare_frame
from headroom.refine.refiner import Refiner
from headroom.refine.region import RegionConfig, face_region
from headroom.refine.train import train_refiner

APPLE_ERROR = "MPS backend out of memory (MPS allocated: 8.95 GB, other allocations: 128.00 KB, max allowed: 9.07 GB)."


@pytest.fixture(scope="module")
def clip():
    return drawn_clip(6)


@pytest.fixture(scope="module")
def refiner(clip):
    return train_refiner(pairs_of(*clip), replace(QUICK, gan=1.0))


@pytest.fixture(scope="module")
def refiner_of_two(clip):
    frames, renders, features = two_people(clip)
    return train_refiner(pairs_of(frames, renders, identity=features), replace(QUICK, steps=24))


def test_streaming_equals_batches_and_preserves_the_order(clip, refiner):
    frames, renders = clip
    one_by_one = list(refiner.refine(over_plates(renders, frames), batch_size=1))
    batched = list(refiner.refine(over_plates(renders, frames), batch_size=4))
    assert len(one_by_one) == len(batched) == len(frames)
    for t, ((a, mask_a), (b, mask_b)) in enumerate(zip(one_by_one, batched)):
        assert a.shape == (SIZE, SIZE, 3) and a.dtype == np.uint8
        assert np.abs(a.astype(int) - b)[mask_a > 0].max() <= 2
        assert np.array_equal(mask_a, mask_b)
        assert np.array_equal(mask_a, face_region(renders[t][..., 3], refiner.region)[1])


def test_frames_are_read_when_they_are_needed(clip, refiner):
    read = []

    def counted():
        for t, render in enumerate(clip[1]):
            read.append(t)
            yield render

    stream = refiner.refine(over_plates(counted(), clip[0]), batch_size=1)
    next(stream)
    assert read == [0]


def test_context_frames_are_input_and_are_not_refined(clip, refiner):
    frames, renders = clip
    whole = [picture for picture, _ in refiner.refine(over_plates(renders, frames))]
    rest = [picture for picture, _ in refiner.refine(over_plates(renders[1:], frames[1:]), context=2)]
    assert len(rest) == len(whole) - 3
    assert all(np.array_equal(a, b) for a, b in zip(rest, whole[3:]))


@pytest.fixture
def on_a_gpu(clip, refiner, monkeypatch):
    """Return a function that makes a refiner on a pretended GPU whose memory holds `capacity` frames at a time.

    The function also returns a list of the batch sizes that succeed.
    """
    monkeypatch.setattr(torch.accelerator, "empty_cache", lambda: None)

    def make(capacity, error=torch.OutOfMemoryError):
        ours = Refiner(refiner.generator, refiner.identity, refiner.region, refiner.resolution, "cpu")
        on_cpu, batches = ours._generate, []

        def generate(inputs):
            if ours.device.type != "cpu" and len(inputs) > capacity:
                raise error
            batches.append(len(inputs))
            device, ours.device = ours.device, torch.device("cpu")
            try:
                return on_cpu(inputs)
            finally:
                ours.device = device

        ours._generate, ours.device = generate, torch.device("mps")
        return ours, batches

    return make


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError(APPLE_ERROR)], ids=["NVIDIA", "Apple"])
def test_a_full_gpu_gets_smaller_batches(clip, refiner, on_a_gpu, error):
    ours, batches = on_a_gpu(2, error)
    crops = list(ours.refine(over_plates(clip[1], clip[0]), batch_size=5))
    assert batches == [2, 1, 2, 1] and ours.device.type == "mps"
    for (a, mask), (b, _) in zip(crops, refiner.refine(over_plates(clip[1], clip[0])), strict=True):
        assert np.abs(a.astype(int) - b)[mask > 0].max() <= 2


def test_other_errors_of_a_gpu_are_raised(clip, on_a_gpu):
    ours, _ = on_a_gpu(0, RuntimeError("the GPU was lost"))
    with pytest.raises(RuntimeError, match="was lost"):
        next(ours.refine(over_plates(clip[1], clip[0])))


def test_a_gpu_without_memory_for_one_frame_is_replaced_by_the_cpu(clip, on_a_gpu, caplog):
    ours, batches = on_a_gpu(capacity=0)
    assert len(list(ours.refine(over_plates(clip[1], clip[0]), batch_size=4))) == len(clip[0])
    assert ours.device.type == "cpu" and sum(batches) == len(clip[0])
    assert [record.getMessage() for record in caplog.records if "on the CPU" in record.getMessage()]


def test_identity_features_that_differ_are_retrieved_by_render(clip, refiner_of_two):
    frames, renders, features = two_people(clip)
    for render, frame, feature in zip(renders, frames, features):
        retrieved = refiner_of_two.identity_of(prepare_frame(render, CropPlate(frame), RegionConfig()))
        assert np.dot(retrieved, feature) / np.linalg.norm(retrieved) / np.linalg.norm(feature) > 0.98


def test_the_identity_of_a_frame_is_the_mean_over_its_input_frames(clip, refiner_of_two):
    frames, renders, _ = two_people(clip)
    each = [refiner_of_two.identity_of(prepare_frame(render, CropPlate(frame), RegionConfig()))
            for render, frame in zip(renders, frames)]
    inputs = [prepared.identity for prepared in refiner_of_two.prepare(over_plates(renders, frames))]
    assert np.allclose(inputs[0], each[0], atol=1e-5) and np.allclose(inputs[7], np.mean(each[5:8], axis=0), atol=1e-5)


def test_one_persons_refiner_has_no_memory(refiner):
    assert refiner.identity.retrieval is None


def test_a_saved_refiner_generates_the_same(clip, refiner, tmp_path):
    refiner.save(tmp_path / "refiner.safetensors")
    again = Refiner.load(tmp_path / "refiner.safetensors", device="cpu")
    assert again.generator.config == refiner.generator.config and again.region == refiner.region
    assert again.identity.feature == refiner.identity.feature == "a test's feature"
    for (a, _), (b, _) in zip(refiner.refine(over_plates(clip[1], clip[0])),
                              again.refine(over_plates(clip[1], clip[0]))):
        assert np.abs(a.astype(int) - b).max() <= 1  # weights are stored in half precision
    assert [path.name for path in tmp_path.iterdir()] == ["refiner.safetensors"]


def test_a_saved_refiner_includes_its_memory(clip, refiner_of_two, tmp_path):
    frames, renders, _ = two_people(clip)
    refiner_of_two.save(tmp_path / "refiner.safetensors")
    again = Refiner.load(tmp_path / "refiner.safetensors", device="cpu")
    for (a, _), (b, _) in zip(refiner_of_two.refine(over_plates(renders, frames)),
                                again.refine(over_plates(renders, frames))):
        assert np.abs(a.astype(int) - b).max() <= 1


def test_a_memory_that_needs_another_trunk_is_refused(refiner_of_two, tmp_path, monkeypatch):
    refiner_of_two.save(tmp_path / "refiner.safetensors")
    monkeypatch.setattr("headroom.refine.spatial._digest", lambda weights: "another")
    with pytest.raises(InputError, match="another version"):
        Refiner.load(tmp_path / "refiner.safetensors")


def test_a_missing_or_damaged_file_is_refused(tmp_path):
    (tmp_path / "refiner.safetensors").write_bytes(b"nonsense")
    for name in ("refiner.safetensors", "missing.safetensors"):
        with pytest.raises(InputError, match="Cannot read"):
            Refiner.load(tmp_path / name)
