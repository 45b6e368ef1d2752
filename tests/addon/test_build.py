"""The zip: deterministic, accepted by Blender, and executable."""

import json
import os
import re
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

import build_addon


def test_the_zip_is_deterministic(built_zip, tmp_path):
    assert build_addon.build(tmp_path).read_bytes() == built_zip.read_bytes()


def test_the_zip_passes_blenders_strict_validator(built_zip):
    pytest.importorskip("bpy")
    assert build_addon.validate(built_zip) == 0


def test_the_zip_holds_the_manifest_and_no_leftovers(built_zip):
    names = zipfile.ZipFile(built_zip).namelist()
    assert {"blender_manifest.toml", "__init__.py", "__main__.py", "cli.py", "translations/headroom.pot"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_zip_contains_the_given_wheel(tmp_path):
    wheel = tmp_path / "headroom-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    archive = build_addon.build(tmp_path / "dist", backend=wheel)
    assert zipfile.ZipFile(archive).read(f"backend/{wheel.name}") == b"a wheel"


@pytest.fixture
def repository(built_zip, tmp_path):
    """A static repository behind a loopback server; gives (folder, address of its index)."""
    folder = tmp_path / "repository"
    build_addon.write_repository(folder, built_zip)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *args: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/index.json"
        server.shutdown()


def extension_command(*arguments):
    """Run Blender's own program for extension repositories; it prints lines of JSON."""
    done = subprocess.run([sys.executable, str(build_addon.find_validator()), *map(str, arguments)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_blender_installs_from_the_repository_and_finds_an_update_there(repository, built_zip, tmp_path):
    pytest.importorskip("bpy")
    folder, address = repository
    there = ("--local-dir", tmp_path / "installed", "--remote-url", address, "--online-user-agent", "test",
             "--access-token", "")
    (tmp_path / "installed").mkdir()
    extension_command("sync", *there)
    extension_command("install", "headroom", *there, "--local-cache", "0")
    installed = tmp_path / "installed" / "headroom"
    assert build_addon.read_manifest(installed) == build_addon.read_manifest(build_addon.HERE / "addon")

    page = (folder / "index.html").read_text(encoding="utf-8")
    assert f'href="{built_zip.name}?repository=./index.json' in page  # the form in which Blender accepts a dragged link

    newer = as_version(built_zip, tmp_path / "newer.zip", "9.0.0")
    build_addon.write_repository(folder, newer)
    extension_command("sync", *there)
    known = json.loads((tmp_path / "installed" / ".blender_ext" / "index.json").read_text(encoding="utf-8"))
    (entry,) = known["data"]
    assert entry["version"] == "9.0.0" and (folder / entry["archive_url"]).stat().st_size == entry["archive_size"]


def as_version(archive, target, version):
    """Write a copy of the zip with another version in its manifest."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "blender_manifest.toml":
                data = re.sub(rb'\nversion = "[^"]+"', f'\nversion = "{version}"'.encode(), data)
            new.writestr(name, data)
    return target


def test_different_versions_of_extension_and_backend_are_refused():
    with pytest.raises(SystemExit, match=r"9\.9\.9"):
        build_addon.check_version("9.9.9")


def run_zip(built_zip, *arguments, **environment):
    return subprocess.run([sys.executable, str(built_zip), *map(str, arguments)], capture_output=True, text=True,
                          timeout=300, env={**os.environ, **environment})


def test_the_zip_runs_and_refuses_bad_input_with_exit_code_2(built_zip, tmp_path):
    pytest.importorskip("bpy")
    (tmp_path / "speech.wav").write_bytes(b"x")
    done = run_zip(built_zip, "shot", "--subject", tmp_path, "--speech", tmp_path / "speech.wav",
                   "--output", tmp_path / "out" / "shot.mp4")
    assert done.returncode == 2, done.stderr
    assert "is not a subject folder" in done.stderr.splitlines()[-1]
    assert done.stdout == ""
    assert not list(tmp_path.rglob("*.mp4"))
