"""A file with two audio tracks."""

from pathlib import Path

import av
import numpy as np


def write_two_tracks(path: Path, seconds: float = 0.5) -> Path:
    """Write a tone of 200 Hz and one of 900 Hz, mono at 16 kHz, as two audio tracks."""
    times = np.arange(round(16000 * seconds)) / 16000
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=16000, layout="mono") for _ in range(2)]
        for stream, pitch in zip(streams, (200, 900)):
            tone = 0.2 * np.sin(2 * np.pi * pitch * times)[None].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(tone, format="flt", layout="mono")
            frame.sample_rate = 16000
            container.mux([*stream.encode(frame), *stream.encode(None)])
    return path
