"""Conversion of decoded sound to one rate and one number of channels."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np

from headroom.media.sound_blocks import SoundBlock, sound_blocks
from headroom.media.sound_plan import SoundPlan

MIN_GAP_SECONDS = 0.05  # longer gaps between timestamps are filled with silence; shorter ones are jitter
LAYOUTS = {1: "mono", 2: "stereo"}


class BlockConverter:
    """Mixes blocks as a plan says, and resamples them.

    rate: Hz of the converted sound.
    channels: its channels, 1 or 2.
    """

    def __init__(self, plan: SoundPlan, rate: int, channels: int):
        """Convert the plan's track."""
        self.rate, self.channels = rate, channels
        self._plan = plan

    def converted(self, container: av.container.InputContainer) -> Iterator[tuple[float | None, np.ndarray]]:
        """Yield chunks (n, channels) float32; after a gap first an empty one, with its time in the container if known.

        One resampler handles everything between two gaps or changes of rate, because restarting it would leave an
        audible edge. Damaged packets that were left out are a gap.
        """
        resampler, before = self._resampler(), None
        for block in sound_blocks(container, [container.streams.audio[self._plan.track]]):
            after_gap = before is None or _gap_between(before, block)
            if before is not None and (after_gap or block.rate != before.rate):
                yield from self._resampled(resampler, None)
                resampler = self._resampler()
            if after_gap:
                yield block.seconds, np.zeros((0, self.channels), np.float32)
            yield from self._resampled(resampler, block)
            before = block
        if before is not None:
            yield from self._resampled(resampler, None)

    def _resampler(self) -> av.AudioResampler:
        return av.AudioResampler("flt", LAYOUTS[self.channels], self.rate)

    def _resampled(
        self, resampler: av.AudioResampler, block: SoundBlock | None
    ) -> Iterator[tuple[None, np.ndarray]]:
        """Yield what the resampler returns for a block, or its remainder for None."""
        frame = None
        if block is not None:
            mixed = block.samples @ self._plan.matrix(block.layout, self.channels)
            frame = av.AudioFrame.from_ndarray(mixed.reshape(1, -1), format="flt", layout=LAYOUTS[self.channels])
            frame.sample_rate = block.rate
        for out in resampler.resample(frame):
            yield None, out.to_ndarray().reshape(-1, self.channels)


def _gap_between(before: SoundBlock, block: SoundBlock) -> bool:
    """Return whether sound is missing between two blocks."""
    if before.end_seconds is None or block.seconds is None:
        return False
    missing = block.seconds - before.end_seconds
    return missing > (MIN_GAP_SECONDS if not block.skipped else 0.0)
