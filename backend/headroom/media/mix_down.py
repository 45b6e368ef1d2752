"""Mixing the channels of a recording down to one, so that the voice keeps its level."""

from __future__ import annotations

import numpy as np

QUIET = 1e-2  # power relative to the loudest channel, -20 dB: such channels are left out
CENTRE_QUIET = 0.06  # the same for the front centre, -12 dB
OPPOSITE = -0.5  # correlation below which a channel has the other polarity
CANCELLED = 0.6  # of the power that uncorrelated channels leave in their mean; less than that is cancellation
EFFECTS = "LFE"  # the bass channel, which has no speech


def mix_weights(layout: tuple[str, ...], products: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Return the weights (C,) that mix channels to one, and what was done if that is not their mean.

    layout: names of the C channels.
    products: (C, C) mean products of the channels' samples.

    Channels that are nearly silent would only make the mean quieter, and are left out. Of surround sound the front
    centre is taken where it is heard, because films and broadcasts put speech there. A channel of opposite polarity,
    as a balanced microphone at a stereo input gives, is inverted. Where the mean cancels nevertheless, the loudest
    channel is taken.
    """
    count, power = len(layout), products.diagonal()
    loudest = int(power.argmax())
    if count == 1 or power[loudest] <= 0:
        return np.full(count, 1 / count, np.float32), None
    if count > 2 and "FC" in layout and power[layout.index("FC")] > CENTRE_QUIET * power[loudest]:
        return _only(layout.index("FC"), count), f"its sound is the front centre of {count} channels"
    used = (power > QUIET * power[loudest]) & (np.array(layout) != EFFECTS)
    used[loudest] = True
    correlation = products[loudest] / np.sqrt(np.maximum(power * power[loudest], 1e-30))
    weights = np.where(correlation < OPPOSITE, -1.0, 1.0) * used / used.sum()
    mixed, uncorrelated = weights @ products @ weights, (power * used).sum() / used.sum() ** 2
    if used.sum() == 1 or mixed < CANCELLED * uncorrelated:
        return _only(loudest, count), f"its sound is channel {loudest + 1} of {count}"
    change = None if used.all() else f"{count - used.sum()} of {count} sound channels were left out as silent"
    if (weights < 0).any():
        change = "sound channels of opposite polarity were inverted"
    return weights.astype(np.float32), change


def _only(channel: int, count: int) -> np.ndarray:
    """Return the weights (C,) that take one channel."""
    return np.eye(count, dtype=np.float32)[channel]
