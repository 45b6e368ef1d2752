"""The backend declares every library that it imports, and no two distributions install the same one."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BACKEND = ROOT / "backend" / "headroom"
OPTIONAL = {"bpy", "pxr", "tensorboard"}
"""Installed by extras; code that imports them says what to install where they are missing."""


def imported_packages() -> set[str]:
    """Return the top-level names of other projects that the backend imports."""
    names = set()
    for path in BACKEND.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").split(".")[0])
    return names - set(sys.stdlib_module_names) - {"headroom", "tomli"} - OPTIONAL


def declared() -> set[str]:
    """Return the names of the distributions that pyproject.toml requires, in lower case."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[(.*?)^\]", text, re.S | re.M).group(1)
    return {name.lower() for name in re.findall(r'^\s+"([A-Za-z0-9_.-]+)', block, re.M)}


def test_every_imported_library_is_declared():
    providers = packages_distributions()
    undeclared = {name: providers.get(name) for name in imported_packages()
                  if not {each.lower().replace("_", "-") for each in providers.get(name, ())} & declared()}
    assert undeclared == {}


def test_exactly_one_opencv_is_installed():
    assert set(packages_distributions()["cv2"]) == {"opencv-contrib-python"}
