"""Stored arrays are checked by one reader in each package, and both find the same faults."""

import numpy as np
import pytest

from addon.core import performance as addon_performance
from addon.core import stored as addon_stored
from addon.core.errors import InputError as AddonInputError
from headroom.common import stored
from headroom.common.errors import InputError
from headroom.face.performance import Performance

BOTH = pytest.mark.parametrize(("load", "error"), [(Performance.load, InputError),
                                                   (addon_performance.Performance.load, AddonInputError)],
                               ids=["backend", "add-on"])
SAMPLES = 15


def arrays(**changes):
    """Return the arrays of a performance; `changes` replace some, None removes one."""
    values = {
        "fps": np.float64(25), "expression": np.zeros((SAMPLES, 64), np.float32),
        "rotation": np.zeros((SAMPLES, 3), np.float32), "translation": np.zeros((SAMPLES, 3), np.float32),
        "controls": np.zeros((SAMPLES, 52), np.float32), "detail_share": np.float64(0.5),
        "phone_symbols": np.array(["SIL", "M"]), "phone_starts": np.array([0.0, 0.3]),
        "phone_ends": np.array([0.3, 0.6]), "phone_confidences": np.ones(2, np.float32)}
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def with_one(name, value):
    """Return one of the arrays with another value in its middle."""
    changed = arrays()[name].copy()
    changed.flat[changed.size // 2] = value
    return {name: changed}


FAULTS = {
    "one value of one frame is no number": (with_one("expression", np.nan), "expression has values that are not fini"),
    "one rotation is infinite": (with_one("rotation", np.inf), "rotation has values that are not finite"),
    "a translation beyond all bounds": (with_one("translation", 1e30), "translation has values outside"),
    "52 channels": ({"expression": np.zeros((SAMPLES, 52))}, "expression is 15 x 52 instead of 15 x 64"),
    "ten rotations": ({"rotation": np.zeros((10, 3))}, "rotation is 10 x 3 instead of 15 x 3"),
    "rate 0": ({"fps": np.float64(0)}, "fps has values outside 0.1 to 1000"),
    "rate below 0": ({"fps": np.float64(-25)}, "fps has values outside"),
    "no rate": ({"fps": np.float64(np.nan)}, "fps has values that are not finite"),
    "two rates": ({"fps": np.array([25.0, 30.0])}, "fps is 2 instead of one number"),
    "a rate in words": ({"fps": np.array("25")}, "fps has values of another type"),
    "no frames": ({name: np.zeros((0, size)) for name, size in (("expression", 64), ("rotation", 3),
                                                               ("translation", 3), ("controls", 52))},
                  "expression is empty"),
    "no translation": ({"translation": None}, "translation is missing"),
    "controls of other frames": ({"controls": np.zeros((10, 52))}, "controls is 10 x 52 instead of 15 x 52"),
    "controls without their share": ({"detail_share": None}, "detail_share is missing"),
    "a phone without an end": ({"phone_ends": np.array([0.3])}, "phone_ends is 1 instead of 2"),
    "phones without symbols": ({"phone_symbols": None}, "phone_symbols is missing"),
    "texts instead of numbers": ({"expression": np.full((SAMPLES, 64), "x")}, "expression has values of another type"),
    "complex numbers": ({"rotation": np.zeros((SAMPLES, 3), complex)}, "rotation has values of another type"),
    "pickled objects": ({"rotation": np.full((SAMPLES, 3), None)}, "it cannot be read"),
}


@BOTH
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_a_performance_is_named(tmp_path, load, error, fault):
    changes, words = FAULTS[fault]
    np.savez(tmp_path / "motion.npz", **arrays(**changes))
    with pytest.raises(error, match=f"is not a performance, because .*{words}"):
        load(tmp_path / "motion.npz")


@BOTH
def test_a_sound_performance_is_read_with_all_it_has(tmp_path, load, error):
    np.savez(tmp_path / "motion.npz", **arrays(**with_one("expression", 2.5)))
    performance = load(tmp_path / "motion.npz")
    assert (len(performance), performance.fps, performance.detail_share) == (SAMPLES, 25, 0.5)
    assert performance.expression.dtype == np.float32 and performance.expression.max() == 2.5
    assert len(performance.phones) == 2
    np.savez(tmp_path / "old.npz", **arrays(controls=None, detail_share=None, phone_symbols=None, phone_starts=None,
                                            phone_ends=None, phone_confidences=None))
    assert load(tmp_path / "old.npz").controls is None


@BOTH
def test_a_file_that_cannot_be_opened_is_not_called_damaged(tmp_path, load, error):
    for path in (tmp_path / "missing.npz", tmp_path):
        with pytest.raises(error, match=r"does not exist; check its name\.|Cannot read .*\. Choose another file\."):
            load(path)


def test_the_two_packages_have_the_same_bounds():
    assert (stored.LIMIT, vars(stored.FPS)) == (addon_stored.LIMIT, vars(addon_stored.FPS))


@pytest.mark.parametrize(("text", "words"), [
    ('{"width": 1e400}', "impossible number"), ('{"width": NaN}', "impossible number"),
    ('{"width": [{"deep": -1e9}]}', "impossible number"), ("{", "do not belong together"),
    ("[" * 100_000, "do not belong together")])
def test_stored_json_has_no_impossible_numbers(text, words):
    with pytest.raises(stored.Damaged, match=words):
        stored.json_of(text)


def test_only_what_contents_cause_is_called_damage():
    with pytest.raises(stored.Damaged, match="width is missing"), stored.damage():
        raise KeyError("width")
    with pytest.raises(KeyboardInterrupt), stored.damage():
        raise KeyboardInterrupt
