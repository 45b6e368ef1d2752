"""What a running job tells the server, and what the server asks of it: the worker's side of the pipe."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from pathlib import Path

from headroom.common import errors
from headroom.server.blobs import Blobs
from headroom.server.jobs import Previewed, Progressed
from headroom.server.messages import FinishJob, JobReport, StopJob

REPORT_SECONDS = 0.1  # progress with an unchanged message is reported at most this often
PICTURE = "preview.jpg"


class WorkerLink:
    """The link of one job. It is the `TrainingMonitor` of a job that trains."""

    def __init__(self, job_id: str, connection: Connection, blobs: Blobs, folder: Path):
        """folder: private to the job."""
        self._job_id, self._connection, self._blobs, self._folder = job_id, connection, blobs, folder
        self._last_message, self._last_time = "", 0.0
        self._finishes = False

    def progress(self, fraction: float, message: str) -> None:
        """Report how far the job is; raises Cancelled after the server has sent StopJob."""
        while self._connection.poll():
            request = self._connection.recv()
            if request == StopJob(self._job_id):
                raise errors.Cancelled("Cancelled.")
            self._finishes |= request == FinishJob(self._job_id)
        now = time.monotonic()
        if message != self._last_message or now - self._last_time >= REPORT_SECONDS:
            self._connection.send(JobReport(self._job_id, Progressed(float(fraction), message)))
            self._last_message, self._last_time = message, now

    def show(self, picture: bytes) -> None:
        """Store a picture of the result so far and report its blob."""
        path = self._folder / PICTURE
        path.write_bytes(picture)
        self._connection.send(JobReport(self._job_id, Previewed(self._blobs.add(path))))

    def wants_end(self) -> bool:
        """Return whether the server has sent FinishJob."""
        return self._finishes
