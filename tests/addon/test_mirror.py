"""The mirror image of a performance: sides change, twice is the identity, and the face is the mirrored face."""

from dataclasses import replace

import numpy as np
import pytest
from stand_ins import tiny_performance, tiny_subject, write_speech

from addon.core.arkit import ARKIT_NAMES
from addon.core.errors import InputError
from addon.core.live_link import write_live_link
from addon.core.mirror import mirrored, mirrored_track, mode_signs, partners
from addon.core.performance import Performance
from addon.core.performance_files import ControlTrack, read_performance, write_control_track
from addon.core.rig import Rig

ARRAYS = ("expression", "controls", "rotation", "translation")


@pytest.fixture
def rig(tmp_path):
    """A rig of the bundled face model, whose person sits beside the middle of the picture."""
    model = pytest.importorskip("headroom.face.model").bundled_model()
    directions = pytest.importorskip("headroom.face.controls.basis").control_directions(model, model.mean)
    tiny = Rig.load(tiny_subject(tmp_path / "head", controls=True) / "rig.npz")
    return replace(tiny, neutral=model.mean, expression=np.moveaxis(model.expression_basis, 2, 0), uv=model.uv,
                   controls=directions, control_names=np.array(ARKIT_NAMES))


@pytest.fixture
def performance(rig, tmp_path):
    """A performance with controls and detail."""
    read = Performance.load(tiny_performance(tmp_path / "p.npz", seconds=2.0, controls=True))
    return replace(read, expression=read.expression + read.controls @ rig.controls)


def test_twice_is_the_identity(rig, performance, tmp_path):
    made_of_controls = tmp_path / "take.json"
    write_control_track(ControlTrack(25.0, performance.controls, performance.rotation, (), (),
                                     performance.translation), made_of_controls)
    for each in (performance, replace(performance, controls=None), read_performance(made_of_controls, rig)):
        image = mirrored(each, rig)
        assert not np.allclose(image.expression, each.expression)
        again = mirrored(image, rig)
        for name in ARRAYS:
            if getattr(each, name) is not None:
                assert getattr(again, name) == pytest.approx(getattr(each, name), abs=1e-4), name


def test_a_track_of_any_face_is_mirrored_as_the_performance_of_a_head(rig, performance, tmp_path):
    track = ControlTrack(25.0, performance.controls, performance.rotation, (), (), performance.translation)
    image, of_head = mirrored_track(track), mirrored(performance, rig)
    for name in ("controls", "rotation"):
        assert np.array_equal(getattr(image, name), getattr(of_head, name)), name
    assert np.diff(image.translation, axis=0) == pytest.approx(np.diff(of_head.translation, axis=0), abs=1e-4)
    assert np.median(image.translation, axis=0) == pytest.approx(np.median(track.translation, axis=0), abs=1e-4)


def test_a_face_that_is_turned_left_and_winks_left_is_turned_right_and_winks_right(rig, tmp_path):
    values = dict.fromkeys(ARKIT_NAMES, np.zeros(60))
    values |= {name: np.full(60, 0.5) for name in ("eyeBlinkLeft", "jawLeft", "mouthRight", "eyeLookOutLeft",
                                                   "eyeLookInRight", "jawOpen")}
    write_live_link(tmp_path / "take.csv", 30.0, values, np.tile([0.1, 0.4, 0.2], (60, 1)))
    image = mirrored(read_performance(tmp_path / "take.csv", rig), rig)
    moved = {name for name, column in zip(ARKIT_NAMES, image.controls.T) if (column > 0.4).all()}
    assert moved == {"eyeBlinkRight", "jawRight", "mouthLeft", "eyeLookOutRight", "eyeLookInLeft", "jawOpen"}
    assert image.rotation == pytest.approx(np.tile([0.1, -0.4, -0.2], (60, 1)), abs=1e-4)
    assert image.expression == pytest.approx(image.controls @ rig.controls)
    assert image.translation == pytest.approx(np.tile(rig.rest_translation, (60, 1)))


def test_sideways_motion_changes_sides_about_the_usual_position(rig, performance):
    still, usual = np.ones((len(performance), 1)), rig.rest_translation
    moved = replace(performance, translation=still * (usual + np.array([7, 3, -20])))
    assert mirrored(moved, rig).translation == pytest.approx(still * (usual + np.array([-7, 3, -20])))


def test_the_mirrored_face_is_the_mirror_image_of_the_face(rig, performance):
    """Detail included; vertices are compared with their partners at the mirrored place of the texture."""
    image = mirrored(performance, rig)
    partner = [int(np.square(rig.uv - place).sum(1).argmin()) for place in rig.uv[::20] * (-1, 1) + (1, 0)]
    before = np.tensordot(performance.expression[10], rig.expression, axes=1)
    after = np.tensordot(image.expression[10], rig.expression, axes=1)
    error = np.abs(after[::20] - before[partner] * (-1, 1, 1))
    assert np.abs(before).max() > 5 and np.percentile(error, 95) < 0.1
    assert np.abs(after[::20] - before[::20]).max() > 1


def test_every_control_has_its_partner_on_the_other_side():
    number_of = partners(ARKIT_NAMES)
    for name, partner in zip(ARKIT_NAMES, number_of):
        other = ARKIT_NAMES[partner]
        assert name.replace("Left", "_").replace("Right", "_") == other.replace("Left", "_").replace("Right", "_")
        assert (other == name) == ("Left" not in name and "Right" not in name)


def test_a_model_without_symmetric_modes_mirrors_controls_but_no_detail(tmp_path):
    rig = Rig.load(tiny_subject(tmp_path / "random", controls=True) / "rig.npz")
    with pytest.raises(InputError, match="The two sides of this face model move differently"):
        mode_signs(rig)
    performance = Performance.load(tiny_performance(tmp_path / "r.npz", controls=True))
    with pytest.raises(InputError, match=r"Mirror a \.csv or \.json, which have no detail"):
        mirrored(performance, rig)
    controls = replace(performance, expression=performance.controls @ rig.controls, detail_share=0.0)
    left, right = (rig.control_names.tolist().index(f"mouthSmile{side}") for side in ("Left", "Right"))
    assert mirrored(controls, rig).controls[:, left] == pytest.approx(performance.controls[:, right])


def test_a_shot_of_the_command_line_mirrors_its_performance(headroom, shot, tmp_path):
    job_file, speech = headroom.module("core.job_file"), write_speech(tmp_path / "line.wav", 2.0)
    values = {"subject": tmp_path, "speech": speech, "output": tmp_path / "shot.mp4", "mirror": True}
    new_shot = headroom.module("commands").new_shot
    with pytest.raises(headroom.module("core.errors").InputError, match="Only a performance from a file is mirrored"):
        new_shot(job_file.make_request("shot", values, tmp_path).settings)
    path = tiny_performance(tmp_path / "p.npz", seconds=2.0)
    even = replace(shot.subject.rig(), expression=np.zeros_like(shot.subject.rig().expression))
    take = headroom.module("core.take_settings").TakeSettings(speech, imported=str(path), mirrored=True)
    played = headroom.module("scene.output.shot_tasks").recorded_performance(take, even)
    assert played.rotation == pytest.approx(Performance.load(path).rotation * [1, -1, -1])
    new = new_shot(job_file.make_request("shot", values | {"performance": path}, tmp_path).settings)
    assert new.take == take
    with pytest.raises(headroom.module("core.errors").InputError, match="two sides of this face model"):
        headroom.module("scene.output.headless")._perform_take(new, [shot], tmp_path, None, None)
