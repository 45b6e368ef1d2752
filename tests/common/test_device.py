"""The device that the networks run on follows one setting."""

import pytest
import torch

from headroom.common.device import DEVICE_VARIABLE, device_name, pick_device
from headroom.common.errors import InputError
from headroom.common.failures import is_out_of_memory


@pytest.fixture(autouse=True)
def machine_with_a_gpu(monkeypatch):
    monkeypatch.delenv(DEVICE_VARIABLE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_auto_is_the_best_available_device(monkeypatch):
    assert pick_device().type == "cuda" and device_name() == "cuda (a GPU)"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device().type == device_name() == "cpu"


def test_the_variable_replaces_auto_and_a_name_overrides_it(monkeypatch):
    monkeypatch.setenv(DEVICE_VARIABLE, "cpu")
    assert pick_device().type == device_name() == "cpu"
    assert pick_device("cuda").type == "cuda"
    monkeypatch.setenv(DEVICE_VARIABLE, "auto")
    assert pick_device().type == "cuda"


@pytest.mark.parametrize("name, words", [("tpu", "no device 'tpu'; choose one of auto"), ("mps", "choose auto or cpu")])
def test_an_unavailable_device_is_refused(monkeypatch, name, words):
    monkeypatch.setenv(DEVICE_VARIABLE, name)
    with pytest.raises(InputError, match=words):
        pick_device()


@pytest.mark.parametrize("error, expected", [
    (MemoryError(), True),
    (torch.OutOfMemoryError("CUDA out of memory."), True),
    (RuntimeError("MPS backend out of memory (MPS allocated: 8.95 GB)."), True),
    (RuntimeError("shapes differ"), False),
    (ValueError("out of memory"), False),
])
def test_full_memory_is_recognised_on_every_device(error, expected):
    assert is_out_of_memory(error) == expected
