"""Maps of a face's surface: values given per vertex, drawn as a picture of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headroom.face.camera import Camera, Crop
from headroom.face.model import FaceModel
from headroom.face.opengl import shared_opengl

_GROUP = 4
"""Channels of one colour attachment."""


class SurfaceMap:
    """Draws C values per vertex of a face model, with one camera and crop. It holds buffers in OpenGL."""

    def __init__(self, model: FaceModel, camera: Camera, crop: Crop, resolution: int, channels: int):
        """Prepare the buffers.

        resolution: R, side of the maps, pixels.
        channels: C, at most 31.
        """
        self.resolution, self.channels = resolution, channels
        groups = channels // _GROUP + 1  # room for at least one more channel, the coverage
        self._groups = groups
        self._gl = shared_opengl()
        with self._gl as gl:
            program = gl.program(_vertex_shader(groups), _fragment_shader(groups))
            program["crop"] = (
                2 * camera.focal_px / crop.size,
                (camera.width - 2 * crop.x) / crop.size - 1,
                (camera.height - 2 * crop.y) / crop.size - 1,
            )
            self._vertices = gl.buffer(reserve=model.mean.size * 4)
            self._values = gl.buffer(reserve=len(model.mean) * groups * _GROUP * 4)
            index = gl.buffer(np.ascontiguousarray(model.faces, np.int32).tobytes())
            names = [f"v{group}" for group in range(groups)]
            self._mesh = gl.vertex_array(
                program,
                [(self._vertices, "3f", "point"), (self._values, " ".join(["4f"] * groups), *names)],
                index,
            )
            size = (resolution, resolution)
            targets = [gl.texture(size, _GROUP, dtype="f4") for _ in range(groups)]
            self._target = gl.framebuffer(targets, gl.depth_renderbuffer(size))

    def draw(self, vertices: NDArray[np.floating], values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return maps (R, R, C + 1), row 0 on top: the values, and 1 where the face is drawn.

        Pixels without the face are 0 in every channel. Values are interpolated over each triangle; there is no
        antialiasing, so every pixel shows one point of the surface.

        vertices: (V, 3), camera axes, millimetres.
        values: (V, C).
        """
        packed = np.zeros((len(vertices), self._groups * _GROUP), np.float32)
        packed[:, : self.channels] = values
        packed[:, self.channels] = 1
        with self._gl as gl:
            self._vertices.write(np.ascontiguousarray(vertices, np.float32).tobytes())
            self._values.write(packed.tobytes())
            self._target.use()
            self._target.clear(0, 0, 0, 0)
            gl.enable(gl.DEPTH_TEST | gl.CULL_FACE)
            gl.front_face = "cw"  # because the vertex shader flips y, which reverses the winding
            self._mesh.render()
            planes = [np.frombuffer(self._target.read(components=_GROUP, attachment=group, dtype="f4"), np.float32)
                      for group in range(self._groups)]
        side = self.resolution
        maps = np.concatenate([plane.reshape(side, side, _GROUP) for plane in planes], axis=-1)
        return np.ascontiguousarray(maps[..., : self.channels + 1])


def _vertex_shader(groups: int) -> str:
    """Return a shader that projects vertices into the crop and passes on their values."""
    inputs = " ".join(f"in vec4 v{group}; out vec4 w{group};" for group in range(groups))
    copies = " ".join(f"w{group} = v{group};" for group in range(groups))
    return f"""
#version 330
uniform vec3 crop;   // 2 f / size, (W - 2 x) / size - 1, (H - 2 y) / size - 1
in vec3 point; {inputs}
void main() {{
    {copies}
    float depth = -point.z;
    gl_Position = vec4(crop.x * point.x + crop.y * depth, -crop.x * point.y + crop.z * depth, depth - 20.0, depth);
}}"""


def _fragment_shader(groups: int) -> str:
    """Return a shader that writes each group of values to its own attachment."""
    inputs = " ".join(f"in vec4 w{group};" for group in range(groups))
    outputs = " ".join(f"layout(location = {group}) out vec4 o{group};" for group in range(groups))
    copies = " ".join(f"o{group} = w{group};" for group in range(groups))
    return f"#version 330\n{inputs} {outputs}\nvoid main() {{ {copies} }}"
