"""Which channels of a head the graph editor shows: all groups but the detail, or one of them."""

from __future__ import annotations

from ..build.face import DETAIL
from ..build.shot import Shot
from .channels import channel_curve, channels_of


def channel_groups(shot: Shot) -> list[str]:
    """Return the names of the groups of a head's channels, in the order of the channels."""
    return list(dict.fromkeys(channel.curve.group for channel in channels_of(shot)))


def show_group(shot: Shot, group: str) -> int:
    """Show and select the generated curves of one group, and hide the others; returns how many.

    Hidden curves play as before.

    group: "" for every group but the detail, which nobody shapes by hand.
    """
    count = 0
    for channel in channels_of(shot):
        curve = channel_curve(shot, channel)
        if curve is not None:
            is_shown = channel.curve.group == group if group else channel.curve.group != DETAIL
            curve.hide, curve.select = not is_shown, is_shown
            count += int(is_shown)
    return count
