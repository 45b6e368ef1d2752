"""One thread for torch: networks of width 8 gain nothing from more, and lose much on a shared machine."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Restore the number of threads after the tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
