"""Memory and time of predicting a long speech.

    python benchmarks/long_speech.py SPEECH --minutes 60

Repeats a recording up to that length, predicts the performance, and prints the memory used beyond what was in use
before, and the difference from a performance predicted in a single pass.
"""

from __future__ import annotations

import tempfile
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from headroom.common.errors import HeadroomError
from headroom.media.audio import SAMPLE_RATE, audio_on_disk, read_audio
from headroom.motion import predict as prediction
from headroom.motion.model.general import general_model


def main(
    speech: Annotated[Path, typer.Argument(help="Recording that is repeated.")],
    minutes: Annotated[float, typer.Option(help="Length of the speech.")] = 60.0,
    compare: Annotated[bool, typer.Option("--compare", help="Also predict in a single pass (much memory).")] = False,
) -> None:
    """Print memory and time of predicting a long speech."""
    model = general_model()
    if model is None:
        raise HeadroomError("The bundled weights are missing; install Headroom again.")
    sound = read_audio(speech)
    prediction.predict(model, sound[:5 * SAMPLE_RATE])  # loads modules and filters
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        write_repeated(path, sound, minutes)
        start = time.perf_counter()
        with audio_on_disk(path) as samples:
            reading_seconds = time.perf_counter() - start
            with memory_samples() as used:
                performance = prediction.predict(model, samples)
            seconds = time.perf_counter() - start
            print(f"{performance.seconds / 60:.1f} min: {seconds:.1f} s ({reading_seconds:.1f} s of it reading), "
                  f"{performance.seconds / seconds:.0f} x real time, {max(used) - used[0]:.0f} MB more memory")
            if compare:
                prediction.CHUNK_FRAMES = len(performance)
                one_pass = prediction.predict(model, samples)
                difference = max(float(np.abs(getattr(performance, name) - getattr(one_pass, name)).max())
                                 for name in ("expression", "rotation", "translation"))
                print(f"greatest difference from one pass: {difference:.1e}")


def write_repeated(path: Path, sound: np.ndarray, minutes: float) -> None:
    """Write `sound` (N,) repeatedly, each time at another loudness."""
    rng, left = np.random.default_rng(0), round(minutes * 60 * SAMPLE_RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        while left > 0:
            piece = sound[:left] * rng.uniform(0.5, 1.0)
            file.writeframes(np.round(np.clip(piece, -1, 1) * 32767).astype("<i2").tobytes())
            left -= len(piece)


@contextmanager
def memory_samples() -> Iterator[list[float]]:
    """List the megabytes in use every 20 ms, the first before the block. Linux only.

    Pages of the mapped sound are not counted, because the system frees them when it needs them.
    """
    used, done = [megabytes()], threading.Event()

    def sample() -> None:
        while not done.wait(0.02):
            used.append(megabytes())

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield used
    finally:
        done.set()
        sampler.join()


def megabytes() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    typer.run(main)
