"""Make `jobs-1.json` and `match-history-1.npz` with the add-on's code of format 1.

    python tests/formats/make_add_on_files_1.py CHECKOUT FOLDER

CHECKOUT: a checkout of commit 6bed92b.
"""

import sys
from pathlib import Path

import numpy as np

checkout, folder = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
sys.path.insert(0, str(checkout))

from addon.core.jobfile import append_jobs, make_request  # noqa: E402
from addon.core.memory import MatchMemory  # noqa: E402

shots = Path("/shots")
append_jobs(folder / "jobs-1.json", [make_request(kind, given, shots) for kind, given in (
    ("learn", {"clip": "Zoë.mp4", "output": "Zoë", "name": "Zoë", "consent": True, "preset": "standard",
               "albedo": "frame", "resolution": 512, "from_seconds": 1.5, "to_seconds": 9}),
    ("perform", {"subject": "Zoë", "speech": "line 1.wav", "output": "line 1.npz", "seed": 4, "pose": "replayed"}),
    ("shot", {"subject": "Zoë", "speech": "line 1.wav", "output": "line 1.mp4", "blend": "line 1.blend",
              "performance": "line 1.npz", "plate_fit": 0.5}),
    ("render", {"file": "line 1.blend", "output": "again.mp4", "scene": "Scene", "shot": "Zoë Shot"}),
)])
poses = np.arange(12, dtype=np.float32).reshape(4, 3)
MatchMemory("digest 25.000000", np.arange(10, 14), poses, -poses, np.array([0.5, 1.5, 2.5, 7.0])).save(
    folder / "match-history-1.npz")
