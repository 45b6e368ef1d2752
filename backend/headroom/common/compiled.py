"""Loops that numba compiles; importing this module loads numba, so import it where a loop is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

single: Any = np.float32
"""float32 in compiled code, whose arithmetic has types that only numba knows."""

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function at its first call; it lets other threads run.

    It may use only compiled functions and constants of its own file: the result does not notice changes elsewhere.
    It is kept beside the file or in the user's cache for the next process, or nowhere where neither can be written.
    """
    options: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        return cast(F, njit(cache=True, **options)(function))
    except RuntimeError:
        return cast(F, njit(**options)(function))
