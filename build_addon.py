"""Build the Blender extension: `python build_addon.py dist` writes dist/headroom-VERSION.zip.

Standard library only. The same source gives the same bytes. The zip is executable (addon/__main__.py). It contains the
backend's wheel, built by pip, so that the extension can set up its backend without a package index of our own.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
EPOCH = (1980, 1, 1, 0, 0, 0)
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{name} for Blender</title>
<h1>{name} {version}</h1>
<p>{tagline}.</p>
<p><a href="{archive}?repository=./index.json&amp;blender_version_min={blender_version_min}">Drag this link into Blender
{blender_version_min} or newer</a> to install {name} and receive updates, or add the address of
<a href="index.json">index.json</a> in Preferences, Get Extensions, Repositories.</p>
</html>
"""
SUFFIXES = {".py", ".toml", ".blend", ".png", ".md", ".po", ".pot"}


def build(target_dir: Path, source: Path | None = None, backend: Path | None = None) -> Path:
    """Write headroom-VERSION.zip from the add-on's folder into `target_dir` and return its path.

    backend: the wheel to include; without one the zip works only where the backend is already installed.
    """
    source = source or HERE / "addon"
    manifest = read_manifest(source)
    check_version(manifest["version"])
    target_dir.mkdir(parents=True, exist_ok=True)
    target = target_dir / f"{manifest['id']}-{manifest['version']}.zip"
    with tempfile.NamedTemporaryFile(dir=target_dir, prefix=".", suffix=".zip", delete=False) as file:
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
                for name, data in sorted(contents(source, backend).items()):
                    info = zipfile.ZipInfo(name, EPOCH)
                    info.compress_type = zipfile.ZIP_DEFLATED
                    info.external_attr = 0o644 << 16
                    archive.writestr(info, data)
            file.close()
            os.chmod(file.name, 0o644)
            os.replace(file.name, target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return target


def contents(source: Path, backend: Path | None = None) -> dict[str, bytes]:
    """Return name -> bytes of the files in the zip; the licence and the shot template are beside `source`."""
    files = {path.relative_to(source).as_posix(): path.read_bytes() for path in source.rglob("*")
             if path.is_file() and path.suffix in SUFFIXES and "__pycache__" not in path.parts}
    for extra, name in ((source.parent / "LICENSE", "LICENSE"),
                        (source.parent / "blend_templates" / "headroom_shot.blend", "templates/headroom_shot.blend")):
        if extra.is_file():
            files[name] = extra.read_bytes()
    if backend is not None:
        files[f"backend/{backend.name}"] = backend.read_bytes()
    return files


@contextmanager
def backend_wheel() -> Iterator[Path]:
    """Yield the path of a wheel of the package `headroom`, which exists during the block."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(HERE)],
                       check=True)
        yield next(Path(folder).glob("*.whl"))


def read_manifest(source: Path) -> dict[str, Any]:
    """Return the content of the extension's manifest."""
    return tomllib.loads((source / "blender_manifest.toml").read_text(encoding="utf-8"))


def check_version(version: str) -> None:
    """Exit with an error when the backend has another version, because both are released together."""
    backend = HERE / "backend" / "headroom" / "__init__.py"
    if not backend.is_file():
        return
    match = re.search(r'__version__ = "([^"]+)"', backend.read_text(encoding="utf-8"))
    if match and match[1] != version:
        raise SystemExit(f"The version is {version} in blender_manifest.toml and {match[1]} in "
                         "backend/headroom/__init__.py.")


def write_repository(folder: Path, archive: Path) -> Path:
    """Write a static extension repository and return the path of its index.

    The repository has the zip, the index.json that Blender reads, and a web page. Blender offers an update when the
    version in the index is newer than the installed one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / archive.name
    if archive.resolve() != target.resolve():
        shutil.copyfile(archive, target)
    data = target.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        manifest = tomllib.loads(opened.read("blender_manifest.toml").decode())
    entry = {key: value for key, value in manifest.items() if key != "build"}
    entry.update(archive_url=f"./{archive.name}", archive_size=len(data),
                 archive_hash=f"sha256:{hashlib.sha256(data).hexdigest()}")
    index = folder / "index.json"
    index.write_text(json.dumps({"version": "v1", "blocklist": [], "data": [entry]}, indent=2) + "\n", encoding="utf-8")
    (folder / "index.html").write_text(PAGE.format(archive=archive.name, **entry), encoding="utf-8")
    return index


def validate(archive: Path) -> int:
    """Run Blender's strict validator on a zip and return its exit code."""
    return subprocess.run([sys.executable, str(find_validator()), "validate", str(archive)], check=False).returncode


def find_validator() -> Path:
    """Return the path of `blender_ext.py` in the installed bpy package."""
    for folder in sys.path:
        for path in glob.glob(os.path.join(folder, "bpy", "*", "scripts", "addons_core", "bl_pkg", "cli",
                                           "blender_ext.py")):
            return Path(path)
    raise SystemExit("Cannot find Blender's validator. Install the bpy package into this Python.")


def main() -> int:
    """Build the zip as the arguments say and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", type=Path, default=HERE / "dist", help="folder for the zip")
    parser.add_argument("--repository", type=Path, metavar="DIR", help="also write a static extension repository")
    parser.add_argument("--without-backend", action="store_true", help="leave the backend's wheel out")
    parser.add_argument("--validate", action="store_true", help="run Blender's own validator")
    args = parser.parse_args()
    with nullcontext() if args.without_backend else backend_wheel() as wheel:
        archive = build(args.target, backend=wheel)
    print(archive)
    if args.repository:
        print(write_repository(args.repository, archive))
    return validate(archive) if args.validate else 0


if __name__ == "__main__":
    sys.exit(main())
