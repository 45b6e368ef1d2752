"""Numbers of jobs are checked before any work, by the limits that the backend has."""

import json
import math
from pathlib import Path

import pytest

from addon.core.errors import InputError
from addon.core.job_file import KINDS, make_request
from headroom.common.settings import LearnSettings, MatchSettings, PerformSettings

GIVEN = {"perform": {"subject": "s", "speech": "s.wav", "output": "x.npz"},
         "shot": {"subject": "s", "speech": "s.wav", "output": "x.mp4"},
         "learn": {"clip": "c.mp4", "output": "s"}, "render": {"file": "x.blend", "output": "x.mp4"}}
BAD = [("perform", "seed", -1), ("perform", "seed", 2**31), ("shot", "seed", -1), ("shot", "key_error", -0.1),
       ("shot", "key_error", math.inf), ("shot", "plate_fit", 1.5), ("shot", "plate_fit", math.nan),
       ("render", "plate_fit", -1), ("learn", "from_seconds", -1.0), ("learn", "to_seconds", math.nan),
       ("learn", "to_seconds", 1e9), ("learn", "budget_minutes", -1.0)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_has_limits(kind):
    assert not [name for name, setting in KINDS[kind].items()
                if setting.value_type in (int, float) and setting.limits is None]


@pytest.mark.parametrize(("kind", "name", "value"), BAD)
def test_a_number_outside_its_limits_is_refused_with_them(kind, name, value):
    read = json.loads(json.dumps({**GIVEN[kind], name: value}))  # as from a job file
    low, high = KINDS[kind][name].limits
    with pytest.raises(InputError, match=f"The setting {name} must be a .*number from {low:g} to .*, not ") as refused:
        make_request(kind, read, Path("/"))
    assert f"to {high:.10g}, not" in str(refused.value)


@pytest.mark.parametrize(("kind", "name"), sorted({(kind, name) for kind, name, _ in BAD}))
def test_the_limits_themselves_are_accepted(kind, name):
    for limit in KINDS[kind][name].limits:
        value = KINDS[kind][name].value_type(limit)
        assert make_request(kind, {**GIVEN[kind], name: value}, Path("/")).settings[name] == value


@pytest.mark.parametrize(("kind", "model"), [("learn", LearnSettings), ("perform", PerformSettings),
                                            ("shot", MatchSettings)])
def test_the_backend_accepts_what_a_job_may_say(kind, model):
    for name, setting in KINDS[kind].items():
        if setting.limits is not None and name in model.model_fields:
            not_sent = [] if model.model_fields[name].default is not None else [setting.default]
            for limit in set(setting.limits).difference(not_sent):
                assert getattr(model(**{name: setting.value_type(limit)}), name) == limit
