"""A copy of the backend's wheel that a test can install in seconds and without a network."""

import json
import subprocess
import zipfile
from pathlib import Path

from quick_subject import QUICK_SOURCE

TRAINING_FILE = "headroom/refine/train_config.py"
QUERY = "import json, sys; print(json.dumps([sys._base_executable, [p for p in sys.path if p.endswith('-packages')]]))"


def base_and_packages(python: str) -> tuple[Path, list[str]]:
    """Return the Python that an environment was made with, and the folders of its packages."""
    base, folders = json.loads(subprocess.run([python, "-c", QUERY], capture_output=True, text=True, check=True).stdout)
    return Path(base), folders


def make_offline_wheel(wheel: Path, packages: list[str], folder: Path) -> Path:
    """Write a copy of the backend's wheel into `folder` that differs in two ways.

    It has no requirements, because it uses the packages in the folders `packages`. Its draft preset takes seconds.
    """
    with zipfile.ZipFile(wheel) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    metadata, record = (next(each for each in files if each.endswith(f".dist-info/{kind}"))
                        for kind in ("METADATA", "RECORD"))
    files[metadata] = b"".join(line for line in files[metadata].splitlines(keepends=True)
                               if not line.startswith(b"Requires-Dist"))
    files[TRAINING_FILE] += QUICK_SOURCE.encode()
    files["headroom_packages.pth"] = "\n".join(packages).encode()
    files[record] = "".join(f"{each},,\n" for each in files).encode()
    folder.mkdir()
    with zipfile.ZipFile(folder / wheel.name, "w", zipfile.ZIP_DEFLATED) as copy:
        for each, content in files.items():
            copy.writestr(each, content)
    return folder / wheel.name
