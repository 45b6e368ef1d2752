"""Really learning a person, with networks and times too small to be good."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from headroom import pipeline
from headroom.common.paths import shipped_file
from headroom.common.settings import LearnSettings
from headroom.refine import train as refining

WIDTH, QUICK = 8, {"from_general": False, "seconds": None, "steps": 12, "gan_from": 0.5}
QUICK_SOURCE = f"""
PRESETS["draft"] = replace(PRESETS["draft"], generator=GeneratorConfig(width={WIDTH}), **{QUICK!r})
"""
"""The same as a line for the end of headroom/refine/train.py, for a backend in a process of its own."""


@contextmanager
def quick_draft() -> Iterator[None]:
    """Make the draft preset a matter of seconds."""
    draft = refining.PRESETS["draft"]
    tiny = replace(draft, generator=replace(draft.generator, width=WIDTH), **QUICK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(refining.PRESETS, "draft", tiny)
        yield


def learn_quickly(folder: Path) -> Path:
    """The subject folder of the sample's first four seconds."""
    with quick_draft():
        settings = LearnSettings(to_seconds=4.0, name="Robin", consent="synthetic person")
        pipeline.learn(shipped_file("samples", "sample.mp4"), folder, settings)
    return folder
