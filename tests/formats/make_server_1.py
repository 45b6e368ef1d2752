"""Make `server-1`: the data folder of a server of format 1 that was killed while it ran a job.

    python tests/formats/make_server_1.py CHECKOUT FOLDER

CHECKOUT: a checkout of commit 6bed92b, whose server runs over its fake pipeline.
FOLDER: the new data folder.
"""

import io
import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np

checkout, folder = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
paths = [str(checkout), str(checkout / "backend"), str(checkout / "tests" / "server")]
sys.path[:0] = paths
os.environ["PYTHONPATH"] = os.pathsep.join(paths)

from running import JobFailed, fake_backend, wait  # noqa: E402


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


backend = fake_backend(folder)
client = backend.start()
subject = {"subject.toml": client.put_bytes(b"subject")}
three = np.zeros((3, 3), dtype=np.float32)
poses = client.put_bytes(npz(fps=25.0, rotation=three, translation=three, held=np.array([0.5, np.nan, 2.5])))
speech = {"speech": client.put_bytes(b"count"), "speech_name": "line 1.wav"}


def submit(number, kind, inputs, settings):
    return client.submit(kind, inputs, settings, job_id=f"{number:032x}")


def shot(match, *renders):
    return {"subject": subject, "match": match, "renders": [client.put_bytes(render) for render in renders]}


learn = {"clip": client.put_bytes(b"clip"), "clip_name": "Zoë.mp4"}
wait(client, submit(1, "learn", learn, {"preset": "standard", "consent": True, "from_seconds": 1.5}).id)
wait(client, submit(2, "perform", {"subject": subject, **speech}, {"seed": 3, "pose": "replayed"}).id)
matched = wait(client, submit(3, "match", {"subject": subject, "poses": poses}, {"plate_fit": 0.5}).id).result["match"]
wait(client, submit(4, "refine_frames", shot(matched, b"one", b"two", b"three"),
                    {"first": 0, "context": 1, "compare": True}).id)
wait(client, submit(5, "refine", {**shot(matched, b"one", b"two", b"three"), **speech},
                    {"fps": 25, "speech_from_seconds": -0.5, "speech_part": [0.25, 1.5]}).id)
try:
    wait(client, submit(6, "perform", {"subject": subject, "speech": client.put_bytes(b"fail:No luck.")}, {}).id)
except JobFailed:
    pass
slow = submit(7, "refine", shot(matched, *(b"slow %d" % number for number in range(10))), {"fps": 24})
submit(8, "match", {"subject": subject, "poses": poses}, {})
submit(9, "refine", {**shot(matched, b"one", b"two", b"three"), **speech}, {"fps": 25, "speech_part": [0.25, 1.5]})
submit(10, "learn", learn, {"consent": "Zoë, 2 May"})
client.cancel(submit(11, "perform", {"subject": subject, **speech}, {}).id)
next(job for job in client.events(slow.id) if job.progress >= 0.3)
os.kill(backend._process.pid, signal.SIGKILL)
backend._process.wait()
with closing(sqlite3.connect(folder / "jobs-1.sqlite")) as database:
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # one small file instead of two
for name in ("logs", "scratch", "subjects", "crops"):  # what a server makes again
    shutil.rmtree(folder / name, ignore_errors=True)
