"""The real server in its own process, over a fake pipeline."""

import hashlib
import http.client
import json
import os
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from addon.core.backend import LocalBackend
from addon.core.errors import Cancelled
from headroom.plate.match import PlateMatch
from headroom.server.requests import PerformRequest

HERE = Path(__file__).parent


def fake_backend(data_dir):
    return LocalBackend(sys.executable, data_dir, command=[str(HERE / "serve_fake.py")])


def a_request(**values):
    """Return what a client asks for."""
    inputs = {"subject": {"a": "0" * 64}, "speech": "1" * 64}
    return PerformRequest(kind="perform", inputs=inputs, **values)


@contextmanager
def served(data_dir, *options, into=()):
    """Run the server as a program of its own with some options; yield the process and what it announces.

    into: words of a command that the program is run with.
    """
    environment = {**os.environ, "HEADROOM_DATA": str(data_dir), "HEADROOM_TOKEN": "owner"}
    with open(data_dir / "stderr.log", "ab") as errors:
        process = subprocess.Popen([*into, sys.executable, str(HERE / "serve_fake.py"), *map(str, options)], text=True,
                                   stdout=subprocess.PIPE, stderr=errors, env=environment)
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Asker:
    """Requests of one user to a server, without the add-on's client."""

    def __init__(self, url, token):
        self.address, self.token = urlsplit(url), token

    def __call__(self, method, path, body=None, **headers):
        """Return status and content of the reply, as JSON where it is."""
        response = self.open(method, path, body, **headers)
        content = response.read()
        is_json = response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(content) if is_json and content else content

    def open(self, method, path, body=None, **headers):
        """Send a request and return the response."""
        connection = http.client.HTTPConnection(self.address.netloc, timeout=30)
        if self.address.scheme == "https":
            connection = http.client.HTTPSConnection(self.address.netloc, timeout=30,
                                                     context=ssl._create_unverified_context())
        if isinstance(body, dict):
            body, headers = json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
        headers = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        connection.request(method, path, body, {"Authorization": f"Bearer {self.token}", **headers})
        return connection.getresponse()

    def put(self, content):
        """Send a file; return its SHA-256."""
        sha = hashlib.sha256(content).hexdigest()
        status, reply = self("PUT", f"/v2/blobs/{sha}", content)
        assert status in (200, 201), reply
        return sha

    def perform(self, command, **values):
        """Ask for a job that does what `command` says (fake_pipeline.perform)."""
        inputs = {"subject": {"subject.toml": self.put(b"subject")}, "speech": self.put(command.encode())}
        return self("POST", "/v2/jobs", {"kind": "perform", "inputs": inputs, "settings": {}, **values})

    def wait(self, job_id, until=lambda job: job["finished"]):
        """Return the job once it has ended, or something else about it is true."""
        end = time.monotonic() + 30
        while not until(job := self("GET", f"/v2/jobs/{job_id}")[1]):
            assert time.monotonic() < end, job
            time.sleep(0.05)
        return job


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


def shot_inputs(client, folder, renders):
    """Return the inputs of a refine job; `renders` are the contents of the files, which the fake pipeline copies."""
    frames = len(renders)
    poses = np.zeros((frames, 3), dtype=np.float32)
    PlateMatch(plate=np.zeros(frames, dtype=np.int32), rotation=poses, translation=poses, position=np.zeros(frames),
               distance=np.zeros(frames, dtype=np.float32)).save(folder / "match.npz")
    return {"subject": {"subject.toml": client.put_bytes(b"subject")}, "match": client.put_file(folder / "match.npz"),
            "renders": [client.put_bytes(name) for name in renders]}
