"""The rasteriser: pictures of the face with the camera, light and colours of the Eevee material, without Blender."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from headroom.face.camera import Camera, Crop
from headroom.face.light import BASIS_CONSTANTS, MIN_SHADING
from headroom.face.model import FaceModel
from headroom.face.opengl import shared_opengl

if TYPE_CHECKING:
    import moderngl

_SAMPLES = 2
"""Samples along each side of a pixel, averaged (supersampling)."""

_FACE_VERTEX = """
#version 330
uniform vec3 crop;   // see _crop_uniform
in vec3 point; in vec3 normal; in vec2 uv;   // point: camera axes
out vec3 n; out vec2 t;
void main() {
    float depth = -point.z;
    n = normal; t = vec2(uv.x, 1.0 - uv.y);
    // rows are read from the top, so y runs down as in the picture
    gl_Position = vec4(crop.x * point.x + crop.y * depth, -crop.x * point.y + crop.z * depth, depth - 20.0, depth);
}"""

_FACE_FRAGMENT = """
#version 330
uniform sampler2D albedo; uniform vec3 light[9]; uniform float min_shading;
in vec3 n; in vec2 t;
out vec4 colour;
void main() {
    vec3 m = normalize(n);
    float b[9] = float[9](1.0, m.y, m.z, m.x, m.x * m.y, m.y * m.z, 3.0 * m.z * m.z - 1.0, m.x * m.z,
                          m.x * m.x - m.y * m.y);
    vec3 shading = vec3(0.0);
    for (int i = 0; i < 9; i++) shading += b[i] * light[i];
    colour = vec4(clamp(texture(albedo, t).rgb * max(shading, vec3(min_shading)), 0.0, 1.0), 1.0);
}"""

_TRIANGLE_VERTEX = """
#version 330
uniform float crop;   // 2 f / size
in vec3 point;
void main() { gl_Position = vec4(crop * point.x, -crop * point.y, -point.z - 20.0, -point.z); }"""

_TRIANGLE_FRAGMENT = """
#version 330
out float triangle;
void main() { triangle = float(gl_PrimitiveID); }"""


class Rasterizer:
    """Draws one face model with one camera and crop. Create it once per clip; it holds buffers in OpenGL."""

    def __init__(self, model: FaceModel, camera: Camera, crop: Crop, resolution: int = 256):
        """resolution: side of the pictures, pixels."""
        self.model, self.resolution = model, resolution
        self._gl = shared_opengl()
        with self._gl as gl:
            side = resolution * _SAMPLES
            self._program = gl.program(vertex_shader=_FACE_VERTEX, fragment_shader=_FACE_FRAGMENT)
            self._program["min_shading"] = MIN_SHADING
            self._program["crop"] = _crop_uniform(camera, crop)
            self._vertices = gl.buffer(reserve=model.mean.size * 4)
            self._normals = gl.buffer(reserve=model.mean.size * 4)
            uv = gl.buffer(np.ascontiguousarray(model.uv, np.float32).tobytes())
            index = gl.buffer(np.ascontiguousarray(model.faces, np.int32).tobytes())
            self._mesh = gl.vertex_array(
                self._program,
                [(self._vertices, "3f", "point"), (self._normals, "3f", "normal"), (uv, "2f", "uv")],
                index,
            )
            self._target = gl.framebuffer([gl.texture((side, side), 4)], gl.depth_renderbuffer((side, side)))
            self._albedo: moderngl.Texture | None = None

    def set_appearance(self, albedo: np.ndarray, light: np.ndarray) -> None:
        """Set texture and light of the following pictures.

        albedo: (S, S, 3) uint8 texture, row 0 on top.
        light: (9, 3) coefficients γ.
        """
        with self._gl as gl:
            if self._albedo is not None:
                self._albedo.release()
            height, width = albedo.shape[:2]
            self._albedo = gl.texture((width, height), 3, np.ascontiguousarray(albedo).tobytes(), alignment=1)
            scaled = np.asarray(light, np.float32) * np.array(BASIS_CONSTANTS, np.float32)[:, None]
            self._program["light"].write(np.ascontiguousarray(scaled).tobytes())

    def render(self, vertices: np.ndarray) -> np.ndarray:
        """Return the RGBA picture (R, R, 4) uint8, straight alpha, of vertices (V, 3) in camera axes."""
        if self._albedo is None:
            raise ValueError("set_appearance must be called before render")
        with self._gl as gl:
            self._vertices.write(np.ascontiguousarray(vertices, np.float32).tobytes())
            self._normals.write(np.ascontiguousarray(self.model.normals(vertices), np.float32).tobytes())
            self._target.use()
            self._target.clear(0, 0, 0, 0)
            gl.enable(gl.DEPTH_TEST | gl.CULL_FACE)
            gl.front_face = "cw"  # because the vertex shader flips y, which reverses the winding
            self._albedo.use()
            self._mesh.render()
            side = self.resolution * _SAMPLES
            picture = np.frombuffer(self._target.read(components=4), np.uint8).reshape(side, side, 4)
        return _straight_alpha(cv2.resize(picture, (self.resolution, self.resolution), interpolation=cv2.INTER_AREA))


class TriangleMap:
    """Draws which triangle of a face model each pixel shows, for a camera that looks at the picture's middle."""

    def __init__(self, model: FaceModel, focal: float, resolution: int):
        """Prepare the buffers.

        focal: focal length in sides of the picture.
        resolution: side of the picture, pixels.
        """
        self.resolution = resolution
        self._gl = shared_opengl()
        with self._gl as gl:
            program = gl.program(vertex_shader=_TRIANGLE_VERTEX, fragment_shader=_TRIANGLE_FRAGMENT)
            program["crop"] = 2 * focal
            self._vertices = gl.buffer(reserve=model.mean.size * 4)
            index = gl.buffer(np.ascontiguousarray(model.faces, np.int32).tobytes())
            self._mesh = gl.vertex_array(program, [(self._vertices, "3f", "point")], index)
            size = (resolution, resolution)
            self._target = gl.framebuffer([gl.texture(size, 1, dtype="f4")], gl.depth_renderbuffer(size))

    def draw(self, vertices: np.ndarray) -> np.ndarray:
        """Return triangle indices (R, R) int64, row 0 on top, for vertices (V, 3) in camera axes; -1 for none."""
        with self._gl as gl:
            self._vertices.write(np.ascontiguousarray(vertices, np.float32).tobytes())
            self._target.use()
            self._target.clear(-1.0, 0, 0, 0)
            gl.enable(gl.DEPTH_TEST | gl.CULL_FACE)
            gl.front_face = "cw"  # as in `Rasterizer.render`
            self._mesh.render()
            indices = np.frombuffer(self._target.read(components=1, dtype="f4"), np.float32)
        return indices.reshape(self.resolution, self.resolution).astype(np.int64)


def _straight_alpha(premultiplied: np.ndarray) -> np.ndarray:
    """Return RGBA (R, R, 4) uint8 with straight alpha for samples averaged over black."""
    alpha = premultiplied[..., 3:].astype(np.float32)
    edge = (alpha > 0) & (alpha < 255)
    colour = premultiplied[..., :3].astype(np.float32) * np.where(edge, 255 / np.maximum(alpha, 1), 1)
    return np.concatenate([np.clip(np.rint(colour), 0, 255).astype(np.uint8), premultiplied[..., 3:]], -1)


def _crop_uniform(camera: Camera, crop: Crop) -> tuple[float, float, float]:
    """Return 2 f / size, (W - 2 x) / size - 1 and (H - 2 y) / size - 1 of a crop (x, y, size) of a frame W x H."""
    return (2 * camera.focal_px / crop.size, (camera.width - 2 * crop.x) / crop.size - 1,
            (camera.height - 2 * crop.y) / crop.size - 1)
