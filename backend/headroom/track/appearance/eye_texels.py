"""The eyeballs' texels: their visibility between the lids, and colours for those that no frame shows."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from headroom.face.camera import Camera
from headroom.face.eyeballs import TEXTURE_CENTRES, TEXTURE_RADIUS
from headroom.face.model import FaceModel
from headroom.face.topology import lid_loop

_MASK_SIDE, _OPENING_WIDTH = 160, 128
"""Side of the mask of an eye's opening, and width of the opening in it, pixels."""
_RIM, _MIN_RIM_PX, _FALLOFF = 0.03, 1.0, 0.09
"""Texels closer to the lids than this are in lashes and shadow: widths of the opening, and pixels of the picture. Over
the falloff, in widths of the opening, the visibility rises to 1.
"""
_RINGS, _MAX_POLAR = 40, 0.6
"""Number of rings about the pole whose mean colours are computed; beyond this polar angle a texel does not count,
because the corner of the eye may show there.
"""
_RING_WEIGHT = 1.0
"""Weight of a ring's mean colour against a texel's own, in frontal views."""


class EyeTexels:
    """The eyeballs among a texture's N covered texels.

    eye: (N,) 0 right, 1 left, -1 for texels that are not eyeball.
    polar: (N,) angle from the middle of the iris, 1 at the equator.
    """

    def __init__(self, model: FaceModel, to_texels: Callable[[np.ndarray], np.ndarray]):
        """Find the eyeballs' texels.

        to_texels: interpolates vertex values (V, C) to texel values (N, C).
        """
        uv = to_texels(model.uv)
        self.eye, self.polar = np.full(len(uv), -1), np.zeros(len(uv))
        on_eyeball = to_texels(model.eyes[:, None])[:, 0] > 0.99
        for eye, centre in enumerate(TEXTURE_CENTRES):
            polar = np.linalg.norm(uv - centre, axis=1) / TEXTURE_RADIUS
            inside = on_eyeball & (polar < 1.01)
            self.eye[inside], self.polar[inside] = eye, polar[inside]
        self.any = bool((self.eye >= 0).any())
        if self.any:
            self.lids = [[model.vertex_of(landmark) for landmark in lid_loop(right)] for right in (True, False)]

    def visibility(self, camera: Camera, vertices: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return (N,) 1 for eyeball texels between the lids, 0 for those behind them, 1 for all other texels.

        vertices: (V, 3) the face. points: (N, 3) positions of the texels. Both are in camera axes.
        """
        result = np.ones(len(points), np.float32)
        for eye in range(2 if self.any else 0):
            texels = np.flatnonzero(self.eye == eye)
            lids = camera.project(vertices[self.lids[eye]])
            width = max(float(np.ptp(lids[:, 0])), 1.0)
            middle, scale = lids.mean(0), _OPENING_WIDTH / width
            mask = np.zeros((_MASK_SIDE, _MASK_SIDE), np.uint8)
            cv2.fillPoly(mask, [np.rint((lids - middle) * scale + _MASK_SIDE / 2).astype(np.int32)], (1,))
            inside = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_5) / _OPENING_WIDTH
            u, v = ((camera.project(points[texels]) - middle) * scale + _MASK_SIDE / 2).astype(np.float32).T
            depth = cv2.remap(inside, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)[:, 0]
            result[texels] = np.clip((depth - max(_RIM, _MIN_RIM_PX / width)) / _FALLOFF, 0, 1)
        return result

    def fill_unseen(self, colours: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """Return texel colours (N, 3) in which eyeball texels that few frames show get the mean colour of their ring.

        Irises and whites look alike all around the pole.

        seen: (N,) frontal views of each texel.
        """
        eyeballs = np.flatnonzero(self.eye >= 0)
        polar, own = self.polar[eyeballs], colours[eyeballs]
        own_weight = seen[eyeballs] * np.clip(10 * (_MAX_POLAR - polar) + 0.5, 0, 1)
        ring = np.minimum(polar * _RINGS, _RINGS).astype(int)
        ring_weight = np.bincount(ring, own_weight)
        known = np.flatnonzero(ring_weight > _RING_WEIGHT)
        if not len(known):
            return colours
        means = [np.bincount(ring, own_weight * channel)[known] / ring_weight[known] for channel in own.T]
        ring_colours = np.stack([np.interp(polar, (known + 0.5) / _RINGS, mean) for mean in means], 1)
        result, weight = colours.copy(), (own_weight / (own_weight + _RING_WEIGHT))[:, None]
        result[eyeballs] = weight * own + (1 - weight) * ring_colours
        return result
