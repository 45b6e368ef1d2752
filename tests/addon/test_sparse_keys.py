"""Sparse keys: few Bézier keys follow the prediction within an error, and what holds for keys holds for them."""

import numpy as np
import pytest
from curve_readers import START, curve, keys, perform

from addon.core.bezier import evaluate_bezier
from addon.core.sparse_keys import fit_keys, key_points, level_samples

ERROR = np.radians(0.15)
RNG = np.random.default_rng(11)


def head_motion(seconds, rate=25, seed=0):
    """Angles (T,) in radians that move as a speaking head does: mostly under 2 Hz, with small tremor."""
    rng, time = np.random.default_rng(seed), np.arange(round(seconds * rate)) / rate
    waves = [
        a * np.sin(2 * np.pi * f * time + p)
        for a, f, p in zip(rng.normal(0, 0.02, 12), rng.uniform(0.1, 2.0, 12), rng.uniform(0, 6, 12))
    ]
    return sum(waves) + rng.normal(0, 2e-4, len(time))


def fitted(values, error, required=None):
    frames = np.arange(len(values), dtype=float)
    fit = fit_keys(frames, values, error, np.zeros(len(values), bool) if required is None else required)
    return fit, evaluate_bezier(key_points(frames[fit.index], values[fit.index], fit.slopes), frames)


@pytest.mark.parametrize(
    "values",
    [
        head_motion(60),
        RNG.normal(0, 0.1, 500),
        np.cumsum(RNG.normal(0, 0.01, 2000)),
        np.zeros(50),
        np.array([0.3]),
        np.array([0.0, 1.0]),
        np.repeat([0.0, 1.0, 0.0], 20),
        np.linspace(0, 1, 9),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("error", [1e-4, ERROR, 0.05])
def test_a_curve_of_few_keys_is_within_the_error_of_every_sample(values, error):
    fit, curve_values = fitted(values, error)
    assert np.abs(curve_values - values).max() <= error * (1 + 1e-9)
    assert fit.index[0] == 0 and fit.index[-1] == len(values) - 1


def test_a_curve_stays_between_the_least_and_the_greatest_sample():
    frames = np.arange(400.0)
    values = np.clip(np.sin(frames / 3) + RNG.normal(0, 0.2, 400), -0.5, 0.5)
    fit = fit_keys(frames, values, 0.05, np.zeros(400, bool))
    points = key_points(frames[fit.index], values[fit.index], fit.slopes)
    between = evaluate_bezier(points, np.arange(0, 399, 0.1))
    assert (between.min(), between.max()) == pytest.approx((-0.5, 0.5), abs=1e-9)


def test_a_head_needs_few_keys():
    values = head_motion(60)
    assert len(fitted(values, ERROR)[0].index) / 60 < 5
    assert len(fitted(values, 2 * ERROR)[0].index) < len(fitted(values, ERROR)[0].index)


def test_extremes_and_plateaus_are_met_exactly_with_level_handles():
    blink = np.interp(np.arange(60), [0, 20, 23, 27, 32, 59], [0, 0, 1, 1, 0, 0])
    nod = 0.3 * np.exp(-0.5 * ((np.arange(60) - 45) / 4) ** 2)
    fit, values = fitted(blink + nod, 0.01)
    slopes = dict(zip(fit.index, fit.slopes))
    assert slopes[45] == 0
    assert values[45] == pytest.approx(0.3)
    shut, values = fitted(blink, 0.01)
    assert (values[23:28] == 1).all() and (values[:21] == 0).all() and (values[32:] == 0).all()
    assert len(shut.index) <= 10


def test_small_swings_are_not_extremes():
    values = np.sin(np.arange(100) / 5) + 0.05 * np.sin(np.arange(100) * 2.1)
    assert level_samples(values, 0.3).sum() == 6
    assert level_samples(values, 0.01).sum() > 6


def test_required_samples_have_keys():
    required = np.zeros(200, dtype=bool)
    required[[17, 140]] = True
    fit, _ = fitted(head_motion(8), ERROR, required)
    assert {17, 140} <= set(fit.index.tolist())


def test_a_bezier_curve_has_the_values_that_blender_gives_it(headroom):
    action = headroom.bpy.data.actions.new("curve")
    owner = headroom.bpy.data.objects.new("owner", None)
    owner.animation_data_create().action = action
    bag = headroom.module("scene.compat").channels(action, owner)
    curves = headroom.module("scene.anim.curves")
    frames, values = np.cumsum(RNG.uniform(1, 9, 40)), RNG.normal(size=40)
    handles = [
        np.stack([frames + side * RNG.uniform(0.1, 14, 40), values + RNG.normal(size=40)], 1) for side in (-1, 1)
    ]
    points = np.stack([handles[0], np.stack([frames, values], 1), handles[1]], 1)
    made = curves.ensure_curve(bag, curves.CurvePath("location"))
    free = curves.generated_bezier_keys(points)
    free.fields["handle_left_type"][:] = free.fields["handle_right_type"][:] = curves.enum_value(
        "handle_left_type", "FREE"
    )
    curves.write_keys(made, free)
    times = np.arange(-3, frames[-1] + 5, 0.23)
    expected = [made.evaluate(float(time)) for time in times]
    assert evaluate_bezier(curves.all_points(made), times) == pytest.approx(expected, abs=1e-4)
    assert curves.sample_curve(made, times) == pytest.approx(expected, abs=1e-4)


@pytest.fixture
def rotation():
    return np.stack([head_motion(12, seed=seed) for seed in range(3)], axis=1).astype(np.float32)


@pytest.fixture
def sparse(headroom, shot, rotation):
    """A head whose pose has sparse keys."""
    performance = headroom.module("core.performance").Performance(
        25.0,
        np.zeros((len(rotation), 64), np.float32),
        rotation,
        (np.array([10, 5, -700]) + 200 * rotation).astype(np.float32),
    )
    perform(headroom, shot, performance)
    shot.root.headroom.every_frame = False
    return shot


def evaluated(headroom, shot, frames, index=1):
    return np.array([curve(headroom, shot.face, index=index).evaluate(float(frame)) for frame in frames])


def frames_of(rotation):
    return np.arange(START, START + len(rotation))


def test_blender_plays_the_prediction_within_the_error_with_few_keys(headroom, sparse, rotation):
    for axis in range(3):
        assert np.abs(evaluated(headroom, sparse, frames_of(rotation), axis) - rotation[:, axis]).max() < 1.001 * ERROR
        assert len(keys(headroom, sparse.face, index=axis)) / 12 < 8
    position = curve(headroom, sparse.face, "location", 2)
    expected = (-700 + 200 * rotation[:, 2]) / 1000
    assert np.abs([position.evaluate(frame) for frame in frames_of(rotation)] - expected).max() < 0.0003 * 1.01
    assert len(position.keyframe_points) / 12 < 8
    assert {key.interpolation for key in position.keyframe_points} == {"BEZIER"}


def test_sampled_poses_are_those_that_blender_shows(headroom, sparse, rotation):
    frames = frames_of(rotation)
    sampled = headroom.module("scene.anim.timeline").sample_pose(sparse, frames)[0]
    assert sampled[:, 1] == pytest.approx(evaluated(headroom, sparse, frames), abs=1e-6)


@pytest.mark.parametrize("rate", [(24, 1.001), (30, 1.001), (60, 1.0)])
def test_the_error_holds_at_other_scene_rates_and_far_down_the_timeline(headroom, sparse, rotation, rate):
    headroom.scene.render.fps, headroom.scene.render.fps_base = rate
    sparse.root["headroom_start_frame"] = 40_000
    compose = headroom.module("scene.anim.compose")
    assert compose.compose(sparse)
    frames = compose.make_plan(sparse).frames
    expected = np.interp((frames - 40_000) / sparse.fps, np.arange(len(rotation)) / 25, rotation[:, 1])
    assert np.abs(evaluated(headroom, sparse, frames) - expected).max() < 1.01 * ERROR


def test_no_key_looks_edited_before_somebody_edits_it(headroom, sparse):
    user_keys, channels = headroom.module("scene.anim.user_keys"), headroom.module("scene.anim.channels")
    for each in headroom.module("scene.compat").curves_of(sparse.face):
        each.update()
    assert sum(user_keys.user_key_count(sparse, channel) for channel in channels.channels_of(sparse)) == 0


def test_an_edited_value_and_an_edited_handle_survive_a_dial(headroom, sparse, rotation):
    points = curve(headroom, sparse.face).keyframe_points
    raised, bent = points[8], points[20]
    raised.co[1] += 0.2
    raised.handle_left[1] += 0.2
    raised.handle_right[1] += 0.2
    for handle in (bent.handle_left, bent.handle_right):  # on a straight line, because they are aligned
        handle[1] += 0.05 * (handle[0] - bent.co[0])
    kept = [[list(key.co), list(key.handle_left), list(key.handle_right)] for key in (raised, bent)]
    sparse.root.headroom.head_turn[1] = 0.1
    after = {round(key.co[0]): key for key in curve(headroom, sparse.face).keyframe_points}
    for co, left, right in kept:
        key = after[round(co[0])]
        assert key.type == "KEYFRAME" and list(key.co) == pytest.approx(co)
        assert list(key.handle_left) == pytest.approx(left) and list(key.handle_right) == pytest.approx(right)
    far = np.abs(frames_of(rotation)[:, None] - [co[0] for co, _, _ in kept]).min(axis=1) > 20
    error = evaluated(headroom, sparse, frames_of(rotation)) - rotation[:, 1] - 0.1
    assert np.abs(error[far]).max() < 1.01 * ERROR


def test_a_deleted_key_clears_the_frames_up_to_its_neighbours(headroom, sparse):
    points = curve(headroom, sparse.face).keyframe_points
    before, removed, after = (points[number].co[0] for number in (9, 10, 11))
    points.remove(points[10])
    sparse.root.headroom.head.gain = 0.5
    frames = keys(headroom, sparse.face)[:, 0]
    assert before in frames and after in frames
    assert not ((frames > before) & (frames < after)).any() and before < removed < after
    clear = headroom.module("scene.anim.user_keys").clear_user_keys
    assert clear(sparse, selected=False) == 1 and headroom.module("scene.anim.compose").compose(sparse)
    sparse.root.headroom.head.gain = 1.0
    assert removed in keys(headroom, sparse.face)[:, 0]


def test_a_key_moved_in_time_stays_alone_between_its_old_neighbours(headroom, sparse):
    points = curve(headroom, sparse.face).keyframe_points
    before, moved, after = (points[number] for number in (9, 10, 11))
    span, target = (before.co[0], after.co[0]), (moved.co[0] + after.co[0]) / 2 + 0.3
    shift = target - moved.co[0]
    for point in (moved.co, moved.handle_left, moved.handle_right):
        point[0] += shift
    sparse.root.headroom.head.lag = 0.02
    frames = keys(headroom, sparse.face)[:, 0]
    assert frames[(frames > span[0]) & (frames < span[1])] == pytest.approx([target], abs=1e-3)


def test_keys_on_every_frame_and_a_larger_error_are_a_setting(headroom, sparse, rotation):
    count = len(keys(headroom, sparse.face))
    sparse.root.headroom.key_error = 3.0
    assert len(keys(headroom, sparse.face)) < count
    error = np.abs(evaluated(headroom, sparse, frames_of(rotation)) - rotation[:, 1]).max()
    assert ERROR < error < 3.01 * ERROR
    sparse.root.headroom.every_frame = True
    assert keys(headroom, sparse.face)[:, 1] == pytest.approx(rotation[:, 1], abs=1e-6)
    sparse.root.headroom.every_frame, sparse.root.headroom.key_error = False, 1.0
    assert len(keys(headroom, sparse.face)) == count
