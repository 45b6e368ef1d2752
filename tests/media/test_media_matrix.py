"""A part of the matrix of benchmarks/media_matrix.py: every kind of file is read right."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import media_matrix

CASES = media_matrix.cases()
QUICK = [case for case in CASES if case.codec is None or case.codec.name not in ("libx265", "libvpx-vp9")][::11]


def test_the_matrix_has_all_kinds():
    assert len(CASES) >= 300
    endings = {"mp4", "mov", "mkv", "avi", "ts", "mpg", "webm", "wmv", "flv", "wav", "mp3"}
    assert {case.ending for case in CASES} >= endings
    assert {case.display for case in CASES} >= {*media_matrix.MATRICES, *media_matrix.ASPECTS}
    assert {case.sound for case in CASES if case.audio} == set(media_matrix.SOUNDS)


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_a_file_reads_as_its_source(tmp_path, case):
    result = media_matrix.measure(case, tmp_path)
    assert not result.problem and not result.refused, result
