"""A blink shuts the lids, whatever slit the landmark network leaves."""

import numpy as np

from headroom.track.landmarks.eyelids import LIDS, close_eyelids


def clip_with_slits(slits):
    """Landmarks (T, 478, 3) of eyes open by `slits` (T,) pixels."""
    points = np.zeros((len(slits), 478, 3))
    for pairs in LIDS:
        for number, (upper, lower) in enumerate(pairs):
            points[:, upper] = np.stack([0 * slits + number, -slits, 0 * slits], 1)
            points[:, lower] = [number, 0, 0]
    return points


def slits_of(points):
    return points[:, 159, 1] - points[:, 145, 1]


def blinking():
    slits = np.full(200, 10.0)
    slits[[50, 51, 52, 53, 54]] = [6, 2, 1.5, 3, 7]
    slits[120] = 12
    return slits


def test_the_narrowest_slit_of_a_blink_shuts_and_open_eyes_stay():
    slits = blinking()
    after = -slits_of(close_eyelids(clip_with_slits(slits)))
    assert after[52] < 0.05 * slits[52] + 0.5
    assert np.array_equal(after[slits >= 10], slits[slits >= 10])
    assert np.all(np.diff(after[[52, 53, 54, 55]]) > 0), "the lids still open bit by bit"


def test_a_clip_without_a_blink_stays_as_it_is():
    points = clip_with_slits(np.linspace(8, 12, 100))
    assert np.array_equal(close_eyelids(points), points)


def test_frames_without_a_face_stay_unknown_and_disturb_nobody():
    points = clip_with_slits(blinking())
    points[10:20] = np.nan
    after = close_eyelids(points)
    assert np.isnan(after[10:20]).all()
    assert np.isfinite(after[20:]).all()
