"""How head and brows keep time with the voice: their motion at its accents, measured on clips of people in no weights.

    python benchmarks/beats.py CLIP...

Learns from the first half of each clip, at most 12 s, and measures on the rest. The excess is what head and brows move
more at the accents than the same motion does when it is shifted against the voice by seconds; z is the excess in
standard deviations over the shifts. Predictions are means over eight seeds; "loudness alone" are those of a motion
graph that knows no accents. The last rows stand for the peaks of loudness and of pitch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.signal import find_peaks
from speakers import Speaker, speakers, synchronised

from headroom.common.paths import MOTION_WEIGHTS
from headroom.evaluation import measures
from headroom.face.directions import FaceDirections
from headroom.face.performance import Performance
from headroom.motion.audio.loudness import loudness, speech_levels
from headroom.motion.model.model import MotionModel
from headroom.motion.predict import predict
from headroom.motion.style.accents import MIN_GAP, find_accents, smooth_levels, smooth_pitch
from headroom.motion.style.beats import beat_signals

SEEDS = range(8)
SIGNALS = ("head speed", "nod speed", "brow speed", "brow height")
MIN_SHIFT = 50  # frames, two seconds
SHIFTS = 100
console = Console(width=150)


@dataclass(frozen=True)
class Excess:
    """Excess (4,) of the signals at n accents, and its standard deviation (4,) over shifts."""

    value: np.ndarray
    deviation: np.ndarray
    accents: int


def main(
    clips: Annotated[list[Path], typer.Argument(help="Clips longer than the learned part.")],
    learn_seconds: float = 12.0,
    weights: Annotated[Path, typer.Option(help="General weights to start from.")] = MOTION_WEIGHTS,
    cache: Annotated[Path, typer.Option(help="Folder for landmarks.")] = Path("benchmark-cache"),
) -> None:
    general = MotionModel.load(weights)
    found: dict[str, list[dict[str, Excess]]] = {}
    tables = (new_table("Excess at accents, z in brackets", ("accents", *SIGNALS)),
              new_table("Range and speed", ("HS", "W1 deg", "pose speed")))
    for person in speakers(clips, learn_seconds, cache):
        split = min(round(learn_seconds * 25), len(person.motion) // 2)
        model = person.learn(split, general)
        sound, truth = person.cut(split)
        sound = synchronised(sound, model)
        deaf = replace(model, style=replace(model.style, accents=model.style.accents[:0]))
        motions = {"truth": [truth]} | {name: [predict(each, sound, truth.seconds, seed) for seed in SEEDS]
                                        for name, each in (("predicted", model), ("loudness alone", deaf))}
        for kind, accents in accents_of(sound, len(truth)).items():
            excesses = {name: mean_excess([excess(each, accents, person) for each in motion])
                        for name, motion in motions.items()}
            found.setdefault(kind, []).append(excesses)
            if kind == "accents":
                add_rows(tables[0], f"{person.name}, {truth.seconds:.0f} s", excesses)
        for name in ("predicted", "loudness alone"):
            tables[1].add_row(person.name, name, *range_and_speed(truth, motions[name]))
    for kind, people in found.items():
        add_rows(tables[0], f"all, {kind}", {name: pooled([each[name] for each in people]) for name in people[0]})
    for table in tables:
        console.print(table)


def accents_of(sound: np.ndarray, frames: int) -> dict[str, np.ndarray]:
    """Return which frames (T,) have accents, and peaks of 6 dB of loudness and of 2 semitones of pitch."""
    levels = speech_levels(sound, 0, frames, loudness(sound)[1])
    found = {"accents": find_accents(sound, levels) > 0}
    for kind, values, prominence in (("loudness", smooth_levels(levels), 6), ("pitch", smooth_pitch(sound, levels), 2)):
        found[kind] = np.zeros(frames, bool)
        found[kind][find_peaks(values, prominence=prominence, distance=MIN_GAP)[0]] = True
    return found


def excess(performance: Performance, accents: np.ndarray, person: Speaker) -> Excess:
    """Return the excess of a performance at accents (T,) over circular shifts of it by two seconds and more."""
    directions = FaceDirections.of(person.model)
    brows = performance.expression[:, list(directions.brow_modes)] @ np.array(directions.brow_raise)
    signals = beat_signals(performance.pose_vectors, brows)
    frames, count = np.flatnonzero(accents), len(signals)
    shifts = np.linspace(MIN_SHIFT, count - MIN_SHIFT, SHIFTS).astype(int)
    shifted = np.stack([signals[(frames + shift) % count].mean(0) for shift in shifts])
    return Excess(signals[frames].mean(0) - shifted.mean(0), shifted.std(0), len(frames))


def mean_excess(seeds: list[Excess]) -> Excess:
    """Return the mean over seeds; its deviation is that of one seed, because all share the accents."""
    return Excess(np.mean([each.value for each in seeds], 0), np.mean([each.deviation for each in seeds], 0),
                  seeds[0].accents)


def pooled(people: list[Excess]) -> Excess:
    """Return the mean over the accents of all people."""
    counts = np.array([each.accents for each in people])[:, None]
    variance = (counts**2 * np.stack([each.deviation for each in people]) ** 2).sum(0) / counts.sum() ** 2
    return Excess((counts * np.stack([each.value for each in people])).sum(0) / counts.sum(), np.sqrt(variance),
                  int(counts.sum()))


def new_table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title)
    for column in ("clip", "motion", *columns):
        table.add_column(column, justify="left" if column in ("clip", "motion") else "right")
    return table


def add_rows(table: Table, name: str, excesses: dict[str, Excess]) -> None:
    """Add the excess of each motion, and the quotient of the predicted one and the true one."""
    for motion, each in excesses.items():
        cells = (f"{value:+.2f} ({value / max(deviation, 1e-9):+.1f})"
                 for value, deviation in zip(each.value, each.deviation))
        table.add_row(name, motion, str(each.accents), *cells)
    quotients = (f"{a / b:.2f}" if b > 0 else "-" for a, b in zip(excesses["predicted"].value, excesses["truth"].value))
    table.add_row("", "predicted / truth", "", *quotients)
    table.add_section()


def range_and_speed(truth: Performance, predicted: list[Performance]) -> tuple[str, str, str]:
    """Return head similarity, distance between the distributions of the angles, and quotient of the speeds."""
    similarity, distance, speed = (
        np.mean([measure(truth.rotation, each.rotation) for each in predicted], 0)
        for measure in (measures.head_pose_similarity, measures.pose_distance_degrees, measures.pose_speed_ratio))
    return f"{similarity:.3f}", " ".join(f"{degrees:.1f}" for degrees in distance), f"{speed:.2f}"


if __name__ == "__main__":
    typer.run(main)
