"""Imports point the way docs/architecture.md says."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ADDON, BACKEND = ROOT / "addon", ROOT / "backend" / "headroom"

# What each part may import of its own side. Parts not named here stand above them all.
ADDON_MAY = {"core": {"core"}, "scene": {"core", "scene"}, "ui": {"core", "scene", "ui"}}
SCENE_MAY = {"build": {"build"}, "anim": {"anim", "build"}, "output": {"output", "anim", "build"}}
STEPS = {"track", "motion", "plate", "refine"}
BACKEND_MAY = {
    "common": {"common"},
    "media": {"media", "common"},
    "face": {"face", "media", "common"},
    **{step: {step, "face", "media", "common"} for step in STEPS},
    "subject": {"subject", *STEPS, "face", "media", "common"},
    "pipeline": {"subject", *STEPS, "face", "media", "common"},
    "training": {"training", "subject", *STEPS, "face", "media", "common"},
    "evaluation": {"evaluation", "pipeline", "subject", *STEPS, "face", "media", "common"},
    "server": {"server", "evaluation", "pipeline", "plate", "face", "common"},
}
MOST_ENTRIES = 14
HEAVY = {"torch", "mediapipe", "cv2", "numpy", "scipy", "av", "moderngl", "fastapi", "uvicorn"}


def modules(folder):
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def imported(path, root, name):
    """The full dotted names that the module at `path` imports, relative ones resolved in the package `name`."""
    package = [name, *path.relative_to(root).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module.split(".") if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def part_of(path, root):
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else path.stem


def own_part(name, package, folder):
    """The part of `package` that a dotted name lies in, "" for the package's own names, None for another package."""
    parts = name.split(".")
    if parts[0] != package:
        return None
    there = len(parts) > 1 and ((folder / parts[1]).is_dir() or (folder / f"{parts[1]}.py").is_file())
    return parts[1] if there else ""


@pytest.mark.parametrize("path", modules(ADDON), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_add_on_points_from_ui_to_scene_to_core(path):
    part = part_of(path, ADDON)
    allowed = ADDON_MAY.get(part)
    for name in imported(path, ADDON, "addon"):
        top = name.split(".")[0]
        assert top != "headroom", f"{path} imports the backend"
        if part == "core":
            assert top not in {"bpy", "mathutils", "gpu", "bmesh", "aud"}, f"{path} must work without Blender"
        target = own_part(name, "addon", ADDON)
        if allowed is not None and target:
            assert target in allowed, f"{path} imports {name}"


@pytest.mark.parametrize("path", modules(ADDON / "scene"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_scene_points_from_output_to_anim_to_build(path):
    allowed = SCENE_MAY.get(part_of(path, ADDON / "scene"), set())
    for name in imported(path, ADDON, "addon"):
        if name.startswith("addon.scene."):
            target = name.split(".")[2]
            assert target in {"compat", *allowed}, f"{path} imports {name}"


@pytest.mark.parametrize("path", modules(BACKEND), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_backend_points_from_server_to_pipeline_to_parts_to_face_and_media(path):
    part = part_of(path, BACKEND)
    allowed = BACKEND_MAY.get(part)
    for name in imported(path, BACKEND, "headroom"):
        assert name.split(".")[0] not in {"bpy", "mathutils", "addon"}, f"{path} imports {name}"
        target = own_part(name, "headroom", BACKEND)
        if allowed is not None and target:
            assert target in allowed, f"{path} imports {name}"


def test_the_command_line_answers_without_loading_the_heavy_packages():
    common = [BACKEND / "common" / f"{name}.py" for name in ("choices", "device", "errors", "progress")]
    for module in (BACKEND / "__main__.py", *modules(BACKEND / "cli"), *common):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        for node in tree.body:  # the top level only; commands import what they need
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                assert not {name.split(".")[0] for name in names} & HEAVY, f"{module} imports {names}"


def test_the_package_shows_the_method_at_a_glance():
    entries = [path.name for path in BACKEND.iterdir() if not path.name.startswith(("__", "_"))]
    assert len(entries) <= MOST_ENTRIES, entries


def dependencies(folder, name):
    """module -> the modules of the same package that it imports when it is loaded, by dotted name."""
    def dotted(path):
        parts = path.relative_to(folder).with_suffix("").parts
        return ".".join([name, *(parts[:-1] if parts[-1] == "__init__" else parts)])

    known = {dotted(path) for path in modules(folder)}
    graph = {}
    for path in modules(folder):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tree.body = [node for node in tree.body if not is_for_type_checkers(node)]
        found = imports_when_loaded(tree, path, folder, name)
        modules_of = (target if target in known else target.rpartition(".")[0] for target in found)
        graph[dotted(path)] = {module for module in modules_of if module in known} - {dotted(path)}
    return graph


def is_for_type_checkers(node):
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def imports_when_loaded(tree, path, folder, name):
    """Dotted names that a module imports outside of functions."""
    package = [name, *path.relative_to(folder).parts[:-1]]
    pending = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module.split(".") if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            pending.extend(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt))


def circle_in(graph):
    """Return a circle of the graph as a list of its nodes, or an empty list."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize(("folder", "name"), [(ADDON, "addon"), (BACKEND, "headroom")], ids=["addon", "backend"])
def test_no_modules_import_each_other_in_a_circle(folder, name):
    assert circle_in(dependencies(folder, name)) == []


@pytest.mark.parametrize(("folder", "name"), [(ADDON, "addon"), (BACKEND, "headroom")], ids=["addon", "backend"])
def test_no_packages_import_each_other_in_a_circle(folder, name):
    """Packages of one level under the same parent do not depend on each other both ways."""
    circles = []
    for parent in {name, *(f"{name}.{path.name}" for path in folder.iterdir() if (path / "__init__.py").is_file())}:
        graph = {}
        depth = parent.count(".") + 2
        for module, targets in dependencies(folder, name).items():
            ends = [".".join(each.split(".")[:depth]) for each in (module, *targets) if each.startswith(parent + ".")]
            if module.startswith(parent + "."):
                graph.setdefault(ends[0], set()).update(set(ends[1:]) - {ends[0]})
        circles.append(circle_in(graph))
    assert not any(circles), circles


def test_files_of_tests_have_names_of_their_own():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names)), "pytest cannot import two files of one name"
