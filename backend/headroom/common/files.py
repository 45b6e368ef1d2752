"""Writing files and folders so that a reader finds the old version or the new one, never half of one.

Also digests of files, lists of folders, and removing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from headroom.common.errors import HeadroomError, InputError
from headroom.common.failures import write_failure
from headroom.common.temporary import LOCK, NEW, REPLACED, folder_in

CHUNK_BYTES = 1 << 20


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield the same name in a temporary folder beside `path`; it is renamed to `path` when the block succeeds.

    Raises InputError when the system does not let the file be written.
    """
    with _replacing(Path(path)) as temporary:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # some libraries create files that only their owner may read


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody but its owner may read, at no moment; a reader finds the old content or the new one.

    Raises InputError when the system does not let the file be written.
    """
    with _replacing(path) as temporary:
        with open(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    require_writable(path.parent)
    with explain_write_errors(path), folder_in(path.parent) as folder:
        temporary = folder / NEW / path.name
        yield temporary
        os.replace(temporary, path)


@lru_cache(maxsize=1)
def _umask() -> int:
    """Return the process's mask of file permissions, which can only be read by setting it."""
    mask = os.umask(0o22)
    os.umask(mask)
    return mask


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it replaces the whole folder `path` when the block succeeds.

    The old folder stays when anything fails. Raises InputError when the system does not let the folder be written.
    """
    path = Path(path)
    require_writable(path.parent)
    with explain_write_errors(path), folder_in(path.parent) as folder:
        temporary = folder / NEW / path.name
        temporary.mkdir()
        yield temporary
        _replace_folder(path, temporary, folder / REPLACED / path.name)


@contextmanager
def atomic_files(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """Yield a temporary folder; its files replace the files `names` of `folder`, all or none, when the block succeeds.

    Files of these names that the block did not write are removed from `folder`. Everything else in it stays. The first
    name leaves first and arrives last, so a reader that requires it never opens a mixture of old and new files.

    names: names of files that the temporary folder may hold.

    Raises InputError when the system does not let the files be written.
    """
    folder = Path(folder)
    if not folder.is_dir():
        with atomic_folder(folder) as temporary:
            yield temporary
        return
    require_writable(folder)
    # The temporary folder lies inside, because the folder itself may be the root of another file system.
    with explain_write_errors(folder), folder_in(folder) as temporary:
        yield temporary / NEW
        _replace_files(folder, temporary / NEW, temporary / REPLACED, names)


@contextmanager
def explain_write_errors(path: Path) -> Iterator[None]:
    """Turn errors of writing `path` in the block into an InputError that says what to do."""
    try:
        yield
    except Exception as error:
        reason = write_failure(error, path)
        if reason is None:
            raise
        raise InputError(f"Cannot write {_known(path)}: {reason}. Free some disk space or choose another folder."
                         ) from error


def _known(path: Path) -> Path:
    """Return the path that the user knows of one that is written in folders of `folder_in`."""
    for folder in path.parents:
        if folder.name == NEW and (folder.parent / LOCK).is_file():
            return _known(folder.parent.parent / path.relative_to(folder))
    return path


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def listed_folders(file: Path) -> list[Path]:
    """Return the folders that a text file names, one a line; none where there is no file."""
    return list(map(Path, file.read_text(encoding="utf-8").splitlines())) if file.is_file() else []


def require_writable(folder: Path) -> None:
    """Create `folder`; raise InputError when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{uuid.uuid4().hex[:8]}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"Cannot write in {folder}: {error.strerror}. Choose another folder.") from error


def remove_all(paths: Iterable[Path]) -> int:
    """Remove files and folders; return their number. Raises HeadroomError for one that stays."""
    count = 0
    for path in paths:
        try:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        except OSError as error:
            raise HeadroomError(f"Cannot remove {error.filename or path}: {error.strerror}. Close what uses it or "
                                "change its permissions, and run the command again.") from error
        count += 1
    return count


def _replace_folder(path: Path, new: Path, old: Path) -> None:
    """Rename the folder `path` to `old` and `new` to `path`; rename `old` back when this fails."""
    if not path.exists():
        os.replace(new, path)
        return
    os.replace(path, old)
    try:
        os.replace(new, path)
    except BaseException as error:
        _undo([(path, old)], path, old, error)
        raise


def _replace_files(folder: Path, new: Path, old: Path, names: Sequence[str]) -> None:
    """Move the files `names` of `folder` to `old` and those of `new` to `folder`; undo everything when this fails."""
    moves: list[tuple[Path, Path]] = []  # from, to; those that were done
    try:
        for name in names:
            if (folder / name).is_file():
                os.replace(folder / name, old / name)
                moves.append((folder / name, old / name))
        for name in reversed(names):
            if (new / name).is_file():
                os.replace(new / name, folder / name)
                moves.append((new / name, folder / name))
    except BaseException as error:
        _undo(moves, folder, old, error)
        raise


def _undo(moves: Sequence[tuple[Path, Path]], path: Path, old: Path, cause: BaseException) -> None:
    """Take moves (from, to) back; where that fails too, name the place of the old files, because it is hidden."""
    try:
        for source, target in reversed(moves):
            os.replace(target, source)
    except OSError:
        raise InputError(f"Cannot write {path}: {cause}. The previous files are now in {old}; "
                         "move them back.") from cause
