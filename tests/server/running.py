"""The real server in its own process, over a fake pipeline."""

import sys
from pathlib import Path

from addon.core.backend import LocalBackend
from addon.core.errors import Cancelled
from headroom.server.jobs import Job
from headroom.server.requests import PerformRequest

HERE = Path(__file__).parent


def fake_backend(data_dir):
    return LocalBackend(sys.executable, data_dir, command=[str(HERE / "serve_fake.py")])


def a_job(**values):
    """Return a new job."""
    inputs = {"subject": {"a": "0" * 64}, "speech": "1" * 64}
    return Job(PerformRequest(kind="perform", inputs=inputs), **values)


class JobFailed(Exception):
    """A job ended without a result; the message is the backend's sentence for the user."""


def wait_for(client, job_id):
    """Return the job once it is done; raise JobFailed or Cancelled when it ends otherwise."""
    job = list(client.events(job_id))[-1]
    if job.state == "cancelled":
        raise Cancelled
    if job.state != "done":
        raise JobFailed(job.message)
    return job
