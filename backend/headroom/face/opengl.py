"""One OpenGL context for each thread that draws."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from headroom.common.errors import HeadroomError

if TYPE_CHECKING:
    import moderngl


class OpenGL:
    """An OpenGL context without a window, and the shader programs compiled in it.

    `thread_opengl` makes the only instance of a thread. Buffers, textures and programs belong to it, so everything that
    draws does so inside `with thread_opengl().context as gl:`, which makes the context current.
    """

    def __init__(self) -> None:
        self.context = _create_context()
        self._programs: dict[tuple[str, str], moderngl.Program] = {}

    def program(self, vertex_shader: str, fragment_shader: str) -> moderngl.Program:
        """Return a program without uniforms, compiled at its first use; the caller has made the context current."""
        shaders = vertex_shader, fragment_shader
        if shaders not in self._programs:
            self._programs[shaders] = self.context.program(vertex_shader=vertex_shader, fragment_shader=fragment_shader)
        return self._programs[shaders]


_thread = threading.local()


def thread_opengl() -> OpenGL:
    """Return the calling thread's OpenGL context, which is created at the first call and lives as long as the thread.

    Raises HeadroomError when OpenGL does not start.
    """
    if not hasattr(_thread, "opengl"):
        _thread.opengl = OpenGL()
    opengl: OpenGL = _thread.opengl
    return opengl


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
