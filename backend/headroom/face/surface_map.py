"""Maps of a face's surface: values given per vertex, drawn as pictures of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headroom.face.camera import Camera, Crop
from headroom.face.model import FaceModel
from headroom.face.opengl import shared_opengl
from headroom.face.raster import PROJECTION, crop_uniform

CHANNELS = 4
"""Values per vertex of one map: as many as a colour attachment holds."""


class SurfaceMap:
    """Draws several maps of a face model at once, with one camera and crop. It holds buffers in OpenGL."""

    def __init__(self, model: FaceModel, camera: Camera, crop: Crop, resolution: int, count: int):
        """Prepare the buffers.

        resolution: R, side of the maps, pixels.
        count: number of maps, at most 8.
        """
        self.resolution, self.count = resolution, count
        self._gl = shared_opengl()
        with self._gl as gl:
            program = gl.program(_vertex_shader(count), _fragment_shader(count))
            program["crop"] = crop_uniform(camera, crop)
            self._vertices = gl.buffer(reserve=model.mean.size * 4)
            self._values = [gl.buffer(reserve=len(model.mean) * CHANNELS * 4) for _ in range(count)]
            index = gl.buffer(np.ascontiguousarray(model.faces, np.int32).tobytes())
            inputs = [(buffer, f"{CHANNELS}f", f"v{number}") for number, buffer in enumerate(self._values)]
            self._mesh = gl.vertex_array(program, [(self._vertices, "3f", "point"), *inputs], index)
            size = (resolution, resolution)
            targets = [gl.texture(size, CHANNELS, dtype="f4") for _ in range(count)]
            self._target = gl.framebuffer(targets, gl.depth_renderbuffer(size))

    def draw(
        self, vertices: NDArray[np.floating], values: Sequence[NDArray[np.floating]]
    ) -> list[NDArray[np.float32]]:
        """Return the maps (R, R, 4), row 0 on top, of values (V, 4) each.

        Pixels without the face are 0 in every channel. Values are interpolated over each triangle; there is no
        antialiasing, so every pixel shows one point of the surface.

        vertices: (V, 3), camera axes, millimetres.
        """
        side = self.resolution
        maps = [np.empty((side, side, CHANNELS), np.float32) for _ in values]
        with self._gl as gl:
            self._vertices.write(np.ascontiguousarray(vertices, np.float32))
            for buffer, each in zip(self._values, values, strict=True):
                buffer.write(np.ascontiguousarray(each, np.float32))
            self._target.use()
            self._target.clear(0, 0, 0, 0)
            gl.enable(gl.DEPTH_TEST | gl.CULL_FACE)
            gl.front_face = "cw"  # because the vertex shader flips y, which reverses the winding
            self._mesh.render()
            for number, drawn in enumerate(maps):
                self._target.read_into(drawn, components=CHANNELS, attachment=number, dtype="f4")
        return maps


def _vertex_shader(count: int) -> str:
    """Return a shader that projects vertices into the crop and passes on their values."""
    inputs = " ".join(f"in vec4 v{number}; out vec4 w{number};" for number in range(count))
    copies = " ".join(f"w{number} = v{number};" for number in range(count))
    return f"#version 330\n{PROJECTION}\n{inputs}\nvoid main() {{ {copies} gl_Position = projected(); }}"


def _fragment_shader(count: int) -> str:
    """Return a shader that writes the values of each map to an attachment of its own."""
    inputs = " ".join(f"in vec4 w{number};" for number in range(count))
    outputs = " ".join(f"layout(location = {number}) out vec4 o{number};" for number in range(count))
    copies = " ".join(f"o{number} = w{number};" for number in range(count))
    return f"#version 330\n{inputs} {outputs}\nvoid main() {{ {copies} }}"
