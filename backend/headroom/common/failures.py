"""What the system and libraries raise, as sentences for the user: the one translation, for commands and for jobs.

Libraries are recognised by the names of their classes and modules, so that nothing heavy is loaded to read an error.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headroom.common.errors import HeadroomError, InputError

_DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}
_MISSING = {errno.ENOENT, errno.ENOTDIR}
_CV2_NO_MEMORY = -4


@contextmanager
def explain_failures() -> Iterator[None]:
    """Turn what the system and libraries raise in the block into a sentence; mistakes in the program stay as they are.

    Raises HeadroomError from the original error.
    """
    try:
        yield
    except Exception as error:
        told = explained(error)
        if told is None:
            raise
        raise told from error


def explained(error: BaseException) -> HeadroomError | None:
    """Return the sentence for an error of the system or a library; None for a mistake in the program."""
    if isinstance(error, HeadroomError):
        return None
    if is_out_of_memory(error):
        return HeadroomError(
            "Memory ran out. Close other programs that use the GPU, or choose a shorter clip, and try again.")
    if isinstance(error, OSError):
        return _of_system(error)
    if _is_of("av", error):
        return InputError(f"A sound or video file cannot be read or written: {_first_line(error)}. Export it again, or "
                          "choose another file.")
    if isinstance(error, ValueError) and isinstance(error.__context__, OSError):
        return _of_system(error.__context__)  # zipfile raises it where closing fails after a failed write
    return None


def write_failure(error: BaseException | None, path: Path) -> str | None:
    """Return why the system refused to write in the folder of `path`; None when the error has another cause."""
    if isinstance(error, OSError):
        named = error.filename if isinstance(error.filename, str) else None
        if named is not None and path.absolute().parent not in Path(named).absolute().parents:
            return None  # the error is about another file, which was read
        return error.strerror or str(error)
    if isinstance(error, ValueError):  # numpy's savez raises it where closing the archive fails after a failed write
        return write_failure(error.__context__, path)
    if isinstance(error, RuntimeError) and "inline_container" in str(error):  # torch.save has no class of its own
        return "the file could not be written in full"
    if type(error).__name__ == "SafetensorError" and "I/O error: " in str(error):
        return str(error).rpartition("I/O error: ")[2]
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the memory of the machine or of a GPU is full."""
    text = str(error)
    return (isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
            or (isinstance(error, OSError) and error.errno == errno.ENOMEM)
            or (isinstance(error, RuntimeError) and (
                "MPS backend out of memory" in text or "DefaultCPUAllocator" in text))
            or (_is_of("cv2", error) and getattr(error, "code", 0) == _CV2_NO_MEMORY))


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error means that a file could not grow; numpy's tofile says so without a number."""
    return isinstance(error, OSError) and (error.errno in _DISK_FULL or str(error).endswith(" written"))


def _of_system(error: OSError) -> HeadroomError:
    """Return the sentence for what the system refused."""
    name, reason = error.filename, error.strerror or _first_line(error)
    if is_disk_full(error):
        return InputError(f"The disk is full ({name or 'a temporary file'}). Free some disk space and try again.")
    if name is None:
        return HeadroomError(f"The system refused a file or a connection: {reason}. Run `headroom doctor`.")
    if error.errno in _MISSING:
        return InputError(f"{name} does not exist; check its name.")
    return InputError(f"Cannot use {name}: {reason}. Check its permissions, or choose another file.")


def _is_of(package: str, error: BaseException) -> bool:
    """Return whether a library's own class of errors, or a base of the error's class, lies in `package`."""
    return any(kind.__module__.partition(".")[0] == package for kind in type(error).__mro__)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
