"""Kill server, worker or client at random moments and count how the jobs end: python benchmarks/server_kills.py

Each round runs one short job: learning, refining, or learning from a file that is uploaded slowly. Something is killed
while it runs. A killed server or client is started again, as systemd or the user would, and the client asks for the
same job. The result is compared with that of an undisturbed round. The pipeline is the tests' stand-in, and the
processes are those of `headroom serve`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from kill_results import results_table
from rich.console import Console

TESTS = Path(__file__).resolve().parents[1] / "tests" / "server"
sys.path[:0] = [str(TESTS), str(TESTS.parents[1])]

from running import shot_inputs  # noqa: E402

from addon.core import client as client_module  # noqa: E402
from addon.core.client import BackendError, Client  # noqa: E402

console = Console(width=110, markup=False)
KINDS = ("learn", "refine", "upload")
VICTIMS = ("server", "worker", "client")
MARK = "HEADROOM_KILLS"  # environment variable of all processes of one run
ROUND_SECONDS = 300.0
UPLOAD_BYTES = 24_000_000


def run_client(url: str, token: str, kind: str, job_id: str, output: Path) -> None:
    """Send the files of a job, ask for it, wait for its end, and write how it ended."""
    client_module.RECONNECT_SECONDS = 0.2
    client_module.MAX_RECONNECTS = 8
    client = Client(url, token)
    rng = np.random.default_rng(1)
    if kind == "refine":
        inputs = shot_inputs(client, output.parent, [b"slow %d %s" % (frame, job_id.encode()) for frame in range(6)])
        job = client.submit("refine", inputs, {"fps": 25}, job_id)
    else:
        size = UPLOAD_BYTES if kind == "upload" else 100_000
        clip = b"slow" + job_id.encode() + rng.bytes(size)
        job = client.submit("learn", {"clip": client.put_bytes(clip), "clip_name": "clip.mp4"}, {"name": "x"}, job_id)
    job = list(client.events(job.id))[-1]
    result: dict[str, object] = {"state": job.state, "message": job.message}
    if job.state == "done" and kind == "refine":
        movie = client.get_file(job.result["movie"], output.with_suffix(".mp4")).read_bytes()
        result["digest"] = hashlib.sha256(movie.replace(job_id.encode(), b"").rpartition(b" ")[0]).hexdigest()
    elif job.state == "done":
        folder = client.get_tree(job.result["subject"], output.with_suffix(".subject"))
        content = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
        result["digest"] = hashlib.sha256(content.replace(job_id.encode(), b"")).hexdigest()
    output.with_suffix(".part").write_text(json.dumps(result))
    os.replace(output.with_suffix(".part"), output)


class Run:
    """A server and clients that may be killed; `folder` holds everything."""

    def __init__(self, folder: Path):
        self.folder, self.port, self.token = folder, 0, uuid.uuid4().hex
        self.mark = uuid.uuid4().hex
        self.environment = {**os.environ, "HEADROOM_DATA": str(folder / "data"), "HEADROOM_TOKEN": self.token,
                            MARK: self.mark}
        self.log = open(folder / "log", "ab")
        self.start_server()

    def start_server(self) -> None:
        """Start the server, at the same address as before."""
        (self.folder / "data").mkdir(exist_ok=True)
        self.server = subprocess.Popen(
            [sys.executable, str(TESTS / "serve_fake.py"), "--port", str(self.port)], env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=self.log)
        self.url = json.loads(self.server.stdout.readline())["url"]
        self.port = int(self.url.rpartition(":")[2])

    def start_client(self, kind: str, job_id: str, output: Path) -> subprocess.Popen[bytes]:
        """Start a client."""
        return subprocess.Popen([sys.executable, __file__, "--client", self.url, self.token, kind, job_id, str(output)],
                                env=self.environment, stderr=self.log)

    def worker(self) -> int | None:
        """Return the worker's process id, None while there is no worker."""
        children = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.server.pid)], capture_output=True,
                                  text=True).stdout.splitlines()
        return next((int(line.split()[0]) for line in children if "spawn_main" in line), None)

    def round(self, kind: str, victim: str, after_seconds: float) -> dict[str, str]:
        """Run one job in which something is killed; return how it ended."""
        job_id = uuid.uuid4().hex
        output = self.folder / f"{job_id}.json"
        client = self.start_client(kind, job_id, output)
        start, killed = time.monotonic(), False
        while not output.exists():
            now = time.monotonic() - start
            if now > ROUND_SECONDS:
                client.kill()
                return {"state": "hung"}
            if not killed and victim and now >= after_seconds:
                killed = True
                process = {"server": self.server.pid, "client": client.pid, "worker": self.worker()}[victim]
                with suppress(ProcessLookupError, TypeError):
                    os.kill(process, signal.SIGKILL)
            if self.server.poll() is not None:
                self.server.stdout.close()
                self.start_server()
            if client.poll() is not None and not output.exists():
                client = self.start_client(kind, job_id, output)
            time.sleep(0.02)
        client.wait()
        return json.loads(output.read_text())

    def stop(self) -> None:
        """Stop the server."""
        self.server.terminate()
        self.server.wait(30)
        self.server.stdout.close()
        self.log.close()

    def orphans(self) -> list[str]:
        """Return the command lines of processes of this run that are still there."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"{MARK}={self.mark}".encode() in (path / "environ").read_bytes():
                    found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    def leftovers(self) -> list[str]:
        """Return the temporary files in the data folder."""
        data = self.folder / "data"
        paths = [*data.glob("scratch/*/*"), *data.glob("blobs/incoming/*"), *data.rglob(".headroom-*")]
        return [str(path.relative_to(data)) for path in paths]


def kill_many(folder: Path, rounds: int, seed: int, kinds: Sequence[str] = KINDS) -> tuple[Counter[str], list[str]]:
    """Return how the rounds ended, and what is wrong."""
    rng, ends, faults, run = random.Random(seed), Counter[str](), [], Run(folder)
    try:
        expected, lengths = {}, {}
        for kind in kinds:
            start = time.monotonic()
            expected[kind] = run.round(kind, "", 0)
            lengths[kind] = time.monotonic() - start
        for number in range(rounds):
            kind, victim = kinds[number // 3 % len(kinds)], VICTIMS[number % 3]
            after = rng.uniform(0.2, 1.0) * lengths[kind]
            end = run.round(kind, victim, after)
            is_equal = end == expected[kind]
            has_reason = end["state"] == "failed" and len(end["message"].split()) > 4
            ends["done, equal" if is_equal else "failed with a reason" if has_reason else "wrong"] += 1
            if not is_equal:
                faults += [] if has_reason else [f"{kind}, {victim} after {after:.2f} s: {end}"]
                console.print(f"round {number}, {kind}, {victim} after {after:.2f} s: {end['state']} "
                              f"{end.get('message')}")
        run.server.kill()
        run.server.wait()
        run.server.stdout.close()
        run.start_server()
        faults += [f"left over: {name}" for name in run.leftovers()]
    finally:
        run.stop()
    end = time.monotonic() + 5
    while (orphans := run.orphans()) and time.monotonic() < end:
        time.sleep(0.1)
    return ends, faults + [f"orphan: {line}" for line in orphans]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--client", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.client:
        with suppress(BackendError):  # the harness starts another client
            run_client(*given.client[:4], Path(given.client[4]))
        return
    with tempfile.TemporaryDirectory() as folder:
        ends, faults = kill_many(Path(folder), given.rounds, given.seed)
    console.print(results_table(f"{given.rounds} kills", ends))
    console.print("\n".join(faults) or "no orphan process, no temporary file")


if __name__ == "__main__":
    main()
