"""Speech to performance, measured on clips of people who are in no weights.

    python benchmarks/motion.py CLIP...

Learns from the first 12 s of each clip and measures on the rest, against the tracked motion.

Lips: correlation of opening, width and protrusion; deviation of the opening over the truth's; the share of phones B, M
and P at which the lips come within 40 ms below a quarter of the person's median opening, and the share of frames in
pauses longer than 0.3 s with lips below that. The mouth distance is that of the tracked surface in a crop of 256
pixels, under the true head pose.

Heads: head similarity (HS) and pose speed are means over three seeds. The ceiling of HS compares the first half of the
rest with its second half. The last row of a clip replays the head pose of the learned seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from scipy.ndimage import binary_erosion, binary_opening
from speakers import Speaker, speakers, synchronised

from headroom.common.paths import MOTION_WEIGHTS
from headroom.common.threads import one_thread
from headroom.evaluation import measures
from headroom.face.performance import Performance
from headroom.motion.audio.loudness import loudness, pause_level, speech_levels
from headroom.motion.audio.phone_alignment import align_phones
from headroom.motion.audio.timing import ROWS_PER_FRAME
from headroom.motion.model.model import MotionModel
from headroom.motion.model.network import MotionNetwork
from headroom.motion.predict import predict
from headroom.motion.train.paper import PAPER_NETWORK

SEEDS = (0, 1, 2)
SPEECH_SECONDS = 60.0
LIP_COLUMNS = ("clip", "model", "opening", "width", "protrusion", "deviation", "B M P closed", "pauses closed",
               "mouth, px", "learning s")
HEAD_COLUMNS = ("clip", "model", "HS", "ceiling", "W1 deg", "pose speed")
BILABIALS = ("B", "M", "P")
MIN_CONFIDENCE = 0.2  # of a phone that is measured
MIN_PAUSE = 8  # frames
CLOSED = 0.25  # of the person's median opening
console = Console(width=140)


def main(
    clips: Annotated[list[Path], typer.Argument(help="Clips longer than the learned part.")],
    learn_seconds: Annotated[float, typer.Option(help="Length of the learned part.")] = 12.0,
    weights: Annotated[Path, typer.Option(help="General weights to start from.")] = MOTION_WEIGHTS,
    cache: Annotated[Path, typer.Option(help="Folder for landmarks.")] = Path("benchmark-cache"),
    scratch: Annotated[bool, typer.Option(help="Also learn without general weights.")] = True,
) -> None:
    """Print how close the predicted motion of each clip is to the tracked motion, and how fast it is predicted."""
    lips, heads = Table(title="Lips"), Table(title="Heads")
    for table, columns in ((lips, LIP_COLUMNS), (heads, HEAD_COLUMNS)):
        for column in columns:
            table.add_column(column, justify="left" if column in ("clip", "model") else "right")
    general, model = MotionModel.load(weights), None
    for person in speakers(clips, learn_seconds, cache):
        split = round(learn_seconds * 25)
        start = time.perf_counter()
        model = person.learn(split, general)
        learning_seconds = time.perf_counter() - start
        from_scratch = person.learn(split, None) if scratch else None
        sound, truth = person.cut(split)
        sound = synchronised(sound, model)
        measured = LipMeasure.of(person, truth, sound)
        closed = np.tile(model.style.rest, (len(truth), 1))
        rows = {
            "truth": [truth],
            "general alone": predictions(general, sound, truth),
            f"personal ({model.audio_offset_seconds * 1000:+.0f} ms)": predictions(model, sound, truth),
            **({"from scratch": predictions(from_scratch, sound, truth)} if from_scratch else {}),
            "closed mouth, constant pose": [constant_pose(model, truth, closed)],
        }
        for name, predicted in rows.items():
            seconds = f"{learning_seconds:.0f}" if name.startswith("personal") else ""
            lips.add_row(person.name, name, *measured.row(predicted[0].expression), seconds)
            if name != "truth":
                add_head_row(heads, person, truth, name, predicted)
        add_head_row(heads, person, truth, "the learned seconds' pose", [person.cut(0, split)[1]])
        console.print(f"{person.name}: {len(truth) / 25:.0f} s, {measured.phones} phones B, M, P, "
                      f"{measured.pauses.sum() / 25:.1f} s of pauses")
        lips.add_section()
        heads.add_section()
    console.print(lips, heads)
    if model is not None:
        print_speed(model)


@dataclass(frozen=True)
class LipMeasure:
    """What the lips of one person are measured against.

    windows: frames around each phone that closes the lips.
    pauses: (T,) frames within pauses, without the first and last three.
    """

    person: Speaker
    truth: Performance
    windows: list[slice]
    pauses: np.ndarray

    @staticmethod
    def of(person: Speaker, truth: Performance, sound: np.ndarray) -> LipMeasure:
        phones = align_phones(sound, len(truth) * ROWS_PER_FRAME)
        windows = [slice(max(0, int((start - 0.04) * 25)), int((end + 0.04) * 25) + 1)
                   for symbol, start, end, confidence in zip(phones.labels, phones.starts, phones.ends,
                                                             phones.confidences)
                   if symbol in BILABIALS and confidence >= MIN_CONFIDENCE]
        levels = speech_levels(sound, 0, len(truth), loudness(sound)[1])
        pauses = binary_erosion(binary_opening(levels < pause_level(levels), np.ones(MIN_PAUSE)), np.ones(7))
        return LipMeasure(person, truth, windows, pauses)

    @property
    def phones(self) -> int:
        """Number of phones that close the lips."""
        return len(self.windows)

    def row(self, expression: np.ndarray) -> list[str]:
        """Return the columns of the table of lips."""
        true, opening = (self.person.lips(values)[:, 0] for values in (self.truth.expression, expression))
        lowest = np.percentile(true, 2)
        limit = lowest + CLOSED * (np.median(true) - lowest)
        closed = np.mean([opening[window].min() < limit for window in self.windows]) if self.windows else np.nan
        paused = (opening[self.pauses] < limit).mean() if self.pauses.any() else np.nan
        return [*(f"{value:.3f}" for value in self.person.lip_correlations(self.truth, expression)),
                f"{opening.std() / true.std():.2f}", f"{closed:.2f}", f"{paused:.2f}",
                f"{self.person.mouth_distance(self.truth, expression):.2f}"]


def predictions(model: MotionModel, sound: np.ndarray, truth: Performance) -> list[Performance]:
    return [predict(model, sound, truth.seconds, seed) for seed in SEEDS]


def constant_pose(model: MotionModel, truth: Performance, expression: np.ndarray) -> Performance:
    """The ablation without pose: the head stays in the person's median pose."""
    pose = np.tile(np.median(model.style.pose, 0), (len(truth), 1))
    return Performance(truth.fps, expression, pose[:, :3], pose[:, 3:])


def add_head_row(table: Table, person: Speaker, truth: Performance, name: str, predicted: list[Performance]) -> None:
    half = len(truth) // 2
    ceiling = measures.head_pose_similarity(truth.rotation[:half], truth.rotation[half:])
    mean = {key: np.mean([measure(truth.rotation, each.rotation) for each in predicted], 0) for key, measure in (
        ("hs", measures.head_pose_similarity), ("w1", measures.pose_distance_degrees),
        ("speed", measures.pose_speed_ratio))}
    table.add_row(person.name, name, f"{mean['hs']:.3f}", f"{ceiling:.3f}",
                  " ".join(f"{degrees:.1f}" for degrees in mean["w1"]), f"{mean['speed']:.2f}")


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
    features = networks[0].config.features
    states: list = [None] * len(networks)

    def run() -> None:
        window = torch.randn(1, 1, features.grid.window_rows, features.columns)
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
