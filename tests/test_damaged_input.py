"""Damaged files and impossible values get one sentence: a short run of benchmarks/damaged_input.py."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

damaged_input = SimpleNamespace(**runpy.run_path(
    str(Path(__file__).resolve().parents[1] / "benchmarks" / "damaged_input.py")))


@pytest.fixture(scope="module")
def answers():
    return damaged_input.measure(files=45, values=90)


def test_the_undamaged_files_are_read(tmp_path):
    damaged_input.make_files(tmp_path)
    assert {damaged_input.answer(read, tmp_path / name) for name, read in damaged_input.READERS.items()} == {"accepted"}


@pytest.mark.parametrize("file", damaged_input.READERS)
def test_damaged_bytes_are_refused_or_mean_nothing(answers, file):
    assert answers[file].keys() <= {"refused", "accepted"} and answers[file]["refused"] > 0


@pytest.mark.parametrize("file", damaged_input.READERS)
def test_impossible_values_are_refused(answers, file):
    assert dict(answers[f"{file} values"]) == {"refused": 10}
