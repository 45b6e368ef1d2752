"""What a long training leaves behind on its way: checkpoints to go on from, and curves for TensorBoard."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol
from zipfile import is_zipfile

import torch
from torch import Tensor, nn

from headroom.common import distributed as team
from headroom.common.errors import HeadroomError, InputError
from headroom.common.files import atomic_write

FORMAT = "headroom training 1"
SCALARS_INTERVAL = 10  # steps


class TrainingState(Protocol):
    """What a checkpoint keeps: where the training of one network stands."""

    step: int

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass
class TrainingCheckpoint:
    """The checkpoint of a training at `path`, written every `every` steps, and its curves in the folder `curves`.

    made_from: names the clips and settings; a checkpoint of others is refused. resuming: go on from the checkpoint.
    """

    path: Path
    every: int
    made_from: str
    resuming: bool = False
    curves: Path | None = None
    finished: list[dict[str, Tensor]] = field(default_factory=list)  # weights of the networks that are done
    _pending: dict[str, Any] | None = None
    _writer: Any = None

    def __post_init__(self) -> None:
        if self.curves is not None and team.is_main():
            self._writer = new_writer(self.curves)
        if self.resuming:
            state = read_checkpoint(self.path)
            if state["made_from"] != self.made_from:
                raise InputError(f"{self.path} belongs to other clips or settings; train without --resume, or with "
                                 "what it was begun with.")
            self.finished, self._pending = state["finished"], state

    def resume(self, course: TrainingState) -> None:
        """Bring a new course to where the checkpoint left it; once, for the network that was being trained."""
        if self._pending is None:
            return
        course.load_state_dict(self._pending["course"])
        randoms = self._pending["random"]
        if len(randoms) != team.world_size():
            raise InputError(f"{self.path} was begun with {len(randoms)} processes; resume with as many.")
        set_random_state(randoms[team.rank()])
        self._pending = None

    def after(self, course: TrainingState, losses: dict[str, Tensor]) -> None:
        """Write what is due after a step."""
        if self._writer is not None and course.step % SCALARS_INTERVAL == 0:
            for name, value in losses.items():
                self._writer.add_scalar(f"network {len(self.finished)}/{name}", float(value.detach()), course.step)
        if course.step % self.every == 0:
            if self._writer is not None:
                self._writer.flush()
            randoms = team.all_gather(random_state())
            if team.is_main():
                self._write({"course": course.state_dict(), "random": randoms})

    def finish(self, network: nn.Module) -> None:
        """One network is done; the next checkpoint holds its weights."""
        self.finished.append({name: value.detach().cpu() for name, value in network.state_dict().items()})

    def close(self) -> None:
        """The model has been written: nothing is left to go on from."""
        if self._writer is not None:
            self._writer.close()
        if team.is_main():
            self.path.unlink(missing_ok=True)

    def _write(self, state: dict[str, Any]) -> None:
        everything = {"format": FORMAT, "made_from": self.made_from, "finished": self.finished, **state}
        with atomic_write(self.path) as temporary:
            torch.save(everything, temporary)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What `TrainingCheckpoint` wrote at `path`."""
    if not path.is_file():
        raise InputError(f"There is no checkpoint {path} to go on from; train without --resume.")
    refusal = InputError(f"{path} is not a checkpoint of this version; train without --resume.")
    if not is_zipfile(path):  # which torch's unpickler stumbles over in many ways
        raise refusal
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, UnpicklingError) as error:
        raise refusal from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise refusal
    return state


def random_state() -> list[Tensor]:
    """Torch's generators, which draw the dropout: the processor's, then the cards'."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]


def set_random_state(state: list[Tensor]) -> None:
    torch.set_rng_state(state[0])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state[1:])


def new_writer(folder: Path) -> Any:
    """A TensorBoard writer; HeadroomError where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise HeadroomError('TensorBoard is not installed; run `pip install "headroom[tensorboard]"`, or train '
                            "without --tensorboard.") from error
    return SummaryWriter(str(folder))
