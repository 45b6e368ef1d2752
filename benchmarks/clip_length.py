"""How long a clip has to be (the paper's study of 50 to 800 frames).

    python benchmarks/clip_length.py CLIP...

Every length is learnt from the beginning of the clip, and all are measured on the same end of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from speakers import in_step, speakers

from headroom.evaluation import measures
from headroom.motion.model.model import MotionModel
from headroom.motion.predict import predict
from headroom.motion.train.general import WEIGHTS

LENGTHS = (50, 100, 200, 300, 500, 800)
LEAST_MEASURED = 150  # frames
LEAST_LEARNT_SECONDS = 12.0  # that identity and camera are tracked from


def main(
    clips: Annotated[list[Path], typer.Argument(help="Clips, the longer the better.")],
    weights: Annotated[Path, typer.Option(help="General weights to begin from.")] = WEIGHTS,
    cache: Annotated[Path, typer.Option(help="Folder for found landmarks.")] = Path("benchmark-cache"),
) -> None:
    known = MotionModel.load(weights)
    table = Table(title="What is learnt from the first frames of a clip")
    for heading in ("clip", "frames", "lips, correlation", "mouth, px", "HS", "pose speed"):
        table.add_column(heading, justify="left" if heading == "clip" else "right")
    for person in speakers(clips, LEAST_LEARNT_SECONDS, cache):
        lengths = [length for length in LENGTHS if length + LEAST_MEASURED <= len(person.motion)]
        sound, truth = person.part(max(lengths))
        for length in lengths:
            model = person.learnt(length, known)
            made = [predict(model, in_step(sound, model), truth.seconds, seed) for seed in range(3)]
            hs, speed = (np.mean([measure(truth.rotation, each.rotation) for each in made]) for measure in (
                measures.head_pose_similarity, measures.pose_speed_ratio))
            table.add_row(person.name, str(length), f"{person.lip_correlation(truth, made[0].expression):.3f}",
                          f"{person.mouth_distance(truth, made[0].expression):.2f}", f"{hs:.3f}", f"{speed:.2f}")
        table.add_section()
    Console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
