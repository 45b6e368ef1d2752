"""The consent of the person shown: what they agreed to, and whether it covers a use today."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from headroom.common.errors import InputError


class Consent(BaseModel):
    """What the person shown has agreed to, and the days on which that was recorded and taken back.

    who: who agreed, the person shown or somebody who may speak for them; empty where the statement says it.
    statement: how and when they agreed, in the words of whoever recorded it; empty where nothing was stated.
    uses: names of the uses that are covered, such as a production's title; empty where the consent names none, so
        that it covers every use.
    until: the last day on which something may be made; None without an end.
    """

    model_config = ConfigDict(frozen=True)

    who: str = ""
    statement: str = ""
    uses: tuple[str, ...] = ()
    until: date | None = None
    recorded: date | None = None
    withdrawn: date | None = None

    def covers(self, use: str) -> bool:
        """Return whether a use is covered, whatever the day; capitals do not count."""
        return not self.uses or use.strip().casefold() in {each.strip().casefold() for each in self.uses}

    def changed(self, changes: Mapping[str, Any], withdraw: bool = False) -> Consent:
        """Return the consent with some fields changed, recorded today. A new statement ends an earlier withdrawal."""
        today = date.today()
        values = {**self.model_dump(), **changes, "recorded": today if changes else self.recorded}
        if "statement" in changes:
            values["withdrawn"] = None
        return Consent.model_validate(values | ({"withdrawn": today} if withdraw else {}))

    def __str__(self) -> str:
        """Return the consent as one line."""
        parts = [", ".join(filter(None, (self.who, self.statement))) or "not stated",
                 f"for {', '.join(self.uses)}" if self.uses else "for every use",
                 f"until {self.until}" if self.until else "without an end"]
        parts += [f"recorded on {self.recorded}"] if self.recorded else []
        parts += [f"withdrawn on {self.withdrawn}"] if self.withdrawn else []
        return "; ".join(parts)


def require_consent(name: str, consent: Consent, use: str, today: date | None = None) -> None:
    """Raise InputError when nothing may be made of a person.

    name: the person's, for the message.
    use: what is to be made; empty where nobody has said.
    today: the present day unless given.
    """
    if consent.withdrawn is not None:
        raise InputError(f"{name} withdrew their consent on {consent.withdrawn}; make nothing more, and remove the "
                         "subject with `headroom forget`.")
    if consent.until is not None and (today or date.today()) > consent.until:
        raise InputError(f"The consent of {name} ended on {consent.until}; ask again, and record the answer with "
                         "`headroom consent`.")
    if consent.covers(use):
        return
    covered = ", ".join(consent.uses)
    if not use.strip():
        raise InputError(f"{name} agreed to these uses only: {covered}; name the one that this is for with --use, or "
                         "in the panel under Subject.")
    raise InputError(f"{name} did not agree to the use {use}, only to: {covered}; ask, and record the answer with "
                     "`headroom consent`.")
