"""The file format of motion models, "headroom motion 4", and its upgrades.

A safetensors file whose header has `format` and, as JSON, `metadata`. Tensors are called `style.*` (the speaker style),
`ridge.*` (the ridge regression, if any) and `networks.0.*`, `networks.1.*`, … (state dicts).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from headroom.common.errors import InputError
from headroom.common.files import atomic_write
from headroom.common.stored import Damaged, damage, json_of, read_tensors

NAME = "headroom motion"
FORMAT = 4


@dataclass(frozen=True)
class MotionFile:
    """Contents of a file of the present format."""

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]

    def below(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names start with `prefix`, without it."""
        return {name[len(prefix):]: value for name, value in self.tensors.items() if name.startswith(prefix)}


def write_file(path: Path, contents: MotionFile) -> None:
    """Write a motion model atomically."""
    header = {"format": f"{NAME} {FORMAT}", "metadata": json.dumps(contents.metadata)}
    with atomic_write(Path(path)) as temporary:
        save_file(contents.tensors, str(temporary), header)


def read_file(path: Path) -> MotionFile:
    """Read a motion model of this format or an older one; InputError for other files and newer formats."""
    try:
        header, tensors = read_tensors(path)
    except Damaged as error:
        raise InputError(f"{path} is not a motion model; learn the subject again.") from error
    name, _, number = header.get("format", "").rpartition(" ")
    if name != NAME or not number.isdigit() or int(number) < min(_UPGRADES):
        raise InputError(f"{path} is not a motion model; learn the subject again.")
    if int(number) > FORMAT:
        raise InputError(f"{path} was written by a newer version of Headroom; update Headroom.")
    try:
        with damage():
            for step in range(int(number), FORMAT):
                tensors, header = _UPGRADES[step](tensors, header)
            return MotionFile(tensors, json_of(header["metadata"]))
    except Damaged as error:
        raise damaged_model(path, error) from error


def damaged_model(path: Path, error: Damaged) -> InputError:
    """Return the error for a motion model whose contents are not what they should be."""
    return InputError(f"The motion model {path} is damaged: {error}. Learn the subject again.")


def _upgrade_2(tensors: dict[str, Tensor], header: dict[str, str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Upgrade format 2, whose names were other words and whose scalars were arrays of one float32."""
    facts = json.loads(header["facts"])
    config = facts["config"]
    config["pose"] = {"person": "motion graph", "network": "network"}[config.pop("head")]
    config["targets"] = {"person": "normalised", "plain": "unnormalised"}[config["targets"]]
    facts["ridge_weight"] = facts.pop("readout_share")

    renamed = {}
    for old_name, value in tensors.items():
        component, _, name = old_name.partition(".")
        component = {"manner": "style", "readout": "ridge"}.get(component, component)
        if component == "networks":
            name = name.replace(".readout.", ".output.")
        renamed[f"{component}.{name}"] = value
    renamed["style.blink_shape"] = renamed.pop("style.blink")
    renamed["style.pose_correlation"] = renamed.pop("style.pose_evidence")
    for name in ("style.blink_rate", "style.lip_gain"):
        renamed[name] = renamed[name][0].double()
    renamed["style.lip_range"] = renamed["style.lip_range"].double()
    renamed["style.gaze_modes"] = renamed["style.gaze_modes"].to(torch.int64)
    return renamed, {"metadata": json.dumps(facts)}


def _upgrade_3(tensors: dict[str, Tensor], header: dict[str, str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Upgrade format 3.

    It has gain and range of lip openings, knows no accents (heads follow none, and brows are predicted), and does not
    say whether the offset was certain.
    """
    metadata, tensors = json.loads(header["metadata"]), dict(tensors)
    gain, limits = tensors.pop("style.lip_gain"), tensors.pop("style.lip_range")
    mean = (tensors["style.expression_mean"] @ tensors["style.lip_opening"]).double()
    tensors |= {"style.accents": torch.zeros(0), "style.brow_modes": torch.zeros(0, dtype=torch.int64),
                "style.brow_raise": torch.zeros(0), "style.brows": torch.zeros(len(tensors["style.pose"]), 0)}
    tensors["style.lip_shape"] = torch.zeros(len(tensors["style.lip_opening"]), 2)
    tensors["style.lip_curve"] = torch.stack([mean + (limits - mean) / gain, limits]).float()
    return tensors, {"metadata": json.dumps({**metadata, "audio_offset_certain": True})}


_UPGRADES: dict[int, Callable[[dict[str, Tensor], dict[str, str]], tuple[dict[str, Tensor], dict[str, str]]]] = {
    2: _upgrade_2,
    3: _upgrade_3,
}
"""Upgrade steps by the format they start from; format 2 was the first released."""
