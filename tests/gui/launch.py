"""Runs a script in a Blender with a window and an empty user folder, and reads what it reports."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent), str(HERE.parent / "addon")]

import build_addon  # noqa: E402

BLENDER = os.environ.get("HEADROOM_BLENDER", "")
needs_window = pytest.mark.skipif(not BLENDER, reason="HEADROOM_BLENDER does not name a Blender to open a window with")


def run_in_window(script, folder, height, seconds, *arguments):
    """Return what `script` has written into seen.json, with Blender's `output` and exit code `rc`."""
    archive = build_addon.build(folder / "dist")
    (folder / "blender").mkdir()
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(folder / "blender")}
    run = subprocess.run(
        [BLENDER, "--factory-startup", *arguments, "--window-geometry", "0", "0", "1280", str(height),
         "--python-exit-code", "3", "--python", str(HERE / script), "--", str(archive), str(folder)],
        env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    output = run.stdout + run.stderr
    assert (folder / "seen.json").is_file(), output
    return {**json.loads((folder / "seen.json").read_text()), "folder": folder, "output": output, "rc": run.returncode}
