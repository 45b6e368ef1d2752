import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from addon.core.backend import LocalBackend  # noqa: E402


def fake_backend(data_dir):
    """The real server in a process of its own; only the pipeline behind it is not real."""
    return LocalBackend(sys.executable, data_dir, command=[str(HERE / "serve_fake.py")])


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
    """Submit a job that does what `order` says."""

    def submit(order, speech_name="a speech.wav"):
        inputs = {"subject": {"subject.toml": client.put_bytes(b"who")}, "speech": client.put_bytes(order.encode()),
                  "speech_name": speech_name}
        return client.submit("perform", inputs, {"seed": 3})

    return submit
