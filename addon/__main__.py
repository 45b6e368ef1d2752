"""Entry point of the extension's zip, which runs with Blender as a Python module or inside Blender.

    python headroom-0.1.0.zip shot …
    blender --background --python-expr "import runpy; runpy.run_path(ZIP, run_name='__main__')" -- shot …

The zip is installed as an extension, and its command line is run as in an artist's Blender.
"""

import importlib
import os
import sys
from pathlib import Path

PACKAGE = "bl_ext.user_default.headroom"


def main() -> int:
    """Install this zip, run the command, and return its exit code."""
    archive = Path(__file__).resolve().parent
    inside_blender = "bpy" in sys.modules
    if inside_blender:
        return run(archive, sys.argv[sys.argv.index("--") + 1:] if "--" in sys.argv else [])
    temporary = importlib.import_module("core.temporary")  # of this zip, which is not yet installed
    with temporary.temporary_folder() as folder:
        # bpy reads these when it is imported; what it leaves in its temporary folder is removed with ours.
        os.environ.update(temporary.for_children(folder), BLENDER_USER_RESOURCES=str(folder))
        return run(archive, sys.argv[1:])


def run(archive: Path, argv: list[str]) -> int:
    """Install `archive` into Blender's user repository and run its command line."""
    install(archive)
    return importlib.import_module(f"{PACKAGE}.cli").main(argv)


def install(archive: Path) -> None:
    """Install the extension; what Blender prints meanwhile goes to stderr, because stdout is for our JSON lines."""
    try:
        import bpy
    except ImportError:
        sys.exit("Blender is required. Install the bpy package into this Python, or run the zip inside Blender.")
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != archive]
    stdout = os.dup(1)
    sys.stdout.flush()
    os.dup2(2, 1)
    try:
        bpy.ops.extensions.package_install_files(
            repo="user_default", filepath=str(archive), enable_on_install=True, overwrite=True)
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)


if __name__ == "__main__":
    sys.exit(main())
