"""Does the memory find whose render it is shown, and do its answers move smoothly?

    python benchmarks/memory.py

Made-up people from the face model's prior, all in the same light, with every pose and expression drawn anew; a part of
each one's frames is learnt, the rest is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
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

BAR = 95.0  # % found first
LEARNT = 0.6  # of each one's frames
SIZE, DISTANCE_MM = 256, 1000.0
TURNS = np.radians([12.0, 25.0, 8.0])  # the furthest pitch, yaw and roll
STEPS = 4000  # of one frame, as the refiner is taught on a CPU


def main(
    people: Annotated[int, typer.Option(help="How many identities.")] = 20,
    frames: Annotated[int, typer.Option(help="Frames of each.")] = 50,
    resnet18: Annotated[Path | None, typer.Option(help="ResNet-18 as published; the bundled trunk otherwise.")] = None,
    seed: int = 0,
) -> None:
    torch.set_num_threads(1)
    rng, model, start = np.random.default_rng(seed), bundled_model(), time.monotonic()
    network = imagenet_spatial(resnet18) if resnet18 else bundled_spatial()
    identities = torch.from_numpy(rng.normal(0, 0.8, (people + 1, 160)).astype(np.float32))
    spatial = torch.stack([features(network, shots(model, identity.numpy(), random_poses(frames, rng)))
                           for identity in identities[:people]])
    learnt = round(LEARNT * frames)
    train, test = spatial[:, :learnt].flatten(0, 1), spatial[:, learnt:].flatten(0, 1)
    who_train = torch.arange(people).repeat_interleave(learnt)
    who_test = torch.arange(people).repeat_interleave(frames - learnt)
    config = MemoryConfig(slots_for(len(train)), network.config.features)
    table = Table(title=f"{people} people, {learnt} frames each learnt, {len(test)} frames asked for")
    for heading in ("memory", "right first, %", "right mixed, %", "worst person, %"):
        table.add_column(heading, justify="left" if heading == "memory" else "right")
    table.add_row("guessing", f"{100 / people:.1f}", f"{100 / people:.1f}", "")
    results = {}
    for name, steps in (("before training", 0), ("after training", STEPS)):
        memory = taught(network, config, train, identities[who_train], steps, seed)
        results[name] = measure(memory, test, who_test, identities[:people])
        table.add_row(name, *(f"{value:.1f}" for value in results[name]))
    console = Console()
    console.print(table)
    console.print(smoothness(memory, features(network, shots(model, identities[people].numpy(), turning(60)))))
    console.print(f"One query takes {1000 * seconds_of_query(memory, test):.2f} ms, all took "
                  f"{time.monotonic() - start:.0f} s.")
    console.print(f"The bar is {BAR:.0f} %: {'met' if results['after training'][0] >= BAR else 'missed'}.")


def taught(
    network: SpatialNetwork, config: MemoryConfig, spatial: Tensor, truths: Tensor, steps: int, seed: int
) -> Memory:
    """A memory of spatial features (N, S) with their identities (N, D), after so many steps; 0 steps: only filled."""
    trainer = MemoryTrainer(network, config, seed, torch.device("cpu"))
    random = torch.Generator().manual_seed(seed)
    if not steps:
        with torch.no_grad():
            trainer.recall.memory.update(trainer.recall.memory.ask(spatial), truths, random)
    for _ in range(steps):
        chosen = torch.randint(len(spatial), (1,), generator=random)
        trainer.learn(spatial[chosen], truths[chosen])
    return trainer.recall.memory


@torch.no_grad()
def measure(memory: Memory, spatial: Tensor, who: Tensor, identities: Tensor) -> tuple[float, float, float]:
    """How often the nearest slot, and the mixed answer, is the right one's, and the nearest for the worst person; %."""
    nearest = memory.values[memory.scores(memory.ask(spatial)).argmax(1)]
    first = cosines(nearest, identities).argmax(1) == who
    mixed = cosines(memory.retrieve(spatial), identities).argmax(1) == who
    worst = min(float(first[who == person].float().mean()) for person in range(len(identities)))
    return 100 * float(first.float().mean()), 100 * float(mixed.float().mean()), 100 * worst


def smoothness(memory: Memory, spatial: Tensor) -> Table:
    """How the answers for somebody never seen, who turns their head slowly, change from frame to frame."""
    table = Table(title="Somebody never seen, turning: change of the feature from frame to frame, over its length, %")
    for heading in ("answer", "mean", "largest"):
        table.add_column(heading, justify="left" if heading == "answer" else "right")
    first = Memory(replace(memory.config, shared=1))
    first.load_state_dict(memory.state_dict())
    answers = {"nearest": first.retrieve(spatial), "mixed": memory.retrieve(spatial)}
    answers["mixed, mean of three"] = answers["mixed"].unfold(0, 3, 1).mean(2)
    for name, values in answers.items():
        change = 100 * values.diff(dim=0).norm(dim=1) / values[1:].norm(dim=1)
        table.add_row(name, f"{change.mean():.1f}", f"{change.max():.1f}")
    return table


def seconds_of_query(memory: Memory, spatial: Tensor, times: int = 200) -> float:
    start = time.perf_counter()
    for index in range(times):
        memory.retrieve(spatial[index % len(spatial)][None])
    return (time.perf_counter() - start) / times


@torch.no_grad()
def features(network: SpatialNetwork, renders: Iterator[np.ndarray]) -> Tensor:
    """Spatial features (T, S) of renders (R, R, 4) uint8."""
    return torch.cat([network(torch.from_numpy(render)[None].permute(0, 3, 1, 2).float() / 255) for render in renders])


def shots(model: FaceModel, person: np.ndarray, poses: list[tuple[np.ndarray, ...]]) -> Iterator[np.ndarray]:
    """Renders of a person (160,), identity then texture, in poses: expression, rotation and translation each."""
    camera = Camera(4.5 * SIZE, SIZE, SIZE)
    raster = Rasterizer(model, camera, Crop(0, 0, SIZE), SIZE)
    skin = unwrap(model, model.albedo(person[80:]), SIZE)[0]
    raster.set_appearance(np.rint(np.clip(skin, 0, 1) * 255).astype(np.uint8), AMBIENT)
    for expression, rotation, translation in poses:
        yield raster.render(pose_vertices(model.shape(person[:80], expression), rotation, translation))


def random_poses(count: int, rng: np.random.Generator) -> list[tuple[np.ndarray, ...]]:
    """Unrelated expressions and poses, as frames from anywhere in a clip."""
    return [(rng.normal(0, 0.7, 64), rng.triangular(-1, 0, 1, 3) * TURNS,
             np.array([*rng.normal(0, 8, 2), -DISTANCE_MM + rng.normal(0, 40)])) for _ in range(count)]


def turning(count: int) -> list[tuple[np.ndarray, ...]]:
    """One turn of the head from left to right."""
    return [(np.zeros(64), np.array([0, yaw, 0]), np.array([0, 0, -DISTANCE_MM]))
            for yaw in np.linspace(-TURNS[1], TURNS[1], count)]


if __name__ == "__main__":
    typer.run(main)
