"""The process's one OpenGL context."""

from __future__ import annotations

import sys
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from headroom.common.errors import HeadroomError

if TYPE_CHECKING:
    import moderngl


class OpenGL:
    """An OpenGL context without a window, and the shader programs compiled in it.

    `shared_opengl` makes the only instance. Buffers, textures and programs belong to it, so everything that draws does
    so inside `with shared_opengl() as gl:`, which makes the context current. Threads take turns, because a context is
    current in one thread only.
    """

    def __init__(self) -> None:
        self._context = _create_context()
        self._turn = threading.RLock()
        self._programs: dict[tuple[str, str], moderngl.Program] = {}

    def __enter__(self) -> Any:
        self._turn.acquire()
        try:
            return self._context.__enter__()
        except BaseException:
            self._turn.release()
            raise

    def __exit__(self, *exception: object) -> None:
        try:
            self._context.__exit__(*exception)
        finally:
            self._turn.release()

    def program(self, vertex_shader: str, fragment_shader: str) -> moderngl.Program:
        """Return a program without uniforms, compiled at its first use; the caller has made the context current."""
        shaders = vertex_shader, fragment_shader
        if shaders not in self._programs:
            self._programs[shaders] = self._context.program(
                vertex_shader=vertex_shader, fragment_shader=fragment_shader)
        return self._programs[shaders]


@lru_cache(maxsize=1)
def shared_opengl() -> OpenGL:
    """Return the process's OpenGL context, which is created at the first call and lives until the process ends.

    Raises HeadroomError when OpenGL does not start.
    """
    return OpenGL()


def _create_context() -> moderngl.Context:
    import moderngl

    try:
        if sys.platform.startswith("linux"):
            return moderngl.create_context(standalone=True, backend="egl")  # type: ignore[arg-type]  # the stub has no keywords
        return moderngl.create_context(standalone=True)
    except Exception as error:
        raise HeadroomError(
            "Cannot start OpenGL 3.3 to render the face. On Linux, install libegl1 and libgl1-mesa-dri."
        ) from error
