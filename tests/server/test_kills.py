"""Jobs end, with the same result, although server, worker and client are killed meanwhile."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_killed_processes_leave_the_same_results_and_nothing_else(tmp_path):
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "server_kills.py"
    kills = SimpleNamespace(**runpy.run_path(str(script)))
    ends, faults = kills.kill_many(tmp_path, rounds=3, seed=5, kinds=("refine",))
    assert (ends, faults) == ({"done, equal": 3}, [])
