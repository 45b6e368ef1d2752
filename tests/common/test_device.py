"""One setting says what the networks run on."""

import pytest
import torch

from headroom.common.device import DEVICE_VARIABLE, device_name, is_out_of_memory, pick_device
from headroom.common.errors import InputError


@pytest.fixture(autouse=True)
def a_machine_with_a_graphics_card(monkeypatch):
    monkeypatch.delenv(DEVICE_VARIABLE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_auto_is_the_best_there_is(monkeypatch):
    assert pick_device().type == "cuda" and device_name() == "cuda (a card)"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device().type == device_name() == "cpu"


def test_the_variable_is_what_auto_means_and_a_name_is_stronger(monkeypatch):
    monkeypatch.setenv(DEVICE_VARIABLE, "cpu")
    assert pick_device().type == device_name() == "cpu"
    assert pick_device("cuda").type == "cuda"
    monkeypatch.setenv(DEVICE_VARIABLE, "auto")
    assert pick_device().type == "cuda"


@pytest.mark.parametrize("name,said", [("tpu", "no device 'tpu'; choose one of auto"), ("mps", "choose auto or cpu")])
def test_a_device_that_is_not_there_is_refused(monkeypatch, name, said):
    monkeypatch.setenv(DEVICE_VARIABLE, name)
    with pytest.raises(InputError, match=said):
        pick_device()


@pytest.mark.parametrize("error,full", [
    (MemoryError(), True),
    (torch.OutOfMemoryError("CUDA out of memory."), True),
    (RuntimeError("MPS backend out of memory (MPS allocated: 8.95 GB)."), True),
    (RuntimeError("shapes differ"), False),
    (ValueError("out of memory"), False),
])
def test_memory_that_ran_out_is_known_on_every_device(error, full):
    assert is_out_of_memory(error) == full
