"""A long shot that is rendered in chunks of frames: which they are, and the folder that holds them meanwhile."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .files import atomic_write
from .refine_while_rendering import GROUP
from .render_settings import EEVEE

SCENE = "scene.blend"
PLAN = "chunks.json"


@dataclass(frozen=True)
class ChunkPlan:
    """The chunks of a shot.

    starts: number of the first frame of each chunk, counted from 0.
    frames: of the whole shot.
    notes: what the user should know of the scene.
    engine: what draws the head in all of them, EEVEE or FAST.
    engine_notes: what the user should know of that choice.
    """

    starts: tuple[int, ...]
    frames: int
    notes: tuple[str, ...]
    engine: str = EEVEE
    engine_notes: tuple[str, ...] = ()

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
        return ChunkPlan(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})

    def save_chunk(self, number: int, without_mesh: int) -> None:
        """Say that a chunk is complete, and how many of its frames have no mesh."""
        with atomic_write(self._end(number)) as temporary:
            temporary.write_text(json.dumps({"without_mesh": without_mesh}), encoding="utf-8")

    def without_mesh(self, number: int) -> int | None:
        """Return how many frames of a complete chunk have no mesh; None for a chunk that is not complete."""
        try:
            return int(json.loads(self._end(number).read_text(encoding="utf-8"))["without_mesh"])
        except FileNotFoundError:
            return None

    def unfinished(self, plan: ChunkPlan) -> list[int]:
        """Return the chunks that are not complete."""
        return [number for number in range(len(plan.starts)) if self.without_mesh(number) is None]

    def _end(self, number: int) -> Path:
        return self.path / f"{number:05d}.json"


def chunk_starts(frames: int, fps: float, seconds: float) -> tuple[int, ...]:
    """Return the first frame of each chunk of a shot: equal chunks of about `seconds`, of whole groups of frames.

    A GPU refines the frames of a group together, so the groups of chunks have to be those of the whole shot.
    """
    count = max(round(frames / (seconds * fps)), 1)
    length = max(round(frames / count / GROUP), 1) * GROUP
    return tuple(range(0, frames, length)) if count > 1 else (0,)
