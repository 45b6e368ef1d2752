"""Speech to performance on one thread: times real time, and where the time goes.

    python benchmarks/perform_speed.py SPEECH

Runs `headroom perform` without a subject, as the command does, on a recording that is repeated up to a length. Other
load on the machine only adds to the time that passes, so the processor's time stands beside it; each is the shortest of
a few runs. The parts below are those of the whole.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from long_speech import write_repeated
from rich.console import Console
from rich.table import Table

from headroom.common.threads import one_thread
from headroom.media.audio import audio_on_disk, read_audio
from headroom.motion.audio.features import feature_windows, utterance_stats
from headroom.motion.audio.loudness import speech_levels
from headroom.motion.audio.phone_alignment import align_phones
from headroom.motion.audio.timing import ROWS_PER_FRAME, frame_count
from headroom.motion.predict import predict, predict_windows
from headroom.motion.style.accents import find_accents
from headroom.motion.style.motion_graph import walk_motion_graph
from headroom.pipeline import perform
from headroom.subject.average import average_speaker
from headroom.subject.face_controls import with_face_controls


@torch.no_grad()
@one_thread()
def main(
    speech: Annotated[Path, typer.Argument(help="Recording that is repeated.")],
    seconds: Annotated[float, typer.Option(help="Length of the speech.")] = 60.0,
    runs: Annotated[int, typer.Option(help="Runs of which the shortest counts.", min=1)] = 5,
) -> None:
    """Print the time of the whole path and of its parts."""
    person = average_speaker()
    model, features = person.motion, person.motion.config.features
    table = Table(title=f"{seconds:.0f} s of speech, {torch.get_num_threads()} thread")
    for heading in ("", "passed, s", "x real time", "processor, s", "x real time"):
        table.add_column(heading, justify="right" if heading else "left")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        write_repeated(path, read_audio(speech), seconds / 60)
        with audio_on_disk(path) as mapped:
            sound = np.array(mapped)
        frames = frame_count(sound)
        stats = utterance_stats(sound, features)
        windows, levels = feature_windows(sound, 0, frames, features, stats), speech_levels(sound, 0, frames,
                                                                                            stats.loud_db)
        accents, performance = find_accents(sound, levels), predict(model, sound)
        parts: dict[str, Callable[[], object]] = {
            "the whole path": lambda: perform(None, path),
            "  speech encoder": lambda: feature_windows(sound, 0, frames, features, utterance_stats(sound, features)),
            "  networks and regression": lambda: predict_windows(model, windows, [None] * len(model.networks)),
            "  phones": lambda: align_phones(sound, frames * ROWS_PER_FRAME),
            "  accents": lambda: find_accents(sound, levels),
            "  head and brows": lambda: walk_motion_graph(model.style, levels, accents, 0),
            "  face controls": lambda: with_face_controls(performance, person.rig, model.style),
        }
        for name, run in parts.items():
            passed, processor = shortest(run, runs)
            table.add_row(name, f"{passed:.2f}", f"{seconds / passed:.0f}", f"{processor:.2f}",
                          f"{seconds / processor:.0f}")
    Console(width=100).print(table)


def shortest(run: Callable[[], object], runs: int) -> np.ndarray:
    """Return the shortest time that passed and the shortest time of this thread on the processor, seconds."""
    run()  # loads modules and filters
    times = []
    for _ in range(runs):
        start = time.perf_counter(), time.thread_time()
        run()
        times.append((time.perf_counter() - start[0], time.thread_time() - start[1]))
    return np.min(times, 0)


if __name__ == "__main__":
    typer.run(main)
