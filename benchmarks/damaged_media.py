"""What becomes of damaged media: a sentence, or what could still be read; never a traceback, a hang or more memory.

    python benchmarks/damaged_media.py [--count 500]

Bytes of small movies, sounds and pictures are changed, cut out or cut off, and each file is read as `learn` reads it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

import av
import numpy as np
from damaged_input import damage_bytes
from process_memory import memory_in_use
from rich.console import Console
from rich.table import Table

from headroom.common.errors import HeadroomError
from headroom.common.failures import explain_failures
from headroom.media.audio import read_audio, write_wav
from headroom.media.image import write_picture
from headroom.media.photo import read_photo
from headroom.media.video import probe, read_frames

FPS, SIDE, SECONDS = 25, 96, 1.0
MOVIES = {"clip.mp4": "libx264", "clip.mov": "libx264", "clip.mkv": "libx264", "clip.webm": "libvpx-vp9"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    count = parser.parse_args().count
    results, worst, rng = {}, 0.0, np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        originals = write_media(Path(folder))
        before = memory_in_use()
        for number in range(count):
            name = list(originals)[number % len(originals)]
            path = Path(folder) / f"damaged{Path(name).suffix}"
            path.write_bytes(damage_bytes(originals[name], rng))
            start = time.perf_counter()
            results.setdefault(name, Counter())[outcome(path)] += 1
            worst = max(worst, time.perf_counter() - start)
    grown = (memory_in_use() - before) / 2**20
    table = Table(title=f"{count} damaged files; slowest {worst:.1f} s; memory +{grown:.0f} MiB")
    columns = ["read all the same", "one sentence", "anything else"]
    for heading in ("file", *columns):
        table.add_column(heading)
    for name, counts in results.items():
        table.add_row(name, *[str(counts[column]) for column in columns])
    Console(width=100).print(table)


def write_media(folder: Path) -> dict[str, bytes]:
    """Write small files of each kind; return their bytes by name."""
    rng = np.random.default_rng(1)
    frames = [np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((12, 12, 1))).astype(np.uint8) for _ in range(FPS)]
    for name, codec in MOVIES.items():
        with av.open(str(folder / name), "w") as movie:
            stream = movie.add_stream(codec, rate=FPS)
            stream.width = stream.height = SIDE
            stream.pix_fmt = "yuv420p"
            for frame in frames:
                movie.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            movie.mux(stream.encode())
    write_wav(folder / "speech.wav", rng.normal(0, 0.1, int(16000 * SECONDS)).astype(np.float32))
    for name in ("photo.png", "photo.jpg"):
        write_picture(folder / name, frames[0])
    return {name: (folder / name).read_bytes() for name in (*MOVIES, "speech.wav", "photo.png", "photo.jpg")}


def outcome(path: Path) -> str:
    """Read a file; return what happened."""
    try:
        with explain_failures():
            if path.suffix in (".png", ".jpg"):
                read_photo(path)
            elif path.suffix == ".wav":
                read_audio(path)
            else:
                probe(path)
                for _ in read_frames(path):
                    pass
    except HeadroomError:
        return "one sentence"
    except Exception as error:
        print(path.suffix, type(error).__name__, error)
        return "anything else"
    return "read all the same"


if __name__ == "__main__":
    main()
