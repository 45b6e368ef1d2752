"""Does the memory retrieve the right identity for a render, and do its answers change smoothly?

    python benchmarks/memory.py

Synthetic people from the face model's prior, all in the same light, with random poses and expressions. The memory
learns a part of each one's frames and is queried with the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor

from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.light import AMBIENT
from headroom.face.model import FaceModel, bundled_model
from headroom.face.raster import Rasterizer
from headroom.face.texture import unwrap
from headroom.refine.memory import Memory, MemoryConfig, cosines, slots_for
from headroom.refine.memory_retrieval import MemoryTrainer
from headroom.refine.spatial import SpatialNetwork, bundled_spatial, imagenet_spatial

TARGET = 95.0  # % of queries whose nearest slot is the right person's
LEARNED_FRACTION = 0.6  # of each one's frames
SIZE, DISTANCE_MM = 256, 1000.0
MAX_ROTATION = np.radians([12.0, 25.0, 8.0])  # pitch, yaw and roll
STEPS = 4000  # of one frame, as on a CPU


@dataclass(frozen=True)
class Frames:
    """Spatial features (N, S) of frames, and which person (N,) each shows."""

    spatial: Tensor
    person: Tensor


def main(
    people: Annotated[int, typer.Option(help="Number of identities.")] = 20,
    frames: Annotated[int, typer.Option(help="Frames of each.")] = 50,
    resnet18: Annotated[Path | None, typer.Option(help="ResNet-18 as published; the bundled trunk otherwise.")] = None,
    seed: Annotated[int, typer.Option(help="Another number gives other people.")] = 0,
) -> None:
    """Print how often the memory is right, and how smooth its answers are."""
    torch.set_num_threads(1)
    rng, model, start = np.random.default_rng(seed), bundled_model(), time.monotonic()
    network = imagenet_spatial(resnet18) if resnet18 else bundled_spatial()
    identities = torch.from_numpy(rng.normal(0, 0.8, (people + 1, 160)).astype(np.float32))
    spatial = torch.stack([features(network, renders_of(model, identity.numpy(), random_poses(frames, rng)))
                           for identity in identities[:people]])
    learned = round(LEARNED_FRACTION * frames)
    train = Frames(spatial[:, :learned].flatten(0, 1), torch.arange(people).repeat_interleave(learned))
    test = Frames(spatial[:, learned:].flatten(0, 1), torch.arange(people).repeat_interleave(frames - learned))
    config = MemoryConfig(slots_for(len(train.spatial)), network.config.features)
    table = Table(title=f"{people} people, {learned} frames each learned, {len(test.spatial)} frames queried")
    for heading in ("memory", "nearest right, %", "blend right, %", "worst person, %"):
        table.add_column(heading, justify="left" if heading == "memory" else "right")
    table.add_row("chance", f"{100 / people:.1f}", f"{100 / people:.1f}", "")
    results = {}
    for name, steps in (("before training", 0), ("after training", STEPS)):
        trainer = MemoryTrainer(network, config, seed, torch.device("cpu"))
        memory = trained_memory(trainer, train, identities, steps, seed)
        results[name] = accuracy(memory, test, identities[:people])
        table.add_row(name, *(f"{value:.1f}" for value in results[name]))
    console = Console()
    console.print(table)
    console.print(smoothness(memory, features(network, renders_of(model, identities[people].numpy(), turning(60)))))
    console.print(f"One query takes {1000 * query_seconds(memory, test.spatial):.2f} ms, the benchmark took "
                  f"{time.monotonic() - start:.0f} s.")
    console.print(f"The target is {TARGET:.0f} %: {'met' if results['after training'][0] >= TARGET else 'missed'}.")


def trained_memory(trainer: MemoryTrainer, train: Frames, identities: Tensor, steps: int, seed: int) -> Memory:
    """Return a memory of the frames after some steps of one frame; after 0 steps it is only filled."""
    random = torch.Generator().manual_seed(seed)
    memory, truths = trainer.retrieval.memory, identities[train.person]
    if not steps:
        with torch.no_grad():
            memory.update(memory.queries(train.spatial), truths, random)
    for _ in range(steps):
        chosen = torch.randint(len(truths), (1,), generator=random)
        trainer.step_features(train.spatial[chosen], truths[chosen])
    return memory


@torch.no_grad()
def accuracy(memory: Memory, test: Frames, identities: Tensor) -> tuple[float, float, float]:
    """Return in %: nearest slot right, blended answer right, and nearest slot right for the worst person."""
    nearest = memory.values[memory.scores(memory.queries(test.spatial)).argmax(1)]
    nearest_right = cosines(nearest, identities).argmax(1) == test.person
    blend_right = cosines(memory.retrieve(test.spatial), identities).argmax(1) == test.person
    worst = min(float(nearest_right[test.person == person].float().mean()) for person in range(len(identities)))
    return 100 * float(nearest_right.float().mean()), 100 * float(blend_right.float().mean()), 100 * worst


def smoothness(memory: Memory, spatial: Tensor) -> Table:
    """Return how the answers for an unknown person, who turns their head slowly, change from frame to frame."""
    table = Table(title="An unknown person turns: change of the feature from frame to frame, relative to its length, %")
    for heading in ("answer", "mean", "largest"):
        table.add_column(heading, justify="left" if heading == "answer" else "right")
    nearest = Memory(replace(memory.config, neighbours=1))
    nearest.load_state_dict(memory.state_dict())
    answers = {"nearest": nearest.retrieve(spatial), "blended": memory.retrieve(spatial)}
    answers["blended, mean of three"] = answers["blended"].unfold(0, 3, 1).mean(2)
    for name, values in answers.items():
        change = 100 * values.diff(dim=0).norm(dim=1) / values[1:].norm(dim=1)
        table.add_row(name, f"{change.mean():.1f}", f"{change.max():.1f}")
    return table


def query_seconds(memory: Memory, spatial: Tensor, times: int = 200) -> float:
    """Return how long one query takes."""
    start = time.perf_counter()
    for index in range(times):
        memory.retrieve(spatial[index % len(spatial)][None])
    return (time.perf_counter() - start) / times


@torch.no_grad()
def features(network: SpatialNetwork, renders: Iterator[np.ndarray]) -> Tensor:
    """Return spatial features (T, S) of renders (R, R, 4) uint8."""
    return torch.cat([network(torch.from_numpy(render)[None].permute(0, 3, 1, 2).float() / 255) for render in renders])


def renders_of(model: FaceModel, person: np.ndarray, poses: list[tuple[np.ndarray, ...]]) -> Iterator[np.ndarray]:
    """Yield renders of a person (160,), identity then texture, in poses: expression, rotation and translation each."""
    camera = Camera(4.5 * SIZE, SIZE, SIZE)
    raster = Rasterizer(model, camera, Crop(0, 0, SIZE), SIZE)
    skin = unwrap(model, model.albedo(person[80:]), SIZE)[0]
    raster.set_appearance(np.rint(np.clip(skin, 0, 1) * 255).astype(np.uint8), AMBIENT)
    for expression, rotation, translation in poses:
        yield raster.render(pose_vertices(model.shape(person[:80], expression), rotation, translation))


def random_poses(count: int, rng: np.random.Generator) -> list[tuple[np.ndarray, ...]]:
    """Return independent expressions and poses, like frames from anywhere in a clip."""
    return [(rng.normal(0, 0.7, 64), rng.triangular(-1, 0, 1, 3) * MAX_ROTATION,
             np.array([*rng.normal(0, 8, 2), -DISTANCE_MM + rng.normal(0, 40)])) for _ in range(count)]


def turning(count: int) -> list[tuple[np.ndarray, ...]]:
    """Return a turn of the head from left to right."""
    return [(np.zeros(64), np.array([0, yaw, 0]), np.array([0, 0, -DISTANCE_MM]))
            for yaw in np.linspace(-MAX_ROTATION[1], MAX_ROTATION[1], count)]


if __name__ == "__main__":
    typer.run(main)
