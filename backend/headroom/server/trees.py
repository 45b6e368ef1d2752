"""Folders that travel as {"relative/path": sha256}, and the names we accept from a client."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from headroom.common.errors import InputError
from headroom.server.blobs import Blobs

Tree = dict[str, str]

_ODD_CHARACTER = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')  # none of these can be in a file name on every system
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # Windows opens a device instead
LONGEST_NAME = 255  # bytes in one part, the limit of common file systems
LONGEST_PATH = 1024  # characters


def check_tree(tree: Tree) -> Tree:
    """`tree` itself, if each of its paths stays inside the folder it is put in and can be written on any system."""
    for path in tree:
        _check_path(path)
    folders = {parent.as_posix() for path in tree for parent in PurePosixPath(path).parents}
    for path in sorted(folders & set(tree)):
        raise InputError(f"The folder has both a file and a folder called {path!r}. Rename one of them.")
    return tree


def write_tree(tree: Tree, blobs: Blobs, folder: Path) -> Path:
    """Put copies of the tree's files into the new folder `folder`."""
    check_tree(tree)
    folder.mkdir(parents=True)
    for path, sha in tree.items():
        blobs.copy(sha, folder.joinpath(*path.split("/")))
    return folder


def read_tree(folder: Path, blobs: Blobs) -> Tree:
    """Keep every file in `folder` as a blob; links are not followed, hidden leftovers of atomic writes are skipped."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    names = [path.relative_to(folder) for path in files]
    visible = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    return {name.as_posix(): blobs.add(folder / name) for name in visible}


def plain_name(name: str, otherwise: str) -> str:
    """The last part of a file name that a client gives, made harmless; our own files are named by it."""
    last = re.split(r"[/\\]", name)[-1]
    last = _ODD_CHARACTER.sub("_", last).strip(" .")[-100:]
    return otherwise if not last or _DEVICE.fullmatch(last) else last


def _check_path(path: str) -> None:
    parts = path.split("/")
    if len(path) > LONGEST_PATH or not all(_is_plain(part) for part in parts):
        raise InputError(f"A folder may not contain a file called {path!r}. Rename it.")


def _is_plain(part: str) -> bool:
    return (
        part.strip(" .") != ""
        and part == part.rstrip(" .")
        and len(part.encode("utf-8", "surrogatepass")) <= LONGEST_NAME
        and not _ODD_CHARACTER.search(part)
        and not _DEVICE.fullmatch(part)
    )
