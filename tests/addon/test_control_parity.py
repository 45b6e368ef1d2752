"""The backend's controls (`headroom perform --set`) and the add-on's live controls play a take in the same way."""

import numpy as np
import pytest
from curve_readers import keys, perform
from stand_ins import tiny_subject

backend = pytest.importorskip("headroom.motion.controls")
from headroom.face.performance import Performance as BackendPerformance  # noqa: E402

RATES = (24 / 1.001, 25.0, 30.0, 60.0)
LAYERS = ("head", "mouth", "upper")
METRES, UNITS = 1e-6, 1e-5  # tolerances: 0.001 mm; 1e-5 of radians and of coefficients


@pytest.mark.parametrize("seed", range(12))
def test_both_sides_play_random_takes_the_same(headroom, tmp_path, seed):
    rng = np.random.default_rng(seed)
    fps = RATES[seed % len(RATES)]
    shot = headroom.module("scene.build.shot").open_subject(headroom.scene, tiny_subject(tmp_path / "s", fps=fps))
    rig = headroom.module("core.rig").Rig.load(tmp_path / "s" / "rig.npz")
    take, controls = random_take(rng, fps, rig), random_controls(rng)
    expected = backend.apply_controls(take, backend.parse_controls(list(texts_of(controls))), list(rig.regions))
    set_controls(shot.root.headroom, controls)
    perform(headroom, shot, headroom.module("core.performance").Performance(
        fps, take.expression, take.rotation, take.translation), start=1)
    for axis in range(3):
        rotation = keys(headroom, shot.face, "rotation_euler", axis)[:, 1]
        location = keys(headroom, shot.face, "location", axis)[:, 1]
        assert rotation == pytest.approx(expected.rotation[:, axis], abs=UNITS)
        assert location == pytest.approx(expected.translation[:, axis] / 1000, abs=METRES)
    shape_keys = shot.face.data.shape_keys
    for number, (key, unit) in enumerate(zip(list(shape_keys.key_blocks)[1:], rig.key_units)):
        values = keys(headroom, shape_keys, key.path_from_id("value"), 0)[:, 1]
        assert values * unit == pytest.approx(expected.expression[:, number], abs=UNITS), key.name


def random_take(rng, fps, rig):
    """A random walk of 1 to 60 samples; the translation is about the rig's rest pose."""
    count = int(rng.integers(1, 61))
    walk = np.cumsum(rng.normal(0, 0.3, (count, 70)), axis=0).astype(np.float32)
    translation = (walk[:, 67:] * 10 + rig.rest_translation).astype(np.float32)
    return BackendPerformance(fps, walk[:, :64], walk[:, 64:67] / 10, translation)


def random_controls(rng):
    """Controls by the backend's names; float32, because Blender stores them so."""
    controls = {}
    for layer in LAYERS:
        controls |= {f"{layer}.gain": rng.uniform(-1, 2), f"{layer}.lag": rng.uniform(-0.6, 0.6),
                     f"{layer}.smoothing": rng.choice([0.0, 0.001, rng.uniform(0.01, 0.3)])}
    controls |= {f"head.{name}": rng.uniform(-20, 20) for name in ("pitch", "yaw", "roll", "x", "y", "z")}
    controls |= {name: rng.uniform(-1.5, 1.5)
                 for name in ("mouth.open", "upper.lids", "upper.brows", "upper.left", "upper.up")}
    controls["head.hold"] = float(rng.random() < 0.25)
    return {name: float(np.float32(value)) for name, value in controls.items()}


def texts_of(controls):
    return (f"{name}={value!r}" for name, value in controls.items())


def set_controls(head, controls):
    """Set the live controls of a head to what the backend's names mean."""
    for layer in LAYERS:
        for name in ("gain", "lag", "smoothing"):
            setattr(getattr(head, layer), name, controls[f"{layer}.{name}"])
    head.head_turn = np.radians([controls[f"head.{name}"] for name in ("pitch", "yaw", "roll")])
    head.head_shift = [controls[f"head.{name}"] / 1000 for name in "xyz"]
    head.hold_head = bool(controls["head.hold"])
    for ours, theirs in (("mouth_open", "mouth.open"), ("lids_open", "upper.lids"), ("brows_raise", "upper.brows"),
                         ("gaze_left", "upper.left"), ("gaze_up", "upper.up")):
        setattr(head, ours, controls[theirs])
