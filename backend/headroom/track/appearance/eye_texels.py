"""The eyeballs in a picture: what of them shows between the lids, and the colours of what no picture shows."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from headroom.face.camera import Camera
from headroom.face.eyeballs import TEXTURE_CENTRES, TEXTURE_RADIUS
from headroom.face.model import FaceModel
from headroom.face.topology import lid_loop

_SIDE, _ACROSS = 160, 128
"""Pixels of the patch that an eye's opening is drawn into, and of these those across the opening."""
_RIM, _RIM_PX, _SOFT = 0.03, 1.0, 0.09
"""Nearer to the lids than this, in widths of the opening and at least so many pixels, an eyeball is in lashes and
shadow; and the way from there to where it is trusted wholly.
"""
_CIRCLES, _OUTERMOST = 40, 0.6
"""Circles about the pole, whose colours are kept, and how far from it, from where the corner of the eye is not taken
for the eyeball.
"""
_FEW_FRAMES = 1.0
"""Squarely seen frames that a circle's colour counts for beside a texel's own."""


class EyeTexels:
    """The texels (N) of a texture that are eyeball: eye (N,) -1 for skin, 0 right, 1 left; polar (N,) how far from the
    iris's middle, 1 at the equator.
    """

    def __init__(self, model: FaceModel, weights: Callable[[np.ndarray], np.ndarray]):
        """weights: vertex values (V, C) to texel values (N, C)."""
        uv = weights(model.uv)
        self.eye, self.polar = np.full(len(uv), -1), np.zeros(len(uv))
        on_ball = weights(model.eyes[:, None])[:, 0] > 0.99
        for eye, centre in enumerate(TEXTURE_CENTRES):
            away = np.linalg.norm(uv - centre, axis=1) / TEXTURE_RADIUS
            mine = on_ball & (away < 1.01)
            self.eye[mine], self.polar[mine] = eye, away[mine]
        self.any = bool((self.eye >= 0).any())
        if self.any:
            self.lids = [[model.vertex_of(landmark) for landmark in lid_loop(right)] for right in (True, False)]

    def shown(self, camera: Camera, vertices: np.ndarray, points: np.ndarray) -> np.ndarray:
        """(N,) 1 where texels at points (N, 3) show between the lids, 0 where these hide them; 1 for skin. vertices
        (V, 3) of the face; all in camera axes.
        """
        result = np.ones(len(points), np.float32)
        for eye in range(2 if self.any else 0):
            mine = np.flatnonzero(self.eye == eye)
            lids = camera.project(vertices[self.lids[eye]])
            width = max(float(np.ptp(lids[:, 0])), 1.0)
            middle, scale = lids.mean(0), _ACROSS / width
            patch = np.zeros((_SIDE, _SIDE), np.uint8)
            cv2.fillPoly(patch, [np.rint((lids - middle) * scale + _SIDE / 2).astype(np.int32)], (1,))
            inside = cv2.distanceTransform(patch, cv2.DIST_L2, cv2.DIST_MASK_5) / _ACROSS
            u, v = ((camera.project(points[mine]) - middle) * scale + _SIDE / 2).astype(np.float32).T
            depth = cv2.remap(inside, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)[:, 0]
            result[mine] = np.clip((depth - max(_RIM, _RIM_PX / width)) / _SOFT, 0, 1)
        return result

    def completed(self, colours: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Colours (N, 3) in which what hardly any frame shows (N,) of the eyeballs has the colour of its circle about
        the pole, as irises and whites have much the same all around.
        """
        balls = np.flatnonzero(self.eye >= 0)
        polar, own = self.polar[balls], colours[balls]
        believed = seen[balls] * np.clip(10 * (_OUTERMOST - polar) + 0.5, 0, 1)
        circle = np.minimum(polar * _CIRCLES, _CIRCLES).astype(int)
        weight = np.bincount(circle, believed)
        known = np.flatnonzero(weight > _FEW_FRAMES)
        if not len(known):
            return colours
        means = [np.bincount(circle, believed * channel)[known] / weight[known] for channel in own.T]
        around = np.stack([np.interp(polar, (known + 0.5) / _CIRCLES, mean) for mean in means], 1)
        result, share = colours.copy(), (believed / (believed + _FEW_FRAMES))[:, None]
        result[balls] = share * own + (1 - share) * around
        return result
