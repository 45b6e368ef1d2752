"""Texture space: vertex values drawn into it, and albedo textures."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import sparse

from headroom.face.model import FaceModel
from headroom.face.opengl import shared_opengl

_MAP_VERTEX = """
#version 330
in vec2 uv; in vec3 value; out vec3 v;
void main() { v = value; gl_Position = vec4(2.0 * uv.x - 1.0, 1.0 - 2.0 * uv.y, 0.0, 1.0); }"""

_MAP_FRAGMENT = """
#version 330
in vec3 v; out vec4 colour;
void main() { colour = vec4(v, 1.0); }"""

_DILATION_KERNELS = (3, 7, 15, 31, 63, 127)
"""Sides of the Gaussian kernels, texels, that fill the texture outwards from its covered part."""


def unwrap(model: FaceModel, values: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw vertex values (V, 3) into texture space.

    Returns (size, size, 3) float32, row 0 on top, and the mask (size, size) of covered texels.
    """
    return _draw_map(model.uv, values, model.faces, size)


def texel_weights(model: FaceModel, size: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return weights (N, V) of the vertices at each of the N covered texels, and their mask (size, size).

    The texels are in row order from the top. The product of the weights and vertex values unwraps the values.
    """
    corners = np.arange(model.faces.size).reshape(-1, 3)
    triangle = np.repeat(np.arange(len(model.faces)), 3)
    first, second = np.tile([1.0, 0, 0], len(corners)), np.tile([0, 1.0, 0], len(corners))
    drawn, covered = _draw_map(model.uv[model.faces.ravel()], np.stack([triangle, first, second], 1), corners, size)
    triangle, a, b = drawn[covered].T
    columns = model.faces[np.rint(triangle).astype(int)]
    rows = np.arange(0, columns.size + 1, 3)
    weights = np.stack([a, b, 1 - a - b], 1).ravel()
    return sparse.csr_matrix((weights, columns.ravel(), rows), (len(columns), len(model.mean))), covered


def albedo_texture(model: FaceModel, colours: np.ndarray, size: int) -> np.ndarray:
    """Return the texture (size, size, 3) uint8, row 0 on top, of vertex colours (V, 3) in display values."""
    return to_uint8(dilate_texture(*unwrap(model, colours, size)))


def sample_texture(picture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Return display values (N, 3) 0..1 of a texture (S, S, 3) uint8, row 0 on top, at texture coordinates (N, 2)."""
    u, v = ((uv * [1, -1] + [0, 1]) * len(picture) - 0.5).astype(np.float32).T
    return cv2.remap(picture, u, v, cv2.INTER_LINEAR)[:, 0].astype(np.float32) / 255


def dilate_texture(picture: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Extend the covered texels' colours over their boundary, so that texture filtering there reads no black."""
    known = covered.astype(np.float32)
    filled = picture * known[..., None]
    for size in _DILATION_KERNELS:
        colours = cv2.GaussianBlur(filled, (size, size), 0)
        weight = cv2.GaussianBlur(known, (size, size), 0)
        new = (known == 0) & (weight > 1e-3)
        filled[new] = colours[new] / weight[new][:, None]
        known[new] = 1
    return filled


def to_uint8(colours: np.ndarray) -> np.ndarray:
    """Return display values (...) 0..1 as uint8."""
    return np.rint(clamp_colours(colours, 1) * 255).astype(np.uint8)


def clamp_colours(colours: np.ndarray, maximum: float) -> np.ndarray:
    """Limit colours (..., 3) to 0..maximum; colours that are too bright are scaled, which keeps their hue."""
    colours = np.maximum(colours, 0)
    return colours / np.maximum(colours.max(-1, keepdims=True) / maximum, 1)


def _draw_map(uv: np.ndarray, values: np.ndarray, faces: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    opengl = shared_opengl()
    with opengl as gl:
        program = opengl.program(_MAP_VERTEX, _MAP_FRAGMENT)
        buffers = [gl.buffer(np.ascontiguousarray(a, np.float32).tobytes()) for a in (uv, values)]
        index = gl.buffer(np.ascontiguousarray(faces, np.int32).tobytes())
        mesh = gl.vertex_array(program, [(buffers[0], "2f", "uv"), (buffers[1], "3f", "value")], index)
        texture = gl.texture((size, size), 4, dtype="f4")
        target = gl.framebuffer([texture])
        target.use()
        target.clear(0, 0, 0, 0)
        gl.disable(gl.DEPTH_TEST | gl.CULL_FACE)
        mesh.render()
        drawn = np.frombuffer(target.read(components=4, dtype="f4"), np.float32).reshape(size, size, 4)
        for item in (target, texture, mesh, index, *buffers):
            item.release()
    return drawn[..., :3].copy(), drawn[..., 3] > 0.5
