"""One setting says what the networks run on."""

import pytest
import torch

from headroom.device import VARIABLE, device_name, pick_device
from headroom.errors import InputError


@pytest.fixture(autouse=True)
def a_machine_with_a_graphics_card(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_auto_is_the_best_there_is(monkeypatch):
    assert pick_device().type == "cuda" and device_name() == "cuda (a card)"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device().type == device_name() == "cpu"


def test_the_variable_is_what_auto_means_and_a_name_is_stronger(monkeypatch):
    monkeypatch.setenv(VARIABLE, "cpu")
    assert pick_device().type == device_name() == "cpu"
    assert pick_device("cuda").type == "cuda"
    monkeypatch.setenv(VARIABLE, "auto")
    assert pick_device().type == "cuda"


@pytest.mark.parametrize("name,said", [("tpu", "no device 'tpu'; choose one of auto"), ("mps", "choose auto or cpu")])
def test_a_device_that_is_not_there_is_refused(monkeypatch, name, said):
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(InputError, match=said):
        pick_device()
