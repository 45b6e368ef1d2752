"""A blink closes the lids, whatever slit the landmark network leaves."""

import numpy as np

from headroom.track.landmarks.eyelids import LID_PAIRS, close_eyelids


def clip_with_slits(slits):
    """Landmarks (T, 478, 3) of eyes that are open by `slits` (T,) pixels."""
    points = np.zeros((len(slits), 478, 3))
    for pairs in LID_PAIRS:
        for number, (upper, lower) in enumerate(pairs):
            points[:, upper] = np.stack([0 * slits + number, -slits, 0 * slits], 1)
            points[:, lower] = [number, 0, 0]
    return points


def slits_of(points):
    return points[:, 145, 1] - points[:, 159, 1]


def blinking():
    slits = np.full(200, 10.0)
    slits[[50, 51, 52, 53, 54]] = [6, 2, 1.5, 3, 7]
    slits[120] = 12
    return slits


def test_the_narrowest_slit_of_a_blink_closes_and_open_eyes_stay():
    slits = blinking()
    closed = slits_of(close_eyelids(clip_with_slits(slits)))
    assert closed[52] < 0.05 * slits[52] + 0.5
    assert np.array_equal(closed[slits >= 10], slits[slits >= 10])
    assert np.all(np.diff(closed[[52, 53, 54, 55]]) > 0), "the lids do not open gradually"


def test_a_clip_without_a_blink_does_not_change():
    points = clip_with_slits(np.linspace(8, 12, 100))
    assert np.array_equal(close_eyelids(points), points)


def test_frames_without_a_face_stay_missing_and_change_no_others():
    slits = blinking()
    points, missing = clip_with_slits(slits), clip_with_slits(slits)
    missing[150:160] = np.nan
    closed, expected = close_eyelids(missing), close_eyelids(points)
    assert np.isnan(closed[150:160]).all()
    assert np.allclose(np.delete(closed, np.r_[150:160], 0), np.delete(expected, np.r_[150:160], 0), atol=0.2)
