"""Fixtures of the add-on's tests: the installed extension, a tiny subject, and its head with a first take."""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from caching_backend import scenario  # noqa: F401  # a fixture
from curve_readers import perform
from served_panel import backend, files, panel  # noqa: F401  # fixtures
from stand_ins import tiny_performance, tiny_subject

if "bpy" not in sys.modules:  # bpy reads the variable when it is imported
    _resources = tempfile.TemporaryDirectory(prefix="headroom-tests-")
    os.environ["BLENDER_USER_RESOURCES"] = _resources.name
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


@pytest.fixture(scope="session")
def built_zip(tmp_path_factory) -> Path:
    """The zip of the extension, as it is released."""
    import build_addon

    return build_addon.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(built_zip) -> ModuleType:
    """The extension, installed from the zip and enabled, in a Blender with a temporary user folder."""
    bpy = pytest.importorskip("bpy")
    bpy.ops.extensions.package_install_files(
        repo="user_default", filepath=str(built_zip), enable_on_install=True, overwrite=True)
    yield importlib.import_module("bl_ext.user_default.headroom")
    bpy.ops.preferences.addon_disable(module="bl_ext.user_default.headroom")  # or a timer hangs bpy 4.5


@pytest.fixture
def headroom(installed) -> Any:
    """Access to the extension's modules by short name, with an empty Blender file."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    if not hasattr(bpy.types.Scene, "headroom"):
        bpy.ops.preferences.addon_enable(module=installed.__name__)

    def module(name: str) -> ModuleType:
        return importlib.import_module(f"{installed.__name__}.{name}")

    return SimpleNamespace(bpy=bpy, module=module, scene=bpy.context.scene)


@pytest.fixture
def command_line(headroom, capfd) -> Any:
    """Run the command line; returns exit code, lines of stdout as JSON, and lines of stderr."""

    def run(*arguments):
        code = headroom.module("cli").main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, [json.loads(line) for line in out.splitlines() if line.startswith("{")], err.splitlines()

    return run


@pytest.fixture
def run(headroom, backend, monkeypatch, command_line) -> Any:  # noqa: F811
    """Run the command line with the fake backend."""
    monkeypatch.setattr(headroom.module("core.connection").Connection, "client", lambda self, address: backend)
    return command_line


@pytest.fixture
def subject(tmp_path) -> Path:
    """A small synthetic subject folder."""
    return tiny_subject(tmp_path / "Zoë's subject")


@pytest.fixture
def shot(headroom, subject) -> Any:
    """The tiny subject's head in the scene."""
    return headroom.module("scene.build.shot").open_subject(headroom.scene, subject)


@pytest.fixture
def performance(headroom, tmp_path) -> Any:
    """Two seconds of smooth motion at 25 Hz."""
    return headroom.module("core.performance").Performance.load(tiny_performance(tmp_path / "p.npz", seconds=2.0))


@pytest.fixture
def other(performance) -> Any:
    """Another prediction of the same speech."""
    return replace(performance, rotation=-performance.rotation, expression=performance.expression[::-1].copy())


@pytest.fixture
def performed(headroom, shot, performance) -> Any:
    """The head with that performance as its first take."""
    perform(headroom, shot, performance, seed=0)
    return shot


@pytest.fixture
def new_head(headroom, tmp_path) -> Any:
    """A head with controls and without a take."""
    return headroom.module("scene.build.shot").open_subject(
        headroom.scene, tiny_subject(tmp_path / "head", controls=True))


@pytest.fixture
def import_file(headroom) -> Any:
    """Press *Import Performance* with a file."""

    def press(path, **options):
        assert headroom.bpy.ops.headroom.import_performance(filepath=str(path), **options) == {"FINISHED"}

    return press
