"""The map from the time that is shown to the time that is played, where words are retimed."""

import numpy as np
import pytest

from addon.core.retiming import Retime, shown_seconds, source_seconds

FALLOFF = 0.2
TIMES = np.linspace(0, 5, 2001)


@pytest.mark.parametrize("retimes", [
    [Retime(1.0, 1.5, 1.2, 1.8)], [Retime(1.0, 1.5, 0.7, 1.0)], [Retime(1.0, 1.5, 1.0, 1.04)],
    [Retime(1.0, 1.5, 1.2, 1.6), Retime(1.6, 2.0, 1.7, 2.4)], [Retime(3.0, 3.2, 3.1, 3.3), Retime(1.0, 1.5, 1.1, 1.9)],
])
@pytest.mark.parametrize("falloff", [0.0, 0.2, 1.0])
def test_edges_are_met_and_time_never_runs_backwards(retimes, falloff):
    source = source_seconds(TIMES, retimes, falloff)
    assert (np.diff(source) >= -1e-9).all()
    for each in retimes:
        edges = source_seconds(np.array([each.to_first_seconds, each.to_last_seconds]), retimes, falloff)
        assert edges == pytest.approx([each.first_seconds, each.last_seconds], abs=1e-9)


def test_beyond_the_falloff_nothing_changes():
    source = source_seconds(TIMES, [Retime(1.0, 1.5, 1.2, 1.8)], FALLOFF)
    outside = (TIMES < 0.8) | (TIMES > 2.0)
    assert np.array_equal(source[outside], TIMES[outside])
    assert np.array_equal(source_seconds(TIMES, [], FALLOFF), TIMES)


def test_far_words_do_not_touch_the_time_between_them():
    source = source_seconds(TIMES, [Retime(1.0, 1.2, 1.1, 1.3), Retime(3.0, 3.2, 3.1, 3.3)], FALLOFF)
    between = (TIMES > 1.51) & (TIMES < 2.79)
    assert source[between] == pytest.approx(TIMES[between], abs=1e-9)


def test_the_inverse_brings_back_the_time_shown():
    retimes = [Retime(1.0, 1.5, 1.2, 1.6), Retime(1.6, 2.0, 1.7, 2.4)]
    assert shown_seconds(source_seconds(TIMES, retimes, FALLOFF), retimes, FALLOFF) == pytest.approx(TIMES, abs=2e-3)
