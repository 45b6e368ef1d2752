"""Quality against the length of the clip (the paper's study of 50 to 800 frames).

    python benchmarks/clip_length.py CLIP...

Each length is learned from the beginning of the clip, and all are measured on the same end of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from speakers import speakers, synchronised

from headroom.common.paths import MOTION_WEIGHTS
from headroom.evaluation import measures
from headroom.motion.model.model import MotionModel
from headroom.motion.predict import predict

LENGTHS = (50, 100, 200, 300, 500, 800)
MIN_MEASURED = 150  # frames
TRACKED_SECONDS = 12.0  # that identity and camera are tracked from


def main(
    clips: Annotated[list[Path], typer.Argument(help="Long clips.")],
    weights: Annotated[Path, typer.Option(help="General weights to start from.")] = MOTION_WEIGHTS,
    cache: Annotated[Path, typer.Option(help="Folder for landmarks.")] = Path("benchmark-cache"),
) -> None:
    """Print lip correlation and head similarity against the length of the clip."""
    general = MotionModel.load(weights)
    table = Table(title="Learned from the first frames of a clip")
    for heading in ("clip", "frames", "lips, correlation", "mouth, px", "HS", "pose speed"):
        table.add_column(heading, justify="left" if heading == "clip" else "right")
    for person in speakers(clips, TRACKED_SECONDS, cache):
        lengths = [length for length in LENGTHS if length + MIN_MEASURED <= len(person.motion)]
        sound, truth = person.cut(max(lengths))
        for length in lengths:
            model = person.learn(length, general)
            predicted = [predict(model, synchronised(sound, model), truth.seconds, seed) for seed in range(3)]
            hs, speed = (np.mean([measure(truth.rotation, each.rotation) for each in predicted]) for measure in (
                measures.head_pose_similarity, measures.pose_speed_ratio))
            table.add_row(person.name, str(length), f"{person.lip_correlation(truth, predicted[0].expression):.3f}",
                          f"{person.mouth_distance(truth, predicted[0].expression):.2f}", f"{hs:.3f}", f"{speed:.2f}")
        table.add_section()
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
