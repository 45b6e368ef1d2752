"""The speech encoder: its network, its sections, and the files that it is extracted from."""

import struct
import zipfile
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from synthetic_speaker import speaker

from headroom.common.errors import InputError
from headroom.media.audio import SAMPLE_RATE
from headroom.motion.audio.encoder_file import bundled_encoder, encoder_of, extract_encoder, read_file, write_file
from headroom.motion.audio.features import SPEECH_RANGE_DB, FeatureConfig, feature_rows, utterance_stats
from headroom.motion.audio.loudness import loudness
from headroom.motion.audio.speech_encoder import (
    CONTEXT,
    SECTION,
    EncoderShape,
    SpeechEncoder,
    encode,
    log_mel,
    sections,
)
from headroom.training.encoder_components import with_components

SHAPE = EncoderShape(width=64, heads=1, layers=2, positions=60)


@pytest.fixture
def small():
    """A small encoder with random parameters."""
    return random_encoder(SHAPE)


def random_encoder(shape):
    torch.manual_seed(0)
    parameters = SpeechEncoder(shape).state_dict()
    return encoder_of({name: torch.randn(value.shape) * 0.2 for name, value in parameters.items()}, shape)


def test_the_network_matches_attention_written_by_hand(small):
    spectra = torch.randn(80, 20)
    convolved = torch.nn.functional.gelu(small.conv1(spectra[None]))
    x = torch.nn.functional.gelu(small.conv2(convolved))[0].T + small.positions[:10]
    for layer in small.layers:
        query, key, value = layer.queries_keys_values(layer.attention_norm(x)).chunk(3, -1)
        weights = torch.softmax(query @ key.T / 64**0.5, -1)
        x = x + layer.attention_output(weights @ value)
        x = x + layer.contract(torch.nn.functional.gelu(layer.expand(layer.feed_forward_norm(x))))
    torch.testing.assert_close(small(spectra[None])[0], x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("count", [1, 40, SECTION - 2 * CONTEXT, 3 * SECTION + 17])
def test_sections_cover_every_vector_once_and_lie_at_the_same_places(count):
    found = sections(-30, count + 100, count)
    assert found[0][0] <= -30 and found[-1][1] >= count + 100
    assert all(end == start for (_, end), (start, _) in pairwise(found))
    assert all(end - begin <= SECTION for begin, end in found)
    for first in range(0, count + 60, 37):
        assert set(sections(first, first + 5, count)) <= set(found)


def test_pieces_of_a_recording_give_the_vectors_of_one_pass():
    samples, _ = speaker(20.0)
    whole = encode(bundled_encoder(), samples, -20, 1020, -20.0)
    for step in (7, 333):
        pieces = [encode(bundled_encoder(), samples, first, min(first + step, 60), -20.0)
                  for first in range(-20, 60, step)]
        np.testing.assert_array_equal(np.concatenate(pieces), whole[:80])
    np.testing.assert_array_equal(encode(bundled_encoder(), samples, 390, 460, -20.0), whole[410:480])


def test_spectra_follow_the_level_of_the_recording_and_pitch_follows_vtln():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    quiet, loud = log_mel(0.01 * tone, 20, 30, -43.0), log_mel(0.1 * tone, 20, 30, -23.0)
    np.testing.assert_allclose(quiet, loud, atol=1e-4)
    assert log_mel(tone, 20, 30, -3.0, 1.2)[0].argmax() > loud[0].argmax()
    assert np.ptp(log_mel(np.zeros(16000, np.float32), 20, 30, -20.0)) == 0


def test_features_do_not_depend_on_loudness_and_have_no_mean_over_speech(monkeypatch):
    monkeypatch.setattr("headroom.common.autocast.has_fast_bfloat16", lambda device: False)
    samples, _ = speaker(10.0)
    config = FeatureConfig()
    rows = [feature_rows(gain * samples, 0, 500, config, utterance_stats(gain * samples, config)) for gain in (0.05, 1)]
    np.testing.assert_allclose(rows[0], rows[1], atol=2e-3)
    levels, loud_db = loudness(samples)
    np.testing.assert_allclose(rows[1][levels[::2] > loud_db - SPEECH_RANGE_DB].mean(0), 0, atol=1e-3)


def test_bfloat16_changes_the_vectors_by_less_than_a_fiftieth_of_their_deviation(monkeypatch):
    samples, _ = speaker(4.0)
    vectors = []
    for fast in (False, True):
        monkeypatch.setattr("headroom.common.autocast.has_fast_bfloat16", lambda device, fast=fast: fast)
        vectors.append(encode(bundled_encoder(), samples, 0, 200, -20.0))
    difference = np.sqrt(np.mean((vectors[1] - vectors[0]) ** 2))
    assert 0 < difference < 0.02 * (vectors[0] - vectors[0].mean(0)).std()


def test_components_keep_what_varies_most_and_have_variance_one():
    whole = random_encoder(EncoderShape(64, 1, 2, 600))
    recordings = [speaker(4.0, seed)[0] for seed in (1, 2)]
    short = with_components(whole, recordings, 8)
    assert short.columns == 8 and whole.columns == 64
    vectors = [encode(whole, samples, 0, 200, -20.0) for samples in recordings]
    varying = np.linalg.svd(np.concatenate([v - v.mean(0) for v in vectors]))[1]
    assert (varying[:8] ** 2).sum() > 0.5 * (varying**2).sum()
    projected = [encode(short, samples, 0, 200, -20.0) for samples in recordings]
    assert 0.3 < np.mean([values.var(0).mean() for values in projected]) < 3


def test_a_file_keeps_the_encoder_in_half_precision(small, tmp_path):
    write_file(tmp_path / "encoder.safetensors", small)
    loaded = read_file(tmp_path / "encoder.safetensors")
    assert loaded.shape == small.shape
    torch.testing.assert_close(loaded.state_dict(), {n: v.half().float() for n, v in small.state_dict().items()})


def test_a_newer_file_asks_for_an_update(tmp_path):
    save_file({}, tmp_path / "encoder.safetensors", {"format": "headroom speech encoder 9", "shape": "{}"})
    with pytest.raises(InputError, match="newer version of Headroom"):
        read_file(tmp_path / "encoder.safetensors")


def split(encoder):
    """Return parameters with queries, keys and values apart, as other programs store them."""
    parameters = {}
    for name, value in encoder.state_dict().items():
        if "queries_keys_values" in name:
            for part, piece in zip("qkv", value.chunk(3)):
                parameters[name.replace("queries_keys_values", part)] = piece.clone()
        else:
            parameters[name] = value
    return {name: value for name, value in parameters.items() if not name.endswith(".k.bias")}


def without_key_bias(encoder):
    """Return a copy of an encoder without bias of the keys, which Whisper has not."""
    parameters = {name: value.clone() for name, value in encoder.state_dict().items()}
    for name, value in parameters.items():
        if name.endswith("queries_keys_values.bias"):
            value[SHAPE.width:2 * SHAPE.width] = 0
    return encoder_of(parameters, SHAPE)


def write_openai(encoder, path):
    names = {"layers.": "blocks.", ".q.": ".attn.query.", ".k.": ".attn.key.", ".v.": ".attn.value.",
             "attention_output": "attn.out", "attention_norm": "attn_ln", "expand": "mlp.0", "contract": "mlp.2",
             "feed_forward_norm": "mlp_ln", "positions": "positional_embedding"}
    state = {}
    for name, value in split(encoder).items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        state[f"encoder.{name}"] = value
    torch.save({"dims": {}, "model_state_dict": {**state, "encoder.ln_post.weight": torch.ones(64),
                                                 "decoder.ln.weight": torch.ones(64)}}, path)


def write_transformers(encoder, path):
    names = {".q.": ".self_attn.q_proj.", ".k.": ".self_attn.k_proj.", ".v.": ".self_attn.v_proj.",
             "attention_output": "self_attn.out_proj", "attention_norm": "self_attn_layer_norm", "expand": "fc1",
             "contract": "fc2", "feed_forward_norm": "final_layer_norm", "positions": "embed_positions.weight"}
    state = {}
    for name, value in split(encoder).items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        state[f"model.encoder.{name}"] = value.contiguous()
    save_file({**state, "model.encoder.layer_norm.weight": torch.ones(64)}, path)


def write_ctranslate2(encoder, path):
    names = {"queries_keys_values": "self_attention/linear_0", "attention_output": "self_attention/linear_1",
             "attention_norm": "self_attention/layer_norm", "feed_forward_norm": "ffn/layer_norm",
             "expand": "ffn/linear_0", "contract": "ffn/linear_1", "positions": "position_encodings/encodings",
             "layers.": "layer_", "norm.weight": "norm/gamma", "norm.bias": "norm/beta"}
    data = b""
    parameters = {**encoder.state_dict(), "layer_norm.weight": torch.ones(64)}
    for name, value in parameters.items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        text = f"encoder/{name.replace('.', '/')}".encode() + b"\0"
        values = value.numpy().astype(np.float16)
        data += struct.pack("<H", len(text)) + text + struct.pack("<B", values.ndim)
        data += struct.pack(f"<{values.ndim}I", *values.shape) + struct.pack("<BI", 4, values.nbytes) + values.tobytes()
    spec = b"WhisperSpec\0"
    header = struct.pack("<IH", 6, len(spec)) + spec + struct.pack("<II", 3, len(parameters))
    path.write_bytes(header + data)


def write_package(encoder, path):
    write_ctranslate2(encoder, path.with_suffix(".bin"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(path.with_suffix(".bin"), "package/model/model.bin")


@pytest.mark.parametrize("write, name", [(write_openai, "tiny.pt"), (write_transformers, "model.safetensors"),
                                         (write_ctranslate2, "model.bin"), (write_package, "package.whl")])
def test_every_source_gives_the_same_encoder(small, write, name, tmp_path):
    whisper = without_key_bias(small)
    write(whisper, tmp_path / name)
    extracted = extract_encoder(tmp_path / name)
    assert extracted.shape == SHAPE
    torch.testing.assert_close(extracted.state_dict(), whisper.state_dict(), rtol=1e-3, atol=1e-3)
    assert extract_encoder(tmp_path / name, layers=1).shape.layers == 1
    with pytest.raises(InputError, match="layers of Whisper's encoder; choose a file with"):
        extract_encoder(tmp_path / name, layers=3)


@pytest.mark.parametrize("name", ["model.bin", "tiny.pt", "model.safetensors", "package.whl"])
@pytest.mark.parametrize("contents", [b"", b"\x06\0\0\0\x40", b"PK\x03\x04 nothing", b"\x06\0\0\0" + b"\xff" * 90])
def test_other_files_are_refused_in_a_sentence(name, contents, tmp_path):
    (tmp_path / name).write_bytes(contents)
    with pytest.raises(InputError, match="Whisper"):
        extract_encoder(tmp_path / name)


def test_statistics_of_other_samples_give_the_rows_of_the_samples_themselves():
    """Their sections have the same numbers, as where silence is put before the speech to find its offset."""
    random = np.random.default_rng(3)
    samples = (0.1 * random.normal(size=10 * SAMPLE_RATE)).astype(np.float32)
    moved = np.concatenate([np.zeros(9000, np.float32), samples])[:len(samples)]
    config = FeatureConfig(kind="encoder")
    stats = utterance_stats(samples, config)
    assert stats.sections
    alone = feature_rows(moved, 0, 400, config, replace(stats, sections={}))
    assert np.array_equal(feature_rows(moved, 0, 400, config, stats), alone)
    assert not np.allclose(feature_rows(samples, 0, 400, config, stats), alone)
