"""The zip: the same bytes for the same source, accepted by Blender, and executable."""

import json
import os
import subprocess
import sys
import zipfile

import pytest

import build_addon


def test_the_zip_is_deterministic(built_zip, tmp_path):
    assert build_addon.build(tmp_path).read_bytes() == built_zip.read_bytes()


def test_the_zip_passes_blenders_strict_validator(built_zip):
    pytest.importorskip("bpy")
    assert build_addon.validate(built_zip) == 0


def test_the_zip_holds_the_manifest_and_no_leftovers(built_zip):
    names = zipfile.ZipFile(built_zip).namelist()
    assert {"blender_manifest.toml", "__init__.py", "__main__.py", "cli.py"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_a_repository_index_describes_the_zip(tmp_path):
    index = json.loads(build_addon.write_repository(tmp_path).read_text(encoding="utf-8"))
    (entry,) = index["data"]
    archive = tmp_path / entry["archive_url"]
    assert archive.stat().st_size == entry["archive_size"] and entry["id"] == "headroom"


def test_versions_that_disagree_are_refused():
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


def test_the_shot_template_is_found_by_name(headroom):
    template = headroom.module("scene.templates").find("headroom_shot")
    headroom.bpy.ops.wm.open_mainfile(filepath=str(template))
    assert headroom.bpy.context.scene.view_settings.view_transform == "Standard"
    assert headroom.module("scene.templates").find("no such template") is None
