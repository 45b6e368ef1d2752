"""Pictures of the face outside Blender: the same camera, light and colours as the Eevee material, in milliseconds."""

from __future__ import annotations

import sys
from functools import lru_cache

import cv2
import numpy as np

from headroom.common.errors import HeadroomError
from headroom.face.camera import Camera, Crop
from headroom.face.light import BASIS_CONSTANTS, MIN_SHADING
from headroom.face.model import FaceModel

_SAMPLES = 2
"""Pixels are averaged from this many squared."""

_FACE_VERTEX = """
#version 330
uniform vec4 window;   // 2 f / size, (W - 2 x) / size - 1, (H - 2 y) / size - 1, unused
in vec3 point; in vec3 normal; in vec2 uv;
out vec3 n; out vec2 t;
void main() {
    n = normal; t = vec2(uv.x, 1.0 - uv.y);
    float depth = -point.z;
    // rows are read from the top, so y runs down like the picture's
    gl_Position = vec4(window.x * point.x + window.y * depth, -window.x * point.y + window.z * depth,
                       depth - 20.0, depth);
}"""

_FACE_FRAGMENT = """
#version 330
uniform sampler2D albedo; uniform vec3 light[9]; uniform float darkest;
in vec3 n; in vec2 t;
out vec4 colour;
void main() {
    vec3 m = normalize(n);
    float b[9] = float[9](1.0, m.y, m.z, m.x, m.x * m.y, m.y * m.z, 3.0 * m.z * m.z - 1.0, m.x * m.z,
                          m.x * m.x - m.y * m.y);
    vec3 shading = vec3(0.0);
    for (int i = 0; i < 9; i++) shading += b[i] * light[i];
    colour = vec4(clamp(texture(albedo, t).rgb * max(shading, vec3(darkest)), 0.0, 1.0), 1.0);
}"""

_WHICH_VERTEX = """
#version 330
uniform float window;   // 2 f / size
in vec3 point;
void main() { gl_Position = vec4(window * point.x, -window * point.y, -point.z - 20.0, -point.z); }"""

_WHICH_FRAGMENT = """
#version 330
out float which;
void main() { which = float(gl_PrimitiveID); }"""

@lru_cache(maxsize=1)
def context():
    """The one OpenGL context for everything that is drawn."""
    import moderngl

    try:
        if sys.platform.startswith("linux"):
            return moderngl.create_context(standalone=True, backend="egl")
        return moderngl.create_context(standalone=True)
    except Exception as error:
        raise HeadroomError(
            "OpenGL 3.3 could not be started for drawing the face. On Linux install libegl1 and libgl1-mesa-dri."
        ) from error


class Rasterizer:
    """Draws one face model's surface; create it once per clip.

    One camera and crop for all pictures, which are `resolution` squared.
    """

    def __init__(self, model: FaceModel, camera: Camera, crop: Crop, resolution: int = 256):
        self.model, self.resolution = model, resolution
        self._gl = gl = context()
        with gl:
            side = resolution * _SAMPLES
            self._program = gl.program(vertex_shader=_FACE_VERTEX, fragment_shader=_FACE_FRAGMENT)
            self._program["darkest"] = MIN_SHADING
            self._program["window"] = (
                2 * camera.focal_px / crop.size,
                (camera.width - 2 * crop.x) / crop.size - 1,
                (camera.height - 2 * crop.y) / crop.size - 1,
                0,
            )
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
            self._albedo = None

    def set_look(self, albedo: np.ndarray, light: np.ndarray) -> None:
        """albedo: (S, S, 3) uint8 texture, row 0 on top; light: γ (9, 3)."""
        with self._gl:
            if self._albedo is not None:
                self._albedo.release()
            height, width = albedo.shape[:2]
            self._albedo = self._gl.texture((width, height), 3, np.ascontiguousarray(albedo).tobytes(), alignment=1)
            scaled = np.asarray(light, np.float32) * np.array(BASIS_CONSTANTS, np.float32)[:, None]
            self._program["light"].write(np.ascontiguousarray(scaled).tobytes())

    def render(self, vertices: np.ndarray) -> np.ndarray:
        """RGBA (R, R, 4) uint8, straight alpha, of vertices (V, 3) in camera axes."""
        if self._albedo is None:
            raise ValueError("set_look must be called before render")
        with self._gl as gl:
            self._vertices.write(np.ascontiguousarray(vertices, np.float32).tobytes())
            self._normals.write(np.ascontiguousarray(self.model.normals(vertices), np.float32).tobytes())
            self._target.use()
            self._target.clear(0, 0, 0, 0)
            gl.enable(gl.DEPTH_TEST | gl.CULL_FACE)
            # the flipped y of the vertex shader turns the winding around
            gl.front_face = "cw"
            self._albedo.use()
            self._mesh.render()
            side = self.resolution * _SAMPLES
            picture = np.frombuffer(self._target.read(components=4), np.uint8).reshape(side, side, 4)
        return _straight(cv2.resize(picture, (self.resolution, self.resolution), interpolation=cv2.INTER_AREA))


class TriangleMap:
    """Which of one face model's triangles each pixel of a window shows; its camera looks at the window's middle.

    focal: in sides of the window, which is `resolution` pixels squared.
    """

    def __init__(self, model: FaceModel, focal: float, resolution: int):
        self.resolution = resolution
        self._gl = gl = context()
        with gl:
            program = gl.program(vertex_shader=_WHICH_VERTEX, fragment_shader=_WHICH_FRAGMENT)
            program["window"] = 2 * focal
            self._vertices = gl.buffer(reserve=model.mean.size * 4)
            index = gl.buffer(np.ascontiguousarray(model.faces, np.int32).tobytes())
            self._mesh = gl.vertex_array(program, [(self._vertices, "3f", "point")], index)
            size = (resolution, resolution)
            self._target = gl.framebuffer([gl.texture(size, 1, dtype="f4")], gl.depth_renderbuffer(size))

    def draw(self, vertices: np.ndarray) -> np.ndarray:
        """(R, R) int64, row 0 on top, of vertices (V, 3) in camera axes; -1 where there is none."""
        with self._gl as gl:
            self._vertices.write(np.ascontiguousarray(vertices, np.float32).tobytes())
            self._target.use()
            self._target.clear(-1.0, 0, 0, 0)
            gl.enable(gl.DEPTH_TEST | gl.CULL_FACE)
            gl.front_face = "cw"  # as in `Rasterizer.render`
            self._mesh.render()
            shown = np.frombuffer(self._target.read(components=1, dtype="f4"), np.float32)
        return shown.reshape(self.resolution, self.resolution).astype(np.int64)


def _straight(premultiplied: np.ndarray) -> np.ndarray:
    """Straight alpha from averaged samples over black."""
    alpha = premultiplied[..., 3:].astype(np.float32)
    edge = (alpha > 0) & (alpha < 255)
    colour = premultiplied[..., :3].astype(np.float32) * np.where(edge, 255 / np.maximum(alpha, 1), 1)
    return np.concatenate([np.clip(np.rint(colour), 0, 255).astype(np.uint8), premultiplied[..., 3:]], -1)
