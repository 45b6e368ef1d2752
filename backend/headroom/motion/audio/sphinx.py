"""Reader of acoustic models of CMU Sphinx, phonetically tied: the files `means`, `variances` and `sendump`."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from headroom.common.errors import InputError
from headroom.motion.audio.phones import PhoneModel

_FILES = ("means", "variances", "sendump")
_STATES = 3
_BYTE_ORDER = 0x11223344
_LOG_BASE, _SHIFT = 1.0001, 1024
"""Mixture weights are stored as minus their logarithm to this base, in units of this."""
_MIN_VARIANCE = 1e-4


def read_phone_model(folder: Path) -> PhoneModel:
    """Read the phones of an acoustic model, without its triphones; InputError where a file is missing."""
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} lacks {', '.join(missing)}; choose the folder of a Sphinx acoustic model.")
    means, variances = (read_gaussians(folder / name) for name in ("means", "variances"))
    weights = read_weights(folder / "sendump", streams=means.shape[1], phones=means.shape[0])
    return PhoneModel(means, np.maximum(variances, _MIN_VARIANCE), weights)


def read_gaussians(path: Path) -> np.ndarray:
    """Read means or variances (P, streams, G, 13) float32.

    The file has a text header, a number that shows the byte order, counts, and the values.
    """
    data = path.read_bytes()
    start = data.find(b"endhdr\n") + len(b"endhdr\n")
    order = "<" if struct.unpack_from("<I", data, start)[0] == _BYTE_ORDER else ">"
    phones, streams, gaussians = struct.unpack_from(order + "3i", data, start + 4)
    lengths = struct.unpack_from(f"{order}{streams}i", data, start + 16)
    values = np.frombuffer(data, order + "f4", phones * gaussians * sum(lengths), start + 16 + 4 * streams + 4)
    return values.reshape(phones, streams, gaussians, lengths[0]).astype(np.float32)


def read_weights(path: Path, streams: int, phones: int) -> np.ndarray:
    """Read mixture weights (P, streams, G, 3) float32 that sum to one over G.

    The states of the phones come first in the file, before those of the triphones.
    """
    data, start = path.read_bytes(), 0
    while length := struct.unpack_from("<i", data, start)[0]:
        start += 4 + length
    gaussians, states = struct.unpack_from("<2i", data, start + 4)
    stored = np.frombuffer(data, np.uint8, streams * gaussians * states, start + 12)
    stored = stored.reshape(streams, gaussians, states)[..., :phones * _STATES].astype(np.float64)
    weights = np.exp(-stored * _SHIFT * np.log(_LOG_BASE))
    weights /= weights.sum(1, keepdims=True)
    return weights.reshape(streams, gaussians, phones, _STATES).transpose(2, 0, 1, 3).astype(np.float32)
