"""The 52 controls do what their names say, and a performance is divided into controls and detail without loss."""

import numpy as np
import pytest

from headroom.face import topology as top
from headroom.face.controls.basis import control_directions
from headroom.face.controls.names import CONTROL_GROUPS, CONTROL_NAMES, GROUPS, MIRRORS, mirrored
from headroom.face.controls.solve import ControlSpace
from headroom.face.directions import FaceDirections
from headroom.face.model import bundled_model


@pytest.fixture(scope="module")
def model():
    return bundled_model()


@pytest.fixture(scope="module")
def directions(model):
    return control_directions(model, model.shape(np.zeros(80)))


@pytest.fixture(scope="module")
def moved(model, directions):
    """Name -> motion (478, 3) mm of the landmarks at 1."""
    basis = model.expression_basis[model.landmark_vertices]
    return {name: basis @ direction for name, direction in zip(CONTROL_NAMES, directions)}


@pytest.fixture(scope="module")
def space(model, directions):
    effects = FaceDirections.of(model)
    return ControlSpace.of(directions, np.moveaxis(model.expression_basis, 2, 0), effects.lip_opening,
                           effects.lid_opening)


def test_names_are_arkits_and_listed_by_group():
    assert len(set(CONTROL_NAMES)) == 52 == len(CONTROL_GROUPS)
    assert list(GROUPS) == ["Jaw", "Mouth", "Cheeks", "Eyes", "Brows", "Nose"]
    assert CONTROL_GROUPS[CONTROL_NAMES.index("mouthSmileLeft")] == "Mouth"
    assert mirrored("eyeLookInLeft") == "eyeLookInRight" and mirrored("jawOpen") == "jawOpen"
    assert all(MIRRORS[MIRRORS[number]] == number for number in range(52))


@pytest.mark.parametrize(("name", "landmark", "axis", "low", "high"), [
    ("jawOpen", 14, 1, -29, -18), ("jawOpen", 152, 1, -25, -15), ("jawForward", 152, 2, 3, 8),
    ("jawLeft", 152, 0, 5, 9), ("mouthFunnel", 13, 2, 3, 7), ("mouthPucker", 291, 0, -11, -6),
    ("mouthLeft", 0, 0, 5, 9), ("mouthSmileLeft", 291, 1, 6, 10), ("mouthFrownLeft", 291, 1, -10, -6),
    ("mouthStretchLeft", 291, 0, 5, 9), ("mouthUpperUpLeft", 269, 1, 4, 8), ("mouthLowerDownLeft", 405, 1, -9, -5),
    ("browInnerUp", 285, 1, 5, 9), ("browDownLeft", 282, 1, -9, -4), ("browOuterUpLeft", 283, 1, 5, 10),
    ("noseSneerLeft", 327, 1, 0.3, 6), ("cheekSquintLeft", 347, 1, 0.2, 7), ("eyeWideLeft", 386, 1, 1, 6),
    ("eyeSquintLeft", 374, 1, 0.7, 5)])
def test_a_control_moves_its_landmark_as_its_name_says(model, moved, name, landmark, axis, low, high):
    at = int(np.flatnonzero(model.landmark_ids == landmark)[0])
    assert low < moved[name][at, axis] < high


@pytest.mark.parametrize(("name", "own", "others"), [
    ("mouthSmileLeft", 291, (61, 282, 52, 386, 152)), ("mouthFrownLeft", 291, (61, 282, 386)),
    ("mouthStretchLeft", 291, (61, 282, 386)), ("mouthDimpleLeft", 291, (61, 282, 386)),
    ("jawOpen", 152, (285, 282, 386, 374, 4)), ("mouthFunnel", 13, (285, 282, 386, 4)),
    ("browDownLeft", 282, (52, 61, 291, 374)), ("browInnerUp", 285, (291, 374)),
    ("browOuterUpLeft", 283, (53, 291, 374)), ("eyeBlinkLeft", 386, (282, 291))])
def test_a_control_leaves_landmarks_that_define_others_in_place(model, moved, name, own, others):
    motion = {landmark: np.linalg.norm(moved[name][np.flatnonzero(model.landmark_ids == landmark)[0]])
              for landmark in (own, *others)}
    assert max(motion[landmark] for landmark in others) < 0.1 * motion[own], motion


def test_left_and_right_mirror_each_other(model, moved):
    skin = model.landmark_ids < top.MESH_POINTS
    pairs = top.mirror_pairs(model.mean[model.landmark_vertices[skin]])
    for name in CONTROL_NAMES:
        if not name.startswith("eyeLook"):
            assert moved[mirrored(name)][skin] == pytest.approx(moved[name][skin][pairs] * [-1, 1, 1], abs=0.02), name


def test_blinks_close_the_lids_of_each_person(model):
    for seed in range(3):
        neutral = model.shape(np.random.default_rng(seed).normal(size=80))
        directions = control_directions(model, neutral)
        both = directions[CONTROL_NAMES.index("eyeBlinkLeft")] + directions[CONTROL_NAMES.index("eyeBlinkRight")]
        closed = neutral + model.expression_basis @ both
        for upper, lower in top.EYE_LIDS:
            vertices = model.vertex_of(upper), model.vertex_of(lower)
            opening = neutral[vertices[0], 1] - neutral[vertices[1], 1]
            assert abs(closed[vertices[0], 1] - closed[vertices[1], 1]) < 0.2 * opening


def test_both_sides_of_a_look_turn_the_eyes_thirty_degrees(model, directions):
    at = {name: directions[CONTROL_NAMES.index(name)][list(model.gaze_modes)] for name in CONTROL_NAMES}
    assert at["eyeLookOutLeft"] + at["eyeLookInRight"] == pytest.approx([3, 0])
    assert at["eyeLookUpLeft"] + at["eyeLookUpRight"] == pytest.approx([0, 3])
    assert at["eyeLookDownLeft"] == pytest.approx(-at["eyeLookUpLeft"])


def test_a_mouth_that_opens_and_closes_alike_stays_closed(model, directions):
    both = directions[CONTROL_NAMES.index("jawOpen")] + directions[CONTROL_NAMES.index("mouthClose")]
    assert abs(FaceDirections.of(model).lip_opening @ both) < 2.0


def test_solved_controls_are_those_that_made_the_expression(space, directions):
    rng = np.random.default_rng(0)
    wanted = np.zeros((40, 52), np.float32)
    for name in ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp", "eyeBlinkLeft", "eyeBlinkRight"):
        wanted[:, CONTROL_NAMES.index(name)] = 0.5 + 0.4 * np.sin(np.arange(40) / 8 + rng.uniform(0, 6))
    solved = space.solve(wanted @ directions, 25.0)
    assert solved.min() >= 0 and solved.max() <= 1 and solved.dtype == np.float32
    assert np.abs(solved - wanted).mean() < 0.02 and np.abs(solved - wanted).max() < 0.25


def test_no_change_of_a_value_explains_the_expression_better(space):
    expression = np.random.default_rng(1).normal(size=(1, 64))
    problem = space._problem(expression, space.directions.any(1), 25.0)
    values = problem.minimise(4000)[0].astype(np.float64)

    def cost(point):
        return point @ problem.normal @ point - 2 * problem.linear[0] @ point

    for number in range(len(values)):
        for step in (-0.02, 0.02):
            other = values.copy()
            other[number] = np.clip(other[number] + step, 0, 1)
            assert cost(other) >= cost(values) - 1e-6


def test_the_smile_of_one_side_is_not_shared_with_the_other(space, directions):
    one_sided = np.repeat(directions[[CONTROL_NAMES.index("mouthSmileLeft")]] * 0.8, 5, axis=0)
    solved = space.solve(one_sided, 25.0)
    assert solved[:, CONTROL_NAMES.index("mouthSmileLeft")].min() > 0.7
    assert solved[:, CONTROL_NAMES.index("mouthSmileRight")].max() < 0.1


def test_a_face_at_rest_has_no_controls(space):
    assert not space.solve(np.zeros((3, 64)), 25.0).any()
