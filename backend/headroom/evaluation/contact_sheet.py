"""A contact sheet of a checked clip: frames with their times, framed by whether a person can be learned from them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.evaluation.clip_check import ClipCheck
from headroom.evaluation.clip_frames import RATE, ClipFrames
from headroom.media.image import write_picture

COLUMNS, ROWS = 4, 3
TILE_WIDTH, MARGIN, CAPTION = 320, 8, 26  # pixels
USABLE, UNUSABLE, PAPER, INK = (70, 150, 80), (200, 60, 50), (245, 245, 245), (40, 40, 40)


def contact_sheet(frames: ClipFrames, from_seconds: float) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) of frames evenly from the clip, green where they are usable and red where not.

    from_seconds: time in the clip of the first frame.
    """
    height, width = frames.pictures[0].shape[:2]
    size = TILE_WIDTH, max(1, round(TILE_WIDTH * height / width))
    chosen = np.unique(np.linspace(0, len(frames.pictures) - 1, COLUMNS * ROWS).round().astype(int))
    rows = -(-len(chosen) // COLUMNS)
    cell = TILE_WIDTH + MARGIN, size[1] + CAPTION + MARGIN
    sheet = np.full((rows * cell[1] + MARGIN, COLUMNS * cell[0] + MARGIN, 3), PAPER, np.uint8)
    for number, frame in enumerate(chosen):
        x, y = MARGIN + number % COLUMNS * cell[0], MARGIN + number // COLUMNS * cell[1]
        sheet[y:y + size[1] + CAPTION, x:x + TILE_WIDTH] = _tile(frames, int(frame), size, from_seconds)
    return sheet


def numbered_sheet(check: ClipCheck) -> NDArray[np.uint8]:
    """Return the contact sheet (H, W, 3) of a check, below a picture of the people with their numbers if several."""
    sheet = contact_sheet(check.frames, check.figures.seconds[0])
    if len(check.people.persons) < 2:
        return sheet
    people = check.people.picture()
    right = sheet.shape[1] - people.shape[1] - MARGIN
    framed = cv2.copyMakeBorder(people, MARGIN, 0, MARGIN, right, cv2.BORDER_CONSTANT, value=PAPER)
    return np.concatenate([np.asarray(framed, np.uint8), sheet])


def write_check_picture(path: Path, check: ClipCheck) -> None:
    """Write what a check shows: of several people a picture with their numbers, otherwise the sheet."""
    several = len(check.people.persons) > 1
    write_picture(path, check.people.picture() if several else numbered_sheet(check))


def _tile(frames: ClipFrames, frame: int, size: tuple[int, int], from_seconds: float) -> NDArray[np.uint8]:
    """Return one frame with a border, its time, and why it is not usable."""
    colour = USABLE if frames.usable[frame] else UNUSABLE
    picture = np.asarray(cv2.resize(frames.pictures[frame], size, interpolation=cv2.INTER_AREA), np.uint8)
    cv2.rectangle(picture, (0, 0), (size[0] - 1, size[1] - 1), colour, 4)
    tile = np.full((size[1] + CAPTION, size[0], 3), PAPER, np.uint8)
    tile[:size[1]] = picture
    caption = f"{from_seconds + frame / RATE:.1f} s  {_state(frames, frame)}"
    cv2.putText(tile, caption, (2, size[1] + 19), cv2.FONT_HERSHEY_SIMPLEX, 0.55, INK, 1, cv2.LINE_AA)
    return tile


def _state(frames: ClipFrames, frame: int) -> str:
    """Return the reason why a frame is not usable, in two words."""
    if not frames.landmarks.found[frame]:
        return "no face"
    if frames.blurred[frame]:
        return "blurred"
    return "" if frames.usable[frame] else "turned or cut off"
