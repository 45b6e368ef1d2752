"""A .vrma is a glTF binary whose nodes move as a VRM player expects."""

import json
import struct

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headroom.face.camera import rotation_matrix
from headroom.face.controls.names import CONTROL_NAMES
from headroom.face.controls.track import ControlTrack
from headroom.face.controls.vrma import write_vrma


@pytest.fixture
def track():
    rng = np.random.default_rng(0)
    controls = np.zeros((30, 52), np.float32)
    controls[10:20, CONTROL_NAMES.index("jawOpen")] = 0.6
    controls[:, CONTROL_NAMES.index("eyeBlinkLeft")] = np.linspace(0, 1, 30)
    return ControlTrack(25.0, controls, rng.normal((0.3, 0, 0), 0.4, (30, 3)).astype(np.float32))


def read(path):
    """The tree, and (node name, path) -> times (T,), values (T, C); read by hand."""
    content = path.read_bytes()
    magic, version, length, size, kind = struct.unpack("<4sIIII", content[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(content), 0x4E4F534A) and size % 4 == 0
    tree, data = json.loads(content[20:20 + size]), content[28 + size:]
    assert struct.unpack("<I", content[20 + size:24 + size])[0] == len(data) == tree["buffers"][0]["byteLength"]

    def values(number):
        accessor = tree["accessors"][number]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        start = tree["bufferViews"][accessor["bufferView"]]["byteOffset"]
        return np.frombuffer(data, "<f4", accessor["count"] * width, start).reshape(-1, width)

    animation = tree["animations"][0]
    curves = {}
    for channel in animation["channels"]:
        sampler, target = animation["samplers"][channel["sampler"]], channel["target"]
        key = tree["nodes"][target["node"]]["name"], target["path"]
        curves[key] = values(sampler["input"])[:, 0], values(sampler["output"])
    return tree, curves


def test_the_head_turns_about_its_median_in_the_model_s_axes(track, tmp_path):
    write_vrma(track, tmp_path / "take.vrma")
    tree, curves = read(tmp_path / "take.vrma")
    times, turns = curves["head", "rotation"]
    assert times == pytest.approx(np.arange(30) / 25)
    usual = rotation_matrix(np.median(track.rotation, axis=0))
    assert Rotation.from_quat(turns).as_matrix() @ usual == pytest.approx(rotation_matrix(track.rotation), abs=1e-5)
    bones = tree["extensions"]["VRMC_vrm_animation"]["humanoid"]["humanBones"]
    node, above = bones["hips"]["node"], []
    while True:  # the head hangs from the hips
        above.append(tree["nodes"][node]["name"])
        if "children" not in tree["nodes"][node]:
            break
        (node,) = tree["nodes"][node]["children"]
    assert above[0] == "hips" and above[-1] == "head" and node == bones["head"]["node"]


def test_lips_and_blinks_are_the_x_of_their_nodes(track, tmp_path):
    write_vrma(track, tmp_path / "take.vrma")
    tree, curves = read(tmp_path / "take.vrma")
    presets = tree["extensions"]["VRMC_vrm_animation"]["expressions"]["preset"]
    assert set(presets) == {"aa", "ih", "ou", "ee", "oh", "blinkLeft", "blinkRight"}
    assert all(tree["nodes"][preset["node"]]["name"] == name for name, preset in presets.items())
    assert curves["aa", "translation"][1][:, 0] == pytest.approx(0.9 * (track.controls[:, 0] > 0), abs=1e-6)
    assert curves["blinkLeft", "translation"][1][:, 0] == pytest.approx(np.linspace(0, 1, 30))
    assert not curves["blinkRight", "translation"][1].any()


def test_a_track_without_a_head_moves_the_face_alone(track, tmp_path):
    write_vrma(ControlTrack(25.0, track.controls), tmp_path / "take.vrma")
    assert ("head", "rotation") not in read(tmp_path / "take.vrma")[1]
