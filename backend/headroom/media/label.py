"""A visible label in a corner of movies and pictures, such as "AI-generated"."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from headroom.common.errors import InputError

TEXT_SHARE = 0.04  # size of the text, of the frame's shorter side
MARGIN_SHARE = 0.03  # distance from the edges, of the same
LEAST_TEXT = 8  # px; the letters of the font can be told apart
WIDEST_SHARE = 0.9  # of the frame's width
DARKNESS = 0.65  # alpha of the black box under the white text: 7 to 1 in contrast over white, 21 to 1 over black


class Label:
    """A text, drawn once for frames of one size."""

    def __init__(self, text: str, width: int, height: int):
        """Draw the text for frames of width x height pixels.

        Raises InputError when a character is missing in the font, or when the text cannot be read at this size.
        """
        self.text = text
        path = _font_file()
        _require_characters(text, path)
        side = min(width, height)
        size = max(round(TEXT_SHARE * side), LEAST_TEXT)
        while size > LEAST_TEXT and _box_size(text, path, size)[0] > WIDEST_SHARE * width:
            size -= 1
        box = _box_size(text, path, size)
        self.margin = min(round(MARGIN_SHARE * side), (width - box[0]) // 2, (height - box[1]) // 2)
        if self.margin < 0:
            raise InputError(f"The label {text!r} cannot be read in a picture of {width} x {height} pixels. Use a "
                             "shorter one, or none.")
        drawn = Image.new("L", box, 0)
        padding = _padding(size)
        ImageDraw.Draw(drawn).text((padding, padding), text, 255, ImageFont.truetype(path, size), anchor="la")
        self._ink = np.asarray(drawn, np.float32)[..., None] / 255

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the box, pixels."""
        return self._ink.shape[1], self._ink.shape[0]

    def draw(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a frame (H, W, 3) uint8 with the label: white letters in a dark box."""
        width, height = self.size
        area = np.s_[self.margin:self.margin + height, self.margin:self.margin + width]
        out = frame.copy()
        dark = out[area].astype(np.float32) * (1 - DARKNESS)
        out[area] = (dark + self._ink * (255 - dark) + 0.5).astype(np.uint8)
        return out


def open_label(text: str, width: int, height: int) -> Label | None:
    """Return the label of frames of width x height pixels; None for an empty text."""
    return Label(text.strip(), width, height) if text.strip() else None


def _box_size(text: str, path: Path, size: int) -> tuple[int, int]:
    """Return width and height of the box around the text, pixels."""
    font = ImageFont.truetype(path, size)
    ascent, descent = font.getmetrics()
    return int(np.ceil(font.getlength(text))) + 2 * _padding(size), ascent + descent + 2 * _padding(size)


def _padding(size: int) -> int:
    return max(size // 4, 1)


def _font_file() -> Path:
    """Return the bold DejaVu Sans of matplotlib, which has the Latin, Greek and Cyrillic letters and more."""
    import matplotlib

    return Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf")


def _require_characters(text: str, path: Path) -> None:
    """Raise InputError for the first character that the font lacks."""
    from matplotlib.ft2font import FT2Font

    glyphs = FT2Font(str(path)).get_charmap()
    missing = next((character for character in text if ord(character) not in glyphs), None)
    if missing is not None:
        raise InputError(f"The label cannot be drawn, because its font lacks {missing!r}. Use Latin, Greek or Cyrillic "
                         "letters.")
