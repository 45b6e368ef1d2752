"""The sub-packages of `headroom.motion` build on each other in one order."""

import ast
from pathlib import Path

import pytest

import headroom.motion

PACKAGE = Path(headroom.motion.__file__).parent
ORDER = (("audio",), ("style",), ("model",), ("predict", "retarget", "controls"), ("train",))
"""A module may import from its own group and those before."""


def group(name):
    return next(index for index, names in enumerate(ORDER) if name in names)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_import_only_from_their_own_group_and_those_before(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headroom.motion."):
            assert group(node.module.split(".")[2]) <= group(own), f"{path.name} imports {node.module}"
