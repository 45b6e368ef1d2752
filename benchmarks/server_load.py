"""Measure the server with many jobs and many clients: python benchmarks/server_load.py [--jobs N] [--clients N]

The store is filled with finished jobs. While one job runs and reports its progress, every client listens to the job's
events and asks for the job once a second. Another process asks for the health, and measures how long listing
and submitting take before the clients connect. The pipeline is the tests' stand-in, which hardly computes.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import multiprocessing
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from rich.console import Console
from rich.table import Column, Table

TESTS = Path(__file__).resolve().parents[1] / "tests" / "server"
sys.path[:0] = [str(TESTS), str(TESTS.parents[1])]

from running import fake_backend  # noqa: E402

from headroom.server.jobs import Finished  # noqa: E402
from headroom.server.requests import JOB_REQUEST  # noqa: E402
from headroom.server.results import RefineResult  # noqa: E402
from headroom.server.store import Store  # noqa: E402

console = Console(width=110)
FRAMES = 200  # renders that each stored job names


def fill(folder: Path, jobs: int) -> None:
    """Add finished jobs to the store."""
    inputs = {"subject": {f"file {number}": f"{number:064x}" for number in range(12)}, "match": "0" * 64,
              "renders": [f"{number:064x}" for number in range(FRAMES)]}
    with closing(Store(folder)) as store:
        for number in range(jobs):
            request = JOB_REQUEST.validate_python({"kind": "refine", "inputs": inputs, "settings": {"fps": 25}})
            job = store.add(request)
            store.apply(job.id, Finished(RefineResult(movie=f"{number:064x}", frames=FRAMES)))


class Asker:
    """One connection that asks again and again; times are in milliseconds."""

    def __init__(self, url: str, token: str):
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def time(self, method: str, path: str, content: object = None) -> float:
        """Return how long one request takes."""
        body = None if content is None else json.dumps(content)
        start = time.perf_counter()
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        response.read()
        assert response.status < 300, response.status
        return (time.perf_counter() - start) * 1000


def add_row(table: Table, name: str, times: list[float]) -> None:
    """Add how long requests took, in milliseconds."""
    median, high = np.percentile(times, [50, 99])
    table.add_row(name, str(len(times)), *(f"{value:.1f}" for value in (median, high, max(times))))


async def client(address: tuple[str, int], token: str, job: str, counts: dict[str, int]) -> None:
    """Listen to a job, and ask for it once a second."""
    head = f"Host: {address[0]}\r\nAuthorization: Bearer {token}\r\n\r\n"

    async def listen() -> None:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(f"GET /v2/jobs/{job}/events HTTP/1.1\r\n{head}".encode())
        while line := await reader.readline():
            counts["events"] += line.startswith(b"data:")

    async def poll() -> None:
        reader, writer = await asyncio.open_connection(*address)
        while True:
            writer.write(f"GET /v2/jobs/{job} HTTP/1.1\r\n{head}".encode())
            fields = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(fields.split(b"content-length:")[1].split(b"\r\n")[0]))
            counts["polls"] += 1
            await asyncio.sleep(1.0)

    await asyncio.gather(listen(), poll())


def run_clients(address: tuple[str, int], token: str, job: str, number: int, seconds: float) -> None:
    """Be many clients for a time; the target of a process."""
    counts = {"events": 0, "polls": 0}

    async def run() -> None:
        tasks = [asyncio.create_task(client(address, token, job, counts)) for _ in range(number)]
        await asyncio.sleep(seconds)
        broken = sum(task.done() for task in tasks)
        console.print(f"{number} clients: {counts['events'] / seconds:.0f} events and {counts['polls'] / seconds:.0f} "
                      f"polls a second, {broken} broken")

    asyncio.run(run())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=15.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), given.jobs)
        start = time.perf_counter()
        backend = fake_backend(Path(folder))
        backend.start()
        console.print(f"Started with {given.jobs} jobs in {time.perf_counter() - start:.1f} s")
        try:
            console.print(measure(backend.client, given.clients, given.seconds))
        finally:
            backend.stop()


def measure(backend, clients: int, seconds: float) -> Table:
    """Return how long requests to a running server take."""
    inputs = {"subject": {"subject.toml": backend.put_bytes(b"subject")}, "speech": backend.put_bytes(b"wait")}
    asker = Asker(backend.url, backend.token)
    table = Table("milliseconds", *(Column(name, justify="right") for name in ("number", "median", "p99", "worst")))
    add_row(table, "list", [asker.time("GET", "/v2/jobs") for _ in range(100)])
    job = backend.submit("perform", inputs, {})
    submit = {"kind": "perform", "inputs": inputs, "settings": {}}
    add_row(table, "submit", [asker.time("POST", "/v2/jobs", submit) for _ in range(100)])
    add_row(table, "health alone", [asker.time("GET", "/v2/health") for _ in range(200)])
    parts = urlsplit(backend.url)
    process = multiprocessing.get_context("spawn").Process(
        target=run_clients, args=((parts.hostname, parts.port), backend.token, job.id, clients, seconds))
    process.start()
    time.sleep(3.0)  # until all are connected
    times = []
    while process.is_alive():
        times.append(asker.time("GET", "/v2/health"))
        time.sleep(0.02)
    add_row(table, f"health, {clients} clients", times)
    return table


if __name__ == "__main__":
    main()
