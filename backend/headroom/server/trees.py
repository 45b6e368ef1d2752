"""Folders that travel as {"relative/path": sha256}, and file names that clients give."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from headroom.common.errors import InputError
from headroom.server.blobs import Blobs

Tree = dict[str, str]

MAX_NAME_BYTES = 255  # of one part of a path, the limit of common file systems
MAX_PATH_CHARACTERS = 1024
MAX_PLAIN_NAME = 100  # characters
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')  # in file names on some system
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # Windows opens a device instead


def check_tree(tree: Tree) -> Tree:
    """Return `tree` itself.

    Raises InputError when a path leads out of its folder or cannot be written on some system.
    """
    for path in tree:
        _check_path(path)
    folders = {parent.as_posix() for path in tree for parent in PurePosixPath(path).parents}
    for path in sorted(folders & set(tree)):
        raise InputError(f"The folder has both a file and a folder called {path!r}. Rename one of them.")
    return tree


def write_tree(tree: Tree, blobs: Blobs, folder: Path) -> Path:
    """Copy the files of the tree into the new folder `folder` and return that."""
    check_tree(tree)
    folder.mkdir(parents=True)
    for path, sha in tree.items():
        blobs.copy(sha, folder.joinpath(*path.split("/")))
    return folder


def read_tree(folder: Path, blobs: Blobs) -> Tree:
    """Store every file in `folder` as a blob. Links are not followed, hidden temporary files are skipped."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    names = [path.relative_to(folder) for path in files]
    visible = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    return {name.as_posix(): blobs.add(folder / name) for name in visible}


def plain_name(name: str, otherwise: str) -> str:
    """Return the last part of a client's file name without forbidden characters, `otherwise` if nothing is left."""
    last = re.split(r"[/\\]", name)[-1]
    last = _FORBIDDEN.sub("_", last).strip(" .")[-MAX_PLAIN_NAME:]
    return otherwise if not last or _DEVICE.fullmatch(last) else last


def _check_path(path: str) -> None:
    parts = path.split("/")
    if len(path) > MAX_PATH_CHARACTERS or not all(_is_plain(part) for part in parts):
        raise InputError(f"A folder may not contain a file called {path!r}. Rename it.")


def _is_plain(part: str) -> bool:
    return (
        part.strip(" .") != ""
        and part == part.rstrip(" .")
        and len(part.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES
        and not _FORBIDDEN.search(part)
        and not _DEVICE.fullmatch(part)
    )
