"""Performances and their files."""

from dataclasses import replace

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.face.performance import Performance
from headroom.face.phone_track import PhoneTrack


@pytest.fixture
def performance():
    """One second of motion with three phones."""
    rng = np.random.default_rng(0)
    phones = PhoneTrack(np.array(["SIL", "AE", "S"]), np.array([0, 0.2075, 0.5075]), np.array([0.2075, 0.5075, 1.0]),
                        np.array([0.9, 0.5, 0.25], np.float32))
    return Performance(25.0, *(rng.normal(size=(25, n)).astype(np.float32) for n in (64, 3, 3)), phones)


def test_a_saved_performance_is_read_with_its_phones(performance, tmp_path):
    performance.save(tmp_path / "p.npz")
    read = Performance.load(tmp_path / "p.npz")
    for name in ("expression", "rotation", "translation"):
        np.testing.assert_array_equal(getattr(read, name), getattr(performance, name))
    for name in ("labels", "starts", "ends", "confidences"):
        assert getattr(read.phones, name).tolist() == getattr(performance.phones, name).tolist()


def test_a_file_without_phones_opens(performance, tmp_path):
    np.savez(tmp_path / "old.npz", fps=25.0, expression=performance.expression, rotation=performance.rotation,
             translation=performance.translation)
    assert Performance.load(tmp_path / "old.npz").phones is None
    replace(performance, phones=None).save(tmp_path / "none.npz")
    assert Performance.load(tmp_path / "none.npz").phones is None


@pytest.mark.parametrize("change", [{"phone_starts": np.zeros(2)}, {"phone_symbols": np.zeros(3)},
                                    {"phone_ends": np.array(["a", "b", "c"])}])
def test_phones_that_do_not_belong_together_are_refused(performance, tmp_path, change):
    arrays = dict(fps=25.0, expression=performance.expression, rotation=performance.rotation,
                  translation=performance.translation, **performance.phones.arrays())
    np.savez(tmp_path / "bad.npz", **{**arrays, **change})
    with pytest.raises(InputError, match="not a performance"):
        Performance.load(tmp_path / "bad.npz")


def test_another_rate_keeps_the_phones(performance):
    assert performance.resampled(30.0).phones is performance.phones
