"""What a movie was rendered with, as it is kept on its strip."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from .errors import InputError


@dataclass(frozen=True)
class RenderSettings:
    """Enough to render the same movie again; the file is the strip's own."""

    shot: str  # name of the shot's root
    frame_start: int  # scene frames
    frame_end: int
    plate_fit: float  # 0 keeps the poses, 1 takes the plates'

    def __str__(self) -> str:
        return f"Frames {self.frame_start} to {self.frame_end}, Plate Fit {self.plate_fit:g}"

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> "RenderSettings":
        try:
            values = json.loads(text)
            return RenderSettings(str(values["shot"]), int(values["frame_start"]), int(values["frame_end"]),
                                  float(values["plate_fit"]))
        except (ArithmeticError, ValueError, KeyError, TypeError) as error:
            raise InputError("The strip does not say how it was rendered. Render the shot again.") from error
