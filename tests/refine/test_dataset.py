"""Sampling of training pairs: the same input as in use, augmentation, and the order of samples."""

from dataclasses import replace

import numpy as np
import pytest
from drawn_faces import IDENTITY, NO_AUGMENTATION, SIZE, drawn_clip, pairs_of

from headroom.common.errors import InputError
from headroom.refine.augment import RefinerAugmentConfig
from headroom.refine.dataset import RefinerDataset
from headroom.refine.inputs import CropPlate, input_array, prepare_frame
from headroom.refine.region import RegionConfig


@pytest.fixture(scope="module")
def clip():
    return drawn_clip(6)


def dataset(clip, augment=NO_AUGMENTATION, seed=0):
    """Return a dataset of one clip in which each frame comes once per epoch."""
    return RefinerDataset([pairs_of(*clip)], [len(clip[0])], RegionConfig(), augment, seed)


def pictures(sample):
    """Return the arrays of a sample that are pictures."""
    return sample.inputs, sample.truth, sample.mask, sample.weight


def test_training_and_use_have_the_same_input(clip):
    frames, renders = clip
    data = dataset(clip)
    sample = data.sample(next(number for number in range(6) if data.locate(number)[1] == 3))
    assert np.array_equal(sample.identity, IDENTITY)
    prepared = [prepare_frame(renders[t], CropPlate(frames[t]), RegionConfig()) for t in (1, 2, 3)]
    assert np.array_equal(sample.inputs, input_array(prepared, plate_term=False))
    assert np.array_equal(sample.truth, frames[3])
    assert np.array_equal(sample.mask[..., 0], (prepared[2].mask * 255).astype(np.uint8))


def test_augmented_samples_keep_shape_and_type(clip):
    augment = RefinerAugmentConfig(transform_probability=1.0, mirror_probability=0.5, tint=0.1,
                                   other_plate_probability=1.0)
    data = dataset(clip, augment, seed=1)
    for number in range(5):
        sample = pictures(data.sample(number))
        assert [array.shape for array in sample] == [(SIZE, SIZE, channels) for channels in (11, 3, 1, 1)]
        assert all(array.dtype == np.uint8 for array in sample)


def test_a_mirrored_sample_is_mirrored_in_every_picture(clip):
    mirrored = dataset(clip, replace(NO_AUGMENTATION, mirror_probability=1.0)).sample(4)
    for picture, mirrored_picture in zip(pictures(dataset(clip).sample(4)), pictures(mirrored)):
        assert np.abs(picture[:, ::-1].astype(int) - mirrored_picture).max() <= 1


def test_a_tint_changes_input_and_truth_alike(clip):
    tinted = replace(NO_AUGMENTATION, brightness=0.2, tint=0.2)
    sample = dataset(clip, tinted, seed=1).sample(0)
    outside = sample.inputs[..., 10] == 0
    assert np.abs(sample.inputs[..., 6:9][outside].astype(int) - sample.truth[outside]).max() <= 1


def test_an_epoch_has_the_chosen_number_of_samples_of_each_clip_and_each_frame_once(clip):
    frames, renders = clip
    other = pairs_of(frames[:3], renders[:3])
    data = RefinerDataset([pairs_of(frames, renders), other], [6, 2], RegionConfig(), NO_AUGMENTATION, seed=0)
    for epoch in range(3):
        located = [data.locate(epoch * 8 + number) for number in range(8)]
        assert sorted(frame for pairs, frame in located if pairs is not other) == list(range(6))
        assert len({frame for pairs, frame in located if pairs is other}) == 2


def test_a_sample_depends_on_seed_and_number_alone(clip):
    def inputs(numbers):
        data = dataset(clip, RefinerAugmentConfig(), seed=3)
        return [data.sample(number).inputs for number in numbers]

    in_order, only_the_last = inputs([0, 5, 11, 12]), inputs([12])
    assert np.array_equal(in_order[-1], only_the_last[0])
    assert not np.array_equal(in_order[0], in_order[-1])


def test_frames_without_renders_are_refused(clip):
    with pytest.raises(InputError, match="cannot be paired"):
        pairs_of(clip[0], clip[1][:2])
