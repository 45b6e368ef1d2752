"""Speech encoder: log-mel spectra to vectors that tell what is said, 50 per second.

The vectors are those after the first layers of Whisper's encoder (Radford et al. 2022), which was trained on hundreds
of thousands of hours of speech. Its weights stay as they are; they lie in a file of their own
(`headroom.motion.audio.encoder_file`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from headroom.common.autocast import autocast
from headroom.common.threads import one_thread
from headroom.media.audio import SAMPLE_RATE
from headroom.motion.audio.timing import cut_samples

MELS = 80
FFT_SIZE = 400  # 25 ms
HOP = 160  # samples from one spectrum to the next, 10 ms
VECTOR_SAMPLES = 2 * HOP  # samples from one vector to the next, 20 ms; vector j is centred on sample 320 j
SECTION = 400  # vectors that one pass of the network gives, 8 s
CONTEXT = 50  # vectors before and after a section that the network also sees, 1 s
LOUD_DB = -20.0  # level that the loud parts of a recording are brought to, dB of full scale
_FLOOR = -6.5
"""Smallest log10 of a mel band: 8 below the largest value that speech at `LOUD_DB` reaches, as in Whisper's input."""


@dataclass(frozen=True)
class EncoderShape:
    """Shape of the network; Whisper tiny has width 384 and 6 heads, base 512 and 8.

    components: numbers in a vector after the projection on the main components of speech; 0: no projection.
    """

    width: int
    heads: int
    layers: int
    positions: int
    components: int = 0


class SpeechEncoder(nn.Module):
    """Two convolutions and the first transformer layers of Whisper's encoder, and a linear projection."""

    def __init__(self, shape: EncoderShape):
        super().__init__()
        self.shape = shape
        self.conv1 = nn.Conv1d(MELS, shape.width, 3, padding=1)
        self.conv2 = nn.Conv1d(shape.width, shape.width, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(shape.positions, shape.width))
        self.layers = nn.ModuleList(EncoderLayer(shape) for _ in range(shape.layers))
        self.projection = nn.Linear(shape.width, shape.components, bias=False) if shape.components else nn.Identity()

    @property
    def columns(self) -> int:
        """Numbers in a vector, A."""
        return self.shape.components or self.shape.width

    def forward(self, log_mel: Tensor) -> Tensor:
        """Return vectors (B, ceil(T / 2), A) of scaled log-mel spectra (B, 80, T)."""
        vectors = functional.gelu(self.conv2(functional.gelu(self.conv1(log_mel)))).transpose(1, 2)
        vectors = vectors + self.positions[:vectors.shape[1]]
        for layer in self.layers:
            vectors = layer(vectors)
        return self.projection(vectors)


class EncoderLayer(nn.Module):
    """One transformer layer: self-attention and a feed-forward network, each after a layer norm."""

    def __init__(self, shape: EncoderShape):
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return vectors (B, T, D) of vectors (B, T, D)."""
        parts = self.queries_keys_values(self.attention_norm(vectors)).chunk(3, -1)
        queries, keys, values = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        attended = functional.scaled_dot_product_attention(queries, keys, values).transpose(1, 2).flatten(-2)
        vectors = vectors + self.attention_output(attended)
        hidden = functional.gelu(self.expand(self.feed_forward_norm(vectors)))
        return vectors + self.contract(hidden)


Sections = dict[tuple[int, int], np.ndarray]
"""Vectors of sections of a recording by their first and last number, the last one exclusive."""


def encode(
    encoder: SpeechEncoder, samples: np.ndarray, first: int, last: int, loud_db: float, vtln: float = 1.0
) -> np.ndarray:
    """Return the vectors (last - first, A) float32 with the numbers first..last-1 of `samples` (N,) at 16 kHz.

    loud_db: level of the recording's loud parts, dB of full scale.
    vtln: factor on the frequencies, which imitates another length of the vocal tract.

    The network sees fixed sections of up to 8 s with a second of context, whatever is asked for. So a long recording
    can be encoded in any pieces and gives the same vectors. Outside the recording is silence.
    """
    return join_sections(first, last, samples, lambda section: encode_section(encoder, samples, section, loud_db, vtln))


def join_sections(
    first: int, last: int, samples: np.ndarray, vectors_of: Callable[[tuple[int, int]], np.ndarray]
) -> np.ndarray:
    """Return the vectors (last - first, A) of `samples` (N,) from those of each of its `sections`."""
    return np.concatenate([vectors_of((begin, end))[max(first, begin) - begin:min(last, end) - begin]
                           for begin, end in sections(first, last, vector_count(samples))])


@torch.inference_mode()
@one_thread()
def encode_section(
    encoder: SpeechEncoder, samples: np.ndarray, section: tuple[int, int], loud_db: float, vtln: float
) -> np.ndarray:
    """Return the vectors (end - begin, A) float32 of one of `sections`; see `encode`."""
    begin, end = section
    spectra = torch.from_numpy(log_mel(samples, 2 * (begin - CONTEXT), 2 * (end + CONTEXT), loud_db, vtln))
    device = next(encoder.parameters()).device
    with autocast(device):  # changes the vectors by 1 % of their deviation
        vectors = encoder(spectra.T[None].to(device))
    return vectors[0, CONTEXT:CONTEXT + end - begin].float().cpu().numpy()


def vector_count(samples: np.ndarray) -> int:
    """Return how many vectors `samples` (N,) have."""
    return -(-len(samples) // VECTOR_SAMPLES)


def sections(first: int, last: int, count: int) -> list[tuple[int, int]]:
    """Return the sections (begin, end) that cover the vectors first..last-1 of a recording of `count` vectors.

    Sections begin at fixed places; a second after the end of the recording another one begins, so that a recording of
    one word does not cost 8 s.
    """
    found = []
    silence = count + CONTEXT
    for number in range((first + CONTEXT) // SECTION, -(-(last + CONTEXT) // SECTION)):
        begin, end = number * SECTION - CONTEXT, (number + 1) * SECTION - CONTEXT
        split = [begin, silence, end] if begin < silence < end else [begin, end]
        found += [(low, high) for low, high in pairwise(split) if low < last and high > first]
    return found


def log_mel(samples: np.ndarray, first: int, last: int, loud_db: float, vtln: float = 1.0) -> np.ndarray:
    """Return Whisper's input (last - first, 80) float32: scaled log-mel spectra with the numbers first..last-1.

    Spectrum i is centred on sample 160 i of `samples` (N,).
    """
    piece = cut_samples(samples, first * HOP - FFT_SIZE // 2, (last - 1) * HOP + FFT_SIZE // 2)
    piece *= np.float32(10 ** ((LOUD_DB - loud_db) / 20))
    window = np.hanning(FFT_SIZE + 1)[:-1].astype(np.float32)
    rows = np.lib.stride_tricks.sliding_window_view(piece, FFT_SIZE)[::HOP]
    power = np.abs(np.fft.rfft(rows * window)).astype(np.float32) ** 2
    return (np.log10(np.maximum(power @ _mel_filters(vtln), np.float32(10**_FLOOR))) + 4) / 4


@lru_cache(maxsize=32)
def _mel_filters(vtln: float) -> np.ndarray:
    """Return Slaney's mel filters (201, 80) float32, read at `vtln` times each frequency."""
    from librosa.filters import mel  # takes 0.3 s and loads numba

    filters, bins = mel(sr=SAMPLE_RATE, n_fft=FFT_SIZE, n_mels=MELS), np.arange(FFT_SIZE // 2 + 1)
    return np.stack([np.interp(bins * vtln, bins, each, right=0) for each in filters], 1).astype(np.float32)

