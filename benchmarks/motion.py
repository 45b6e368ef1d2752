"""Speech to performance, measured on clips of people who are in no weights.

    python benchmarks/motion.py CLIP...

Learns from the first 12 s of each clip and measures on the rest, against the tracked motion. Head similarity (HS) and
pose speed are means over three seeds. The mouth distance is that of the tracked surface in a crop of 256 pixels, under
the true head pose. The ceiling of HS compares the first half of the rest with its second half. The last row of a clip
replays the head pose of the learned seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from speakers import Speaker, speakers, synchronised

from headroom.common.paths import MOTION_WEIGHTS
from headroom.common.threads import one_thread
from headroom.evaluation import measures
from headroom.face.performance import Performance
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import MotionNetwork
from headroom.motion.predict import predict
from headroom.motion.train.paper import PAPER_NETWORK

SEEDS = (0, 1, 2)
SPEECH_SECONDS = 60.0
COLUMNS = ("clip", "model", "lips, correlation", "mouth, px", "HS", "ceiling", "W1 deg", "pose speed", "learning s")
console = Console(width=140)


def main(
    clips: Annotated[list[Path], typer.Argument(help="Clips longer than the learned part.")],
    learn_seconds: Annotated[float, typer.Option(help="Length of the learned part.")] = 12.0,
    weights: Annotated[Path, typer.Option(help="General weights to start from.")] = MOTION_WEIGHTS,
    cache: Annotated[Path, typer.Option(help="Folder for landmarks.")] = Path("benchmark-cache"),
) -> None:
    """Print how close the predicted motion of each clip is to the tracked motion, and how fast it is predicted."""
    table = Table(title=f"Learned from {learn_seconds:g} s, measured on the rest")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in ("clip", "model") else "right")
    general, model = MotionModel.load(weights), None
    for person in speakers(clips, learn_seconds, cache):
        split = round(learn_seconds * 25)
        start = time.perf_counter()
        model = person.learn(split, general)
        learning_seconds = time.perf_counter() - start
        from_scratch = person.learn(split, None)
        sound, truth = person.cut(split)
        sound = synchronised(sound, model)
        closed = np.tile(model.style.rest, (len(truth), 1))
        add_row(table, person, truth, "general alone", predictions(general, sound, truth))
        add_row(table, person, truth, f"personal ({model.audio_offset_seconds * 1000:+.0f} ms)",
                predictions(model, sound, truth), f"{learning_seconds:.0f}")
        add_row(table, person, truth, "from scratch", predictions(from_scratch, sound, truth))
        add_row(table, person, truth, "closed mouth, constant pose", [constant_pose(model, truth, closed)])
        add_row(table, person, truth, "the learned seconds' pose", [person.cut(0, split)[1]], lips=False)
        table.add_section()
    console.print(table)
    if model is not None:
        print_speed(model)


def predictions(model: MotionModel, sound: np.ndarray, truth: Performance) -> list[Performance]:
    return [predict(model, sound, truth.seconds, seed) for seed in SEEDS]


def constant_pose(model: MotionModel, truth: Performance, expression: np.ndarray) -> Performance:
    """The ablation without pose: the head stays in the person's median pose."""
    pose = np.tile(np.median(model.style.pose, 0), (len(truth), 1))
    return Performance(truth.fps, expression, pose[:, :3], pose[:, 3:])


def add_row(table: Table, person: Speaker, truth: Performance, name: str, predicted: list[Performance],
            learning_seconds: str = "", lips: bool = True) -> None:
    half = len(truth) // 2
    ceiling = measures.head_pose_similarity(truth.rotation[:half], truth.rotation[half:])
    mean = {key: np.mean([measure(truth.rotation, each.rotation) for each in predicted], 0) for key, measure in (
        ("hs", measures.head_pose_similarity), ("w1", measures.pose_distance_degrees),
        ("speed", measures.pose_speed_ratio))}
    mouth = (f"{person.lip_correlation(truth, predicted[0].expression):.3f}",
             f"{person.mouth_distance(truth, predicted[0].expression):.2f}") if lips else ("", "")
    table.add_row(person.name, name, *mouth, f"{mean['hs']:.3f}", f"{ceiling:.3f}",
                  " ".join(f"{degrees:.1f}" for degrees in mean["w1"]), f"{mean['speed']:.2f}", learning_seconds)


def print_speed(model: MotionModel) -> None:
    """Print the speed of predicting a minute of speech, and of one frame through our networks and the authors'."""
    speech = (0.1 * np.random.default_rng(0).standard_normal(round(16000 * SPEECH_SECONDS))).astype(np.float32)
    seconds = shortest_seconds(lambda: predict(model, speech))
    console.print(f"A minute of speech to a performance: {seconds:.2f} s, {SPEECH_SECONDS / seconds:.0f} x real time "
                  f"({torch.get_num_threads()} threads)")
    ours, authors = model.networks, (MotionNetwork(PAPER_NETWORK).eval(),)
    for name, networks in ((f"our {len(ours)} networks", ours), ("the authors' network", authors)):
        milliseconds = 1000 * seconds_per_frame(networks)
        console.print(f"One frame through {name}: {milliseconds:.2f} ms, {40 / milliseconds:.0f} x real time "
                      "(one thread)")


@torch.no_grad()
@one_thread()
def seconds_per_frame(networks: tuple[MotionNetwork, ...], frames: int = 100) -> float:
    """Return the seconds per frame when frames come one at a time and the state is carried."""
    columns = networks[0].config.features.columns
    states: list = [None] * len(networks)

    def run() -> None:
        window = torch.randn(1, 1, 28, columns)
        for _ in range(frames):
            for index, network in enumerate(networks):
                _, states[index] = network(window, states[index])

    return shortest_seconds(run) / frames


def shortest_seconds(run: Callable[[], object], times: int = 3) -> float:
    """Return the shortest of a few runs, because other load on the machine only adds time."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    typer.run(main)
