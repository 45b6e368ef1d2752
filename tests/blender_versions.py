"""Run the add-on's tests in several Blender versions, each in an environment of its own.

    python3.11 tests/blender_versions.py 4.2 4.5 5.0

The environments are made once, in .blender-versions/ of the checkout or in the folder of --environments. Blender is
the bpy package. Versions from 5.1 need another Python than 3.11 and are tested with a window (tests/gui).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ("4.2", "4.5", "5.0")
PACKAGES = ("pytest", "av", "numpy<2")


def main() -> int:
    """Test the given versions; return 1 when any fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", default=VERSIONS, help=f"default: {' '.join(VERSIONS)}")
    parser.add_argument("--environments", type=Path, default=ROOT / ".blender-versions")
    args = parser.parse_args()
    results = {version: test(environment(args.environments, version)) for version in args.versions}
    for version, code in results.items():
        print(f"Blender {version}: {'passed' if code == 0 else 'FAILED'}")
    return int(any(results.values()))


def environment(folder: Path, version: str) -> Path:
    """Make an environment with this Blender; return its Python."""
    place = folder / f"bpy-{version}"
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet", f"bpy=={version}.*", *PACKAGES]
    subprocess.run(install, check=True)
    return python


def test(python: Path) -> int:
    """Run the add-on's tests with a Python; return the exit code."""
    return subprocess.run([str(python), "-m", "pytest", "-p", "no:cacheprovider", "tests/addon"], cwd=ROOT,
                          check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
