"""The settings of a rendered movie, which its strip stores as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from .errors import InputError

FORMAT = 3
"""Texts without a format number have 1. Format 1 has no engine, formats 1 and 2 have one head alone."""
AUTO, EEVEE, FAST = ENGINES = ("auto", "eevee", "fast")
"""What draws the head: Eevee, the backend from the meshes alone, or Eevee where Blender has a graphics card."""


@dataclass(frozen=True)
class RenderSettings:
    """What is needed to render a movie again, except for its file, which the strip names."""

    shot: str  # name of the shot's root
    frame_start: int  # scene frames
    frame_end: int
    plate_fit: float  # 0 keeps the poses, 1 takes the plates'
    engine: str  # one of ENGINES
    others: tuple[str, ...] = ()  # names of the roots of other heads in the picture

    @property
    def frame_count(self) -> int:
        """The number of frames."""
        return self.frame_end - self.frame_start + 1

    def to_json(self) -> str:
        """Return the settings as text."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> RenderSettings:
        """Return the settings of a text that `to_json` returned; raises InputError when it cannot be read."""
        try:
            values = json.loads(text)
            version = values.get("format", 1)
            settings = RenderSettings(str(values["shot"]), int(values["frame_start"]), int(values["frame_end"]),
                                      float(values["plate_fit"]), ENGINES[ENGINES.index(values.get("engine", AUTO))],
                                      tuple(map(str, values.get("others", ()))))
        except (ArithmeticError, AttributeError, ValueError, KeyError, TypeError) as error:
            raise InputError("The strip does not say how it was rendered. Render the shot again.") from error
        if version > FORMAT:
            raise InputError("The strip was made by a newer version of Headroom. Update Headroom.")
        return settings
