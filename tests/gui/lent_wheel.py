"""The backend's own wheel, changed so that a test can set it up in seconds and without a network."""

import json
import subprocess
import zipfile
from pathlib import Path

from quick_subject import QUICK_SOURCE

TAUGHT_IN = "headroom/refine/train_config.py"
ASK = "import json, sys; print(json.dumps([sys._base_executable, [p for p in sys.path if p.endswith('-packages')]]))"


def base_and_packages(python: str) -> tuple[Path, list[str]]:
    """The Python that an environment was made with, and the folders of its packages."""
    base, folders = json.loads(subprocess.run([python, "-c", ASK], capture_output=True, text=True, check=True).stdout)
    return Path(base), folders


def lend(wheel: Path, packages: list[str], folder: Path) -> Path:
    """Write a copy of the backend's wheel into `folder` that differs in two things.

    It needs nothing from an index, since it finds what it needs in `packages`; and its draft is learnt in seconds.
    """
    with zipfile.ZipFile(wheel) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    metadata, record = (next(each for each in files if each.endswith(f".dist-info/{kind}"))
                        for kind in ("METADATA", "RECORD"))
    files[metadata] = b"".join(line for line in files[metadata].splitlines(keepends=True)
                               if not line.startswith(b"Requires-Dist"))
    files[TAUGHT_IN] += QUICK_SOURCE.encode()
    files["lent_to_headroom.pth"] = "\n".join(packages).encode()
    files[record] = "".join(f"{each},,\n" for each in files).encode()
    folder.mkdir()
    with zipfile.ZipFile(folder / wheel.name, "w", zipfile.ZIP_DEFLATED) as lent:
        for each, content in files.items():
            lent.writestr(each, content)
    return folder / wheel.name
