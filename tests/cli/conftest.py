"""Fixtures of the command line's tests."""

import pytest
from distributed import Client


@pytest.fixture
def client():
    """A client whose workers are threads of this process."""
    with Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        yield client
