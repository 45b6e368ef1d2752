"""Filling what no frame shows with patches of what is seen around it, so that lines go on straight.

Criminisi, Pérez, Toyama: Region Filling and Object Removal by Exemplar-Based Image Inpainting (2004). The patch on the
border of the hole whose surroundings are known best, and into which the strongest line runs, is filled first, with the
most similar known patch nearby. Diffusion, which `cv2.inpaint` offers, lets lines end or bend at the hole's border.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

RADIUS = 4  # of a patch of 9 x 9 pixels
SEARCH = 60  # pixels to each side in which a similar patch is searched
PATCHES_AT_ONCE = 6  # filled before the priorities are computed again; they do not touch
FLAT_PRIORITY = 1e-3  # of a border that no line meets

Floats = NDArray[np.float32]


def fill_from_patches(picture: NDArray[np.uint8], unknown: NDArray[np.bool_], depth: float) -> NDArray[np.bool_]:
    """Fill what is `unknown` (h, w) of a picture (h, w, 3), in place, up to `depth` pixels from what is known.

    Return what is still unknown: what lies deeper, and everything where the picture shows no whole patch.
    """
    side = 2 * RADIUS + 1
    known = ~unknown
    sources = cv2.erode(known.astype(np.uint8), np.ones((side, side), np.uint8), borderValue=(0,)) > 0
    if min(unknown.shape) < side or not sources.any():
        return unknown
    todo = unknown & (cv2.distanceTransform(unknown.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) <= depth)
    deeper = unknown & ~todo
    hole = _Hole(picture, cv2.cvtColor(picture, cv2.COLOR_RGB2Lab).astype(np.float32), known, todo, sources,
                 known.astype(np.float32))
    while hole.todo.any() and hole.fill_some():
        pass
    return deeper | hole.todo


@dataclass(frozen=True)
class _Hole:
    """A hole while it is filled; the arrays (h, w) change.

    lab: (h, w, 3) the picture as CIELAB, in which patches are compared.
    known: seen or filled. todo: to be filled. sources: centres of patches that were seen as a whole.
    confidence: 1 where a pixel was seen, less the more of its surroundings had been filled when it was.
    """

    picture: NDArray[np.uint8]
    lab: Floats
    known: NDArray[np.bool_]
    todo: NDArray[np.bool_]
    sources: NDArray[np.bool_]
    confidence: Floats

    def fill_some(self) -> bool:
        """Fill the patches that come first; return whether there was one with a source."""
        rows, columns, confidence, priority = self._border()
        filled: list[tuple[int, int]] = []
        for index in np.argsort(-priority, kind="stable"):
            centre = int(rows[index]), int(columns[index])
            if all(max(abs(centre[0] - y), abs(centre[1] - x)) > 4 * RADIUS for y, x in filled):
                if self._fill(centre, float(confidence[index])):
                    filled.append(centre)
                if len(filled) == PATCHES_AT_ONCE:
                    break
        return bool(filled)

    def _border(self) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats]:
        """Return rows, columns, confidences and priorities (n,) of the pixels on the hole's border (equations 1, 2)."""
        touching = cv2.dilate(self.known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        rows, columns = np.nonzero(self.todo & touching)
        size = (2 * RADIUS + 1,) * 2
        mean = np.asarray(cv2.blur(self.confidence, size, borderType=cv2.BORDER_CONSTANT), np.float32)
        confidence = mean[rows, columns]
        smooth = np.asarray(cv2.GaussianBlur(self.lab[..., 0], (0, 0), 0.8), np.float32)
        inside = cv2.erode(self.known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        gradient = np.where(inside[..., None], _gradient(smooth), 0)
        softened = np.asarray(cv2.GaussianBlur(self.known.astype(np.float32), (0, 0), 2), np.float32)
        normal = _gradient(softened)[rows, columns]
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
        strength = np.pad(np.linalg.norm(gradient, axis=-1), RADIUS)
        patches = np.lib.stride_tricks.sliding_window_view(strength, size)[rows, columns].reshape(len(rows), -1)
        dy, dx = np.unravel_index(patches.argmax(1), size) if len(rows) else (rows, rows)
        height, width = self.todo.shape
        strongest = gradient[np.clip(rows + dy - RADIUS, 0, height - 1), np.clip(columns + dx - RADIUS, 0, width - 1)]
        line = np.stack([-strongest[:, 1], strongest[:, 0]], axis=-1)  # at a right angle to the gradient
        into = np.abs((line * normal).sum(-1))
        return rows, columns, confidence, confidence * (into / 255 + FLAT_PRIORITY)

    def _fill(self, centre: tuple[int, int], confidence: float) -> bool:
        """Copy into the patch at a pixel what is missing from the most similar one; return whether there is any."""
        y, x = (min(max(at, RADIUS), end - 1 - RADIUS) for at, end in zip(centre, self.todo.shape))
        top, left = max(y - SEARCH, RADIUS), max(x - SEARCH, RADIUS)
        bottom, right = (min(at + SEARCH, end - 1 - RADIUS) + 1 for at, end in zip((y, x), self.todo.shape))
        target = _patch(y, x)
        nearby = self.lab[top - RADIUS : bottom + RADIUS, left - RADIUS : right + RADIUS]
        compared = np.repeat(self.known[target].astype(np.float32)[..., None], 3, axis=2)
        difference = cv2.matchTemplate(nearby, self.lab[target], cv2.TM_SQDIFF, mask=compared)
        difference[~self.sources[top:bottom, left:right]] = np.inf
        row, column = np.unravel_index(difference.argmin(), difference.shape)
        if not np.isfinite(difference[row, column]):
            return False
        source, missing = _patch(top + int(row), left + int(column)), self.todo[target].copy()
        for plane in (self.lab, self.picture):
            plane[target][missing] = plane[source][missing]
        self.confidence[target][missing] = confidence
        self.known[target][missing], self.todo[target][missing] = True, False
        return True


def _patch(row: int, column: int) -> tuple[slice, slice]:
    """Return the patch around a pixel."""
    return slice(row - RADIUS, row + RADIUS + 1), slice(column - RADIUS, column + RADIUS + 1)


def _gradient(plane: Floats) -> Floats:
    """Return the derivatives (h, w, 2) of a plane (h, w) by x and by y."""
    return np.dstack([cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1)]) / 8
