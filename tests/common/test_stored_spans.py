"""Phones and words of a performance that end before they start: refused by the backend and the extension."""

import numpy as np
import pytest

import addon.core.errors
import addon.core.performance
import headroom.common.errors
import headroom.face.performance


@pytest.mark.parametrize(("performance", "error"), [
    (addon.core.performance.Performance, addon.core.errors.InputError),
    (headroom.face.performance.Performance, headroom.common.errors.InputError)])
@pytest.mark.parametrize(("prefix", "labels"), [("phone", "symbols"), ("word", "texts")])
def test_a_span_that_runs_backwards_is_refused(tmp_path, performance, error, prefix, labels):
    for ends in ([0.5, 1.0], [0.5, 0.2]):
        np.savez(tmp_path / "p.npz", fps=25.0, expression=np.zeros((5, 64)), rotation=np.zeros((5, 3)),
                 translation=np.zeros((5, 3)), **{
                     f"{prefix}_{labels}": np.array(["AA", "B"]), f"{prefix}_starts": np.array([0.0, 0.5]),
                     f"{prefix}_ends": np.array(ends), f"{prefix}_confidences": np.ones(2)})
        if ends[1] == 1.0:
            performance.load(tmp_path / "p.npz")
        else:
            with pytest.raises(error, match="is not a performance, because"):
                performance.load(tmp_path / "p.npz")
