"""The HTTP API is the one in openapi.json, which the add-on is written for."""

import json
from pathlib import Path
from typing import get_args

from headroom.common import choices
from headroom.server import tasks
from headroom.server.access.tokens import Tokens
from headroom.server.api.app import create_app
from headroom.server.api.services import Services
from headroom.server.api.users import Access
from headroom.server.requests import JobKind
from headroom.server.store import Store
from headroom.server.uploads import Uploads

DOCUMENT = Path(__file__).with_name("openapi.json")


class NoRunner:
    """Runs nothing."""

    device = "cpu"
    accepts_jobs = True

    def start(self): ...
    def stop(self): ...
    def wake(self): ...
    def cancel(self, job_id): ...


def openapi(folder):
    """Return the API's OpenAPI document."""
    store = Store(Path(folder))
    try:
        services = Services(store, NoRunner(), Uploads(store.blobs, "jobs-1"), Access("token", Tokens(store.folder)))
        return json.dumps(create_app(services).openapi(), indent=1, sort_keys=True) + "\n"
    finally:
        store.close()


def test_the_api_is_the_one_in_the_document(tmp_path):
    assert openapi(tmp_path) == DOCUMENT.read_text(encoding="utf-8"), (
        "The HTTP API has changed. If that is intended, change addon/core/client.py and docs/architecture.md too, and "
        "run python tests/server/test_api.py"
    )


def test_the_add_on_offers_the_values_that_the_backend_takes():
    from addon.core import job_file, take_settings  # conftest.py makes it importable

    assert job_file.PRESETS == get_args(choices.Preset)
    assert job_file.ALBEDOS == get_args(choices.Albedo)
    assert job_file.RESOLUTIONS == tuple(map(str, get_args(choices.ChosenResolution)))
    assert take_settings.POSES == get_args(choices.HeadPose)


def test_every_kind_of_job_has_a_function_of_its_name_on_both_sides():
    from addon.core import backend_jobs, chunk_jobs, movie_jobs

    for kind in get_args(JobKind):
        (module,) = (each for each in (backend_jobs, movie_jobs, chunk_jobs) if hasattr(each, kind))
        assert callable(getattr(tasks, kind)) and callable(getattr(module, kind))


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        DOCUMENT.write_text(openapi(folder), encoding="utf-8")
