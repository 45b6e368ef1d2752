"""Which Blender is found, what it is given, and which system libraries it needs."""

import zipfile

import pytest

from headroom.cli import blender, system_libraries
from headroom.cli.system_libraries import missing_packages, package_named_in
from headroom.common.errors import HeadroomError


def test_a_blender_that_cannot_be_run_is_named(monkeypatch):
    monkeypatch.setenv("HEADROOM_BLENDER", "/nowhere/blender")
    with pytest.raises(HeadroomError, match="/nowhere/blender"):
        blender.find_blender()


def test_without_blender_the_message_says_how_to_get_one(monkeypatch):
    monkeypatch.delenv("HEADROOM_BLENDER", raising=False)
    monkeypatch.setattr(blender.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(HeadroomError, match="pip install"):
        blender.find_blender()


def test_the_extension_is_built_with_its_manifest(tmp_path):
    archive = blender.build_extension(tmp_path)
    with zipfile.ZipFile(archive) as files:
        assert {"blender_manifest.toml", "__init__.py", "__main__.py", "cli.py"} <= set(files.namelist())


def test_every_library_has_its_package(monkeypatch):
    assert package_named_in("ImportError: libEGL.so.1: cannot open shared object file") == "libegl1"
    assert package_named_in("all is well") is None
    monkeypatch.setattr(system_libraries.sys, "platform", "linux")
    monkeypatch.setattr(system_libraries, "_loads", lambda library: library != "libEGL.so.1")
    assert missing_packages() == ["libegl1"]
    monkeypatch.setattr(system_libraries.sys, "platform", "darwin")
    assert missing_packages() == []
