"""Which plate a mouth comes from."""

import numpy as np
import pytest
from rendered_plates import FRONTAL, OPEN, Scene, expression

from headroom.face.camera import rotation_matrix
from headroom.plate.source_choice import ALIKE_MM, MM_PER_DEGREE, MM_PER_LEVEL, SourceChoice, part_colours
from headroom.plate.tracked_faces import mouth_part

OPENINGS = (0.0, 0.5, 1.0, 1.02, 1.04, 1.06)
TOOTHLESS = 3
ALL = np.ones(len(OPENINGS), bool)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene([((0, 0, 0), FRONTAL, expression({OPEN: opening})) for opening in OPENINGS])


@pytest.fixture(scope="module")
def colours(scene):
    return part_colours(scene.plates.faces, mouth_part(scene.model), scene.plates.layers)


def choice(scene, colours=None) -> SourceChoice:
    return SourceChoice(scene.plates.faces, mouth_part(scene.model), colours)


def mouth(scene, opening):
    return scene.wanted((0, 0, 0), modes={OPEN: opening})


def test_the_nearest_lips_are_taken(scene, colours):
    for each in (choice(scene), choice(scene, colours)):
        assert [each.nearest(mouth(scene, opening), ALL) for opening in (0.02, 0.45)] == [0, 1]


def test_a_plate_that_is_not_allowed_is_not_taken(scene, colours):
    assert choice(scene, colours).nearest(mouth(scene, 0.5), np.arange(len(OPENINGS)) != 1) != 1


def test_a_mouth_that_looks_unusual_for_its_lips_is_avoided(scene, colours):
    unusual = colours.copy()
    unusual[TOOTHLESS] -= 40
    wanted = mouth(scene, OPENINGS[TOOTHLESS])
    assert choice(scene).nearest(wanted, ALL) == TOOTHLESS
    assert choice(scene, unusual).nearest(wanted, ALL) in (2, 4, 5)


def test_the_choice_is_that_of_a_loop_over_the_plates():
    rng = np.random.default_rng(0)
    scene = Scene([((0.02 * rng.normal(), 0.05 * rng.normal(), 0), FRONTAL, expression({OPEN: rng.uniform(0, 1.5)}))
                   for _ in range(12)])
    faces, part = scene.plates.faces, mouth_part(scene.model)
    colours = rng.uniform(0, 255, (len(faces), 50)).astype(np.float32)
    landmarks = faces.landmarks(part)
    for _ in range(20):
        wanted = scene.wanted((0, 0.05 * rng.normal(), 0), modes={OPEN: rng.uniform(0, 1.5)})
        allowed = rng.random(len(faces)) < 0.7
        costs = []
        for number in range(len(faces)):
            offsets = landmarks[number] - wanted.landmarks(part)
            turn = rotation_matrix(np.asarray(faces.rotation[number])).T @ rotation_matrix(np.asarray(wanted.pose[0]))
            degrees = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
            cost = np.mean([each @ each for each in offsets]) + (MM_PER_DEGREE * degrees) ** 2
            costs.append(cost if allowed[number] else np.inf)
        likeness = np.exp((min(costs) - np.array(costs)) / (2 * ALIKE_MM**2))
        usual = np.average(colours, axis=0, weights=likeness)
        looks = [cost + MM_PER_LEVEL**2 * np.mean((own - usual) ** 2) for cost, own in zip(costs, colours)]
        assert SourceChoice(faces, part).nearest(wanted, allowed) == np.argmin(costs)
        assert SourceChoice(faces, part, colours).nearest(wanted, allowed) == np.argmin(looks)


def test_the_lips_count_more_than_usual_colours(scene, colours):
    unusual = colours.copy()
    unusual[0] -= 40
    assert choice(scene, unusual).nearest(mouth(scene, 0), ALL) == 0


def test_colours_are_those_of_the_same_points_in_every_plate(scene):
    turned = Scene([((0, yaw, 0), np.add(FRONTAL, (x, 0, 0)), expression()) for yaw, x in ((0, 0), (3, 12), (-3, -9))])
    seen = part_colours(turned.plates.faces, mouth_part(turned.model), turned.plates.layers)
    assert seen[0].std() > 10
    assert all(np.corrcoef(seen[0], other)[0, 1] > 0.95 for other in seen[1:])


def test_a_mouth_outside_of_the_frame_has_colours_too():
    beside = Scene([((0, 0, 0), np.add(FRONTAL, (900, 0, 0)), expression())])
    assert np.isfinite(part_colours(beside.plates.faces, mouth_part(beside.model), beside.plates.layers)).all()
