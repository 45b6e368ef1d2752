"""Loops that numba compiles."""

import numba

from headroom.common import compiled as module


def add(a, b):
    return a + b


def test_a_compiled_function_gives_what_the_function_gives():
    assert module.compiled(add)(2, 3) == 5


def test_where_the_result_cannot_be_kept_it_is_compiled_for_this_process(monkeypatch):
    def njit(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**options)

    monkeypatch.setattr(module, "njit", njit)
    assert module.compiled(add)(2, 3) == 5
