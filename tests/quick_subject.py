"""Learning a person in seconds, with networks that are too small to be good."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from headroom import pipeline
from headroom.common.paths import shipped_file
from headroom.common.settings import LearnSettings
from headroom.refine import train_config

WIDTH, QUICK = 8, {"from_general": False, "seconds": None, "steps": 12, "gan_start": 0.5}
QUICK_SOURCE = f"""
import dataclasses

GENERATOR = GeneratorConfig(width={WIDTH}, plate_term=True)
PRESETS["draft"] = dataclasses.replace(PRESETS["draft"], generator=GENERATOR, **{QUICK!r})
"""
"""The same as code to append to headroom/refine/train_config.py, for a backend in another process."""


@contextmanager
def quick_draft() -> Iterator[None]:
    """Make the draft preset last seconds."""
    draft = train_config.PRESETS["draft"]
    tiny = replace(draft, generator=replace(draft.generator, width=WIDTH), **QUICK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(train_config.PRESETS, "draft", tiny)
        yield


def learn_quickly(folder: Path) -> Path:
    """Learn the first four seconds of the sample into `folder` and return it."""
    with quick_draft():
        settings = LearnSettings(to_seconds=4.0, name="Robin", consent="synthetic person")
        pipeline.learn(shipped_file("samples", "sample.mp4"), folder, settings)
    return folder
