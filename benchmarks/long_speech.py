"""Memory and time of a long speech.

    python benchmarks/long_speech.py SPEECH --minutes 60

Repeats a recording until it is so long, performs it, and says how much memory that took beyond what was in use before,
and how far the performance is from one made in a single pass.
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
from headroom.motion.predict import predict
from headroom.motion.train.general import general_model


def main(
    speech: Path,
    minutes: float = 60.0,
    compare: Annotated[bool, typer.Option("--compare", help="Also in a single pass, which takes much memory.")] = False,
) -> None:
    model = general_model()
    if model is None:
        raise HeadroomError("The bundled weights are missing; install Headroom again.")
    sound = read_audio(speech)
    predict(model, sound[:5 * SAMPLE_RATE])  # what loads only once
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        write_repeated(path, sound, minutes)
        begun = time.perf_counter()
        with audio_on_disk(path) as samples:
            read = time.perf_counter() - begun
            with memory_watched() as seen:
                made = predict(model, samples)
            took = time.perf_counter() - begun
            more = max(seen) - seen[0]
            print(f"{made.seconds / 60:.1f} min: {took:.1f} s ({read:.1f} s of it reading), "
                  f"{made.seconds / took:.0f} x real time, {more:.0f} MB more memory")
            if compare:
                whole = predict(model, samples, chunk_frames=len(made))
                apart = max(float(np.abs(getattr(made, name) - getattr(whole, name)).max())
                            for name in ("expression", "rotation", "translation"))
                print(f"greatest difference from one pass: {apart:.1e}")


def write_repeated(path: Path, sound: np.ndarray, minutes: float) -> None:
    """`sound` (N,) over and over, each time at another loudness."""
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
def memory_watched() -> Iterator[list[float]]:
    """Megabytes in use, every 20 ms, the first before the block; pages of the mapped sound are not counted, since the
    system takes them back when it needs them. Linux only."""
    seen, done = [megabytes()], threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            seen.append(megabytes())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    yield seen
    done.set()
    watcher.join()


def megabytes() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    typer.run(main)
