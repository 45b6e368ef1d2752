"""A long shot that is rendered in chunks of frames: which they are, and the folder that holds them meanwhile."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .files import atomic_write
from .refine_while_rendering import GROUP

SCENE = "scene.blend"
PLAN = "chunks.json"


@dataclass(frozen=True)
class HeadPlan:
    """What is alike for a head in all chunks.

    root: its name.
    engine: what draws the head, EEVEE or FAST.
    engine_notes: what the user should know of that choice.
    """

    root: str
    engine: str
    engine_notes: tuple[str, ...]


@dataclass(frozen=True)
class ChunkResult:
    """What the user should know of a complete chunk.

    without_mesh: number of its frames in which each head has no mesh.
    """

    without_mesh: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ChunkPlan:
    """The chunks of a shot.

    starts: number of the first frame of each chunk, counted from 0.
    frames: of the whole shot.
    notes: what the user should know of the scene.
    heads: in the picture; the first gives the frame.
    """

    starts: tuple[int, ...]
    frames: int
    notes: tuple[str, ...]
    heads: tuple[HeadPlan, ...] = ()

    def frames_of(self, number: int) -> range:
        """Return the frames of a chunk, counted from 0."""
        return range(self.starts[number], (*self.starts, self.frames)[number + 1])


@dataclass(frozen=True)
class ChunkFolder:
    """The folder of a shot that is rendered in chunks. Everything in it appears complete."""

    path: Path

    @property
    def scene(self) -> Path:
        """The scene of a shot that was made for the chunks."""
        return self.path / SCENE

    def movie(self, number: int) -> Path:
        """Return the file with the finished frames of a chunk."""
        return self.path / f"{number:05d}.mkv"

    def save_plan(self, plan: ChunkPlan) -> None:
        """Store the plan, which says that the scene is complete."""
        with atomic_write(self.path / PLAN) as temporary:
            temporary.write_text(json.dumps(asdict(plan), ensure_ascii=False), encoding="utf-8")

    def plan(self) -> ChunkPlan | None:
        """Return the stored plan; None where there is none yet."""
        try:
            values = json.loads((self.path / PLAN).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        heads = (HeadPlan(head["root"], head["engine"], tuple(head["engine_notes"])) for head in values["heads"])
        return ChunkPlan(tuple(values["starts"]), values["frames"], tuple(values["notes"]), tuple(heads))

    def save_result(self, number: int, result: ChunkResult) -> None:
        """Say that a chunk is complete."""
        with atomic_write(self._result_file(number)) as temporary:
            temporary.write_text(json.dumps(asdict(result), ensure_ascii=False), encoding="utf-8")

    def result(self, number: int) -> ChunkResult | None:
        """Return the result of a chunk; None for one that is not complete."""
        try:
            values = json.loads(self._result_file(number).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return ChunkResult(tuple(values["without_mesh"]), tuple(values["notes"]))

    def unfinished(self, plan: ChunkPlan) -> list[int]:
        """Return the chunks that are not complete."""
        return [number for number in range(len(plan.starts)) if self.result(number) is None]

    def _result_file(self, number: int) -> Path:
        return self.path / f"{number:05d}.json"


def chunk_starts(frames: int, fps: float, seconds: float) -> tuple[int, ...]:
    """Return the first frame of each chunk of a shot: equal chunks of about `seconds`, of whole groups of frames.

    A GPU refines the frames of a group together, so the groups of chunks have to be those of the whole shot.
    """
    count = max(round(frames / (seconds * fps)), 1)
    length = max(round(frames / count / GROUP), 1) * GROUP
    return tuple(range(0, frames, length)) if count > 1 else (0,)
