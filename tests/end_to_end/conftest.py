"""A subject really learned from the bundled sample, with networks and times too small to be good."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from quick_subject import learn_quickly, quick_draft


@pytest.fixture(scope="session")
def quick() -> Iterator[None]:
    """Make the draft preset a matter of seconds."""
    with quick_draft():
        yield


@pytest.fixture(scope="session")
def learned(tmp_path_factory) -> Path:
    """The subject folder of the sample's first four seconds."""
    return learn_quickly(tmp_path_factory.mktemp("learned") / "Robin's subject")
