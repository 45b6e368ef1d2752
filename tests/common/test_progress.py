"""Steps report their part of the whole progress, and how long they take."""

import pytest

from headroom.common import progress
from headroom.common.progress import Stopwatch, subprogress


def test_a_step_reports_its_part_of_the_whole():
    reports = []
    step = subprogress(lambda fraction, message: reports.append((fraction, message)), 0.5, 0.75)
    part = subprogress(step, 0.5, 1.0)
    step(0.0, "start")
    part(0.5, "part")
    step(1.0, "end")
    assert reports == [(0.5, "start"), (0.6875, "part"), (0.75, "end")]


def test_a_stopwatch_measures_the_steps_that_succeed(monkeypatch):
    times = iter([10.0, 12.5, 20.0, 20.25, 30.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(times))
    watch = Stopwatch()
    with watch.step("first"):
        pass
    with watch.step("second"):
        pass
    with pytest.raises(KeyError), watch.step("third"):
        raise KeyError
    assert watch.seconds == {"first": 2.5, "second": 0.25}
