"""Tasks, their steps and progress tokens, without Blender."""

import threading

import pytest

from addon.core.errors import Cancelled
from addon.core.tasks import InBackground, ProgressToken, Step, run_task, subtask


def test_progress_of_a_subtoken_is_a_part_of_the_whole():
    steps = []
    ProgressToken(steps.append).subtoken(0.5, 1.0).subtoken(0.0, 0.5).report(0.5, "half")
    assert steps == [Step(0.625, "half")]


def test_a_task_runs_to_its_result_and_is_sent_the_results_of_its_background_work():
    def task():
        yield Step(0.1, "start")
        number = yield InBackground(lambda token: token.report(0.5, "inside") or 42, 0.2, 0.6)
        return number + 1

    steps = []
    assert run_task(task(), steps.append) == 43
    assert [step.fraction for step in steps] == pytest.approx([0.1, 0.4])


def test_a_subtask_reports_within_its_part_and_returns_its_result():
    def task():
        yield Step(0.5, "half")
        number = yield InBackground(lambda token: token.report(0.5, "inside") or 21 * 2, 0.5, 1.0)
        return number

    steps = []
    assert run_task(subtask(task(), 0.2, 0.4), steps.append) == 42
    assert [(round(step.fraction, 6), step.message) for step in steps] == [(0.3, "half"), (0.35, "inside")]


def test_an_error_of_background_work_lets_the_task_and_its_subtask_clean_up():
    cleaned = []

    def inner():
        try:
            yield InBackground(lambda token: 1 / 0)
        finally:
            cleaned.append("inner")

    def outer():
        try:
            yield from subtask(inner(), 0.0, 1.0)
        finally:
            cleaned.append("outer")

    with pytest.raises(ZeroDivisionError):
        run_task(outer())
    assert cleaned == ["inner", "outer"]


def test_a_stopped_token_cancels_the_next_report_of_every_subtoken():
    token = ProgressToken(lambda step: None)
    subtoken = token.subtoken(0.0, 0.5)
    subtoken.report(0.5, "on")
    token.stop()
    with pytest.raises(Cancelled):
        subtoken.report(0.6, "on")


def test_stopping_calls_the_callbacks_of_the_running_blocks_only():
    token, calls = ProgressToken(lambda step: None), []
    with token.on_stop(lambda: calls.append("ended block")):
        pass
    with token.on_stop(lambda: calls.append("first")), token.subtoken(0, 1).on_stop(lambda: calls.append("second")):
        token.stop()
    assert calls == ["first", "second"]


def test_a_callback_that_fails_ends_neither_the_thread_that_stops_nor_the_other_callbacks(recwarn):
    token, calls = ProgressToken(lambda step: None), []
    with token.on_stop(lambda: 1 / 0), token.on_stop(lambda: calls.append("called")):
        thread = threading.Thread(target=token.stop)
        thread.start()
        thread.join()
    assert calls == ["called"] and not list(recwarn)
