import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from running import fake_backend


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def backend(data_dir):
    backend = fake_backend(data_dir)
    backend.start()
    yield backend
    backend.stop()


@pytest.fixture
def client(backend):
    return backend.client


@pytest.fixture
def perform(client):
    """Submit a job that does what `command` says (fake_pipeline.perform)."""

    def submit(command, speech_name="a speech.wav"):
        inputs = {"subject": {"subject.toml": client.put_bytes(b"subject")},
                  "speech": client.put_bytes(command.encode()), "speech_name": speech_name}
        return client.submit("perform", inputs, {"seed": 3})

    return submit
