"""The HTTP API is what the add-on was written for."""

import json
from pathlib import Path

from headroom.server.app import create_app
from headroom.server.store import Store

KEPT = Path(__file__).with_name("openapi.json")


class NobodyRuns:
    device = "cpu"

    def start(self): ...
    def stop(self): ...
    def wake(self): ...
    def cancel(self, job_id): ...


def document(folder):
    store = Store(Path(folder))
    try:
        return json.dumps(create_app(store, NobodyRuns(), "token").openapi(), indent=1, sort_keys=True) + "\n"
    finally:
        store.close()


def test_the_api_is_the_one_we_keep(tmp_path):
    assert document(tmp_path) == KEPT.read_text(encoding="utf-8"), (
        "The HTTP API has changed. If that is meant, bring addon/core/client.py and docs/architecture.md along and run "
        "python tests/server/test_contract.py"
    )


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        KEPT.write_text(document(folder), encoding="utf-8")
