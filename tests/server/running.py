"""The real server in a process of its own; only the pipeline behind it is not real."""

import sys
from pathlib import Path

from addon.core.backend import LocalBackend

HERE = Path(__file__).parent


def fake_backend(data_dir):
    return LocalBackend(sys.executable, data_dir, command=[str(HERE / "serve_fake.py")])
