"""Which parts of a subject an older version of Headroom wrote in another meaning, so that they are learned again.

Every part has a format number. Its reader upgrades older formats in memory where they mean the same. Where learning
itself has changed what the values mean, no reader can do that: `headroom upgrade SUBJECT` learns the person again from
the plates and the sound that the subject stores.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from headroom.common.errors import InputError
from headroom.common.stored import Damaged, format_number, read_header, read_npz

Part = Literal["track", "rig", "motion", "refiner"]

OLDEST_USABLE: dict[Part, int] = {"track": 1, "rig": 1, "motion": 2, "refiner": 1}
"""The oldest format of each part that means the same as the newest. Raise it when learning changes the meaning."""


def require_usable(part: Part, path: Path, remedy: str) -> None:
    """Raise InputError when a part is damaged, or too old to be used.

    path: file of the part.
    remedy: what the user can do, as the end of the message.
    """
    try:
        number = format_of(path)
    except (InputError, Damaged) as error:
        raise InputError(f"{path} cannot be read; {remedy}.") from error
    if number < OLDEST_USABLE[part]:
        raise InputError(f"{path} was written by an older version of Headroom and cannot be used any more; {remedy}.")


def format_of(path: Path) -> int:
    """Return the format number of an .npz or .safetensors file; raises InputError or Damaged for other files.

    An .npz file has it in an array such as `rig_format`; the first files have none and are of format 1. In a
    safetensors file it ends the header's `format`, as in "headroom refiner 1".
    """
    if path.suffix == ".npz":
        stored = read_npz(path)
        return next((format_number(stored, name) for name in stored if name.endswith("format")), 1)
    number = re.search(r"\d+$", read_header(path).get("format", ""))
    if number is None:
        raise Damaged("it has no format number")
    return int(number.group())
