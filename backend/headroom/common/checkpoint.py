"""Checkpoints of long trainings, which resume from them, and curves for TensorBoard."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol
from zipfile import is_zipfile

import torch
from torch import Tensor, nn

from headroom.common import distributed
from headroom.common.errors import HeadroomError, InputError
from headroom.common.files import atomic_write

NAME = "headroom training"
FORMAT = 2
"""Number of the file format. There is no upgrade, because a training goes on only with the code that began it."""

SCALARS_INTERVAL = 10  # steps


class TrainingState(Protocol):
    """The state of the training of one network, which a checkpoint stores."""

    step: int

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to resume, besides torch's random state."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""


@dataclass
class TrainingCheckpoint:
    """The checkpoint of one training, and its curves.

    path: file of the checkpoint.
    every: steps between checkpoints.
    digest: identifies clips and settings; a checkpoint with another digest is refused.
    resuming: resume from the checkpoint at `path`.
    curves: folder for TensorBoard; None writes no curves.
    finished: state dicts of the networks whose training has finished.
    """

    path: Path
    every: int
    digest: str
    resuming: bool = False
    curves: Path | None = None
    finished: list[dict[str, Tensor]] = field(default_factory=list)
    _pending: dict[str, Any] | None = None
    _writer: Any = None

    def __post_init__(self) -> None:
        if self.curves is not None and distributed.is_main():
            self._writer = new_writer(self.curves)
        if self.resuming:
            stored = read_checkpoint(self.path)
            if stored["digest"] != self.digest:
                raise InputError(f"{self.path} belongs to other clips or settings; train without --resume, or with the "
                                 "same clips and settings.")
            self.finished, self._pending = stored["finished"], stored

    def resume(self, state: TrainingState) -> None:
        """Restore the state of the network that was in training; later calls, for the next networks, do nothing."""
        if self._pending is None:
            return
        state.load_state_dict(self._pending["state"])
        random_states = self._pending["random"]
        if len(random_states) != distributed.world_size():
            raise InputError(f"{self.path} was written by {len(random_states)} processes; resume with as many.")
        set_random_state(random_states[distributed.rank()])
        self._pending = None

    def after(self, state: TrainingState, losses: dict[str, Tensor]) -> None:
        """Write curves and checkpoint where they are due after a step."""
        if self._writer is not None and state.step % SCALARS_INTERVAL == 0:
            for name, value in losses.items():
                self._writer.add_scalar(f"network {len(self.finished)}/{name}", float(value.detach()), state.step)
        if state.step % self.every == 0:
            if self._writer is not None:
                self._writer.flush()
            random_states = distributed.all_gather(random_state())
            if distributed.is_main():
                self._write({"state": state.state_dict(), "random": random_states})

    def finish(self, network: nn.Module) -> None:
        """Add a trained network's weights to what the next checkpoint stores."""
        self.finished.append({name: value.detach().cpu() for name, value in network.state_dict().items()})

    def close(self) -> None:
        """Remove the checkpoint, because the training has finished."""
        if self._writer is not None:
            self._writer.close()
        if distributed.is_main():
            self.path.unlink(missing_ok=True)

    def _write(self, state: dict[str, Any]) -> None:
        contents = {"format": f"{NAME} {FORMAT}", "digest": self.digest, "finished": self.finished, **state}
        with atomic_write(self.path) as temporary:
            torch.save(contents, temporary)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `TrainingCheckpoint` wrote; InputError for other files and other formats."""
    if not path.is_file():
        raise InputError(f"There is no checkpoint {path} to resume from; train without --resume.")
    damaged = InputError(f"{path} is not a checkpoint; train without --resume.")
    if not is_zipfile(path):  # torch's unpickler fails on other files in many ways
        raise damaged
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, UnpicklingError) as error:
        raise damaged from error
    if not isinstance(contents, dict) or not str(contents.get("format")).startswith(NAME):
        raise damaged
    if contents["format"] != f"{NAME} {FORMAT}":
        raise InputError(f"{path} was written by another version of Headroom and cannot be resumed; train without "
                         "--resume.")
    return contents


def random_state() -> list[Tensor]:
    """Return the states of torch's generators, which sample the dropout: the processor's, then the GPUs'."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]


def set_random_state(state: list[Tensor]) -> None:
    """Restore what `random_state` returned."""
    torch.set_rng_state(state[0])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state[1:])


def new_writer(folder: Path) -> Any:
    """Return a TensorBoard writer; HeadroomError where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise HeadroomError('TensorBoard is not installed; run `pip install "headroom[tensorboard]"`, or train '
                            "without --tensorboard.") from error
    return SummaryWriter(str(folder))
