"""Speech to performance, measured on clips of people whom no weights have seen.

    python benchmarks/motion.py CLIP...

Learns from the first 12 s of each clip and measures on the rest, against the tracked motion. HS and pose speed are of
three seeds. The distance of the mouth is of the tracked surface in a crop of 256 pixels, under the true head pose. The
ceiling of HS is the first half of the rest against its second; a replay of the head of the learnt seconds stands last.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from speakers import Speaker, in_step, speakers

from headroom.common.threads import one_thread
from headroom.evaluation import measures
from headroom.face.performance import Performance
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import MotionNetwork
from headroom.motion.predict import predict
from headroom.motion.train.general import WEIGHTS
from headroom.motion.train.paper import PAPER_NETWORK

SEEDS = (0, 1, 2)
SPEECH_SECONDS = 60.0
console = Console(width=140)


def main(
    clips: Annotated[list[Path], typer.Argument(help="Clips longer than what is learnt.")],
    learn_seconds: float = 12.0,
    weights: Annotated[Path, typer.Option(help="General weights to begin from.")] = WEIGHTS,
    cache: Annotated[Path, typer.Option(help="Folder for found landmarks.")] = Path("benchmark-cache"),
) -> None:
    table = Table(title=f"Learnt from {learn_seconds:g} s, measured on the rest")
    for heading in ("clip", "model", "lips, correlation", "mouth, px", "HS", "ceiling", "W1 deg", "pose speed",
                    "learning s"):
        table.add_column(heading, justify="left" if heading in ("clip", "model") else "right")
    known, model = MotionModel.load(weights), None
    for person in speakers(clips, learn_seconds, cache):
        split = round(learn_seconds * 25)
        begun = time.perf_counter()
        model = person.learnt(split, known)
        took = time.perf_counter() - begun
        scratch = person.learnt(split, None)
        sound, truth = person.part(split)
        sound = in_step(sound, model)
        closed = np.tile(model.style.rest, (len(truth), 1))
        add_row(table, person, truth, "general alone", predictions(known, sound, truth))
        add_row(table, person, truth, f"personal ({model.audio_offset_seconds * 1000:+.0f} ms)",
                predictions(model, sound, truth), f"{took:.0f}")
        add_row(table, person, truth, "from scratch", predictions(scratch, sound, truth))
        add_row(table, person, truth, "closed mouth, head still", [still(model, truth, closed)])
        add_row(table, person, truth, "the learnt seconds' head", [person.part(0, split)[1]], lips=False)
        table.add_section()
    console.print(table)
    if model is not None:
        print_speed(model)


def predictions(model: MotionModel, sound: np.ndarray, truth: Performance) -> list[Performance]:
    return [predict(model, sound, truth.seconds, seed) for seed in SEEDS]


def still(model: MotionModel, truth: Performance, expression: np.ndarray) -> Performance:
    """The ablation without pose: the head stays where the person usually holds it."""
    pose = np.tile(np.median(model.style.pose, 0), (len(truth), 1))
    return Performance(truth.fps, expression, pose[:, :3], pose[:, 3:])


def add_row(table: Table, person: Speaker, truth: Performance, name: str, made: list[Performance],
            took: str = "", lips: bool = True) -> None:
    half = len(truth) // 2
    ceiling = measures.head_pose_similarity(truth.rotation[:half], truth.rotation[half:])
    mean = {key: np.mean([measure(truth.rotation, each.rotation) for each in made], 0) for key, measure in (
        ("hs", measures.head_pose_similarity), ("w1", measures.pose_distance_degrees),
        ("speed", measures.pose_speed_ratio))}
    mouth = (f"{person.lip_correlation(truth, made[0].expression):.3f}",
             f"{person.mouth_distance(truth, made[0].expression):.2f}") if lips else ("", "")
    table.add_row(person.name, name, *mouth, f"{mean['hs']:.3f}", f"{ceiling:.3f}",
                  " ".join(f"{degrees:.1f}" for degrees in mean["w1"]), f"{mean['speed']:.2f}", took)


def print_speed(model: MotionModel) -> None:
    """How fast a minute of speech is performed, and both networks frame by frame in this process."""
    speech = (0.1 * np.random.default_rng(0).standard_normal(round(16000 * SPEECH_SECONDS))).astype(np.float32)
    seconds = best_of(lambda: predict(model, speech))
    console.print(f"A minute of speech to a performance: {seconds:.2f} s, {SPEECH_SECONDS / seconds:.0f} x real time "
                  f"({torch.get_num_threads()} threads)")
    ours, authors = model.networks, (MotionNetwork(PAPER_NETWORK).eval(),)
    for name, networks in ((f"our {len(ours)} networks", ours), ("the authors' network", authors)):
        milliseconds = 1000 * frame_seconds(networks)
        console.print(f"One frame through {name}: {milliseconds:.2f} ms, {40 / milliseconds:.0f} x real time "
                      "(one thread)")


@torch.no_grad()
@one_thread()
def frame_seconds(networks: tuple[MotionNetwork, ...], frames: int = 100) -> float:
    """Seconds per frame when frames come one at a time, the state carried on."""
    columns = networks[0].config.features.columns
    states: list = [None] * len(networks)

    def run() -> None:
        window = torch.randn(1, 1, 28, columns)
        for _ in range(frames):
            for index, network in enumerate(networks):
                _, _, states[index] = network(window, states[index])

    return best_of(run) / frames


def best_of(run, times: int = 3) -> float:
    """The least seconds of a few runs: what else the machine does only adds."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        run()
        took.append(time.perf_counter() - begun)
    return min(took)


if __name__ == "__main__":
    typer.run(main)
