"""What a movie or picture of a subject says about how it was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from headroom.common.settings import PictureSettings
from headroom.media.credentials.provenance import Ingredient, Provenance
from headroom.subject.folder import Subject


def provenance_of(subject: Subject, title: str, settings: PictureSettings, speech: Path | None = None) -> Provenance:
    """Return what pictures generated from a subject say: plates, clip, speech, the consent and the visible label."""
    consent = subject.info.consent
    return Provenance(title, tuple(_ingredients(subject, speech)), label=settings.label.strip(),
                      consent={**consent.model_dump(mode="json", exclude_none=True), "use": settings.use,
                               "summary": str(consent)})


def provenance_of_people(people: Sequence[tuple[Subject, str, Path | None]], settings: PictureSettings) -> Provenance:
    """Return what pictures of several people say: the sources and the consent of all.

    people: subject, use and speech of each. The sources of the second one have the roles "subject_2" and so on; a clip
        that shows several is named once.
    """
    ingredients: list[Ingredient] = []
    for number, (subject, _, speech) in enumerate(people, start=1):
        known = {each.sha256 for each in ingredients}
        suffix = f"_{number}" if number > 1 else ""
        ingredients += [replace(each, role=each.role + suffix) for each in _ingredients(subject, speech)
                        if each.sha256 not in known]
    consents = [{**subject.info.consent.model_dump(mode="json", exclude_none=True), "name": subject.info.name,
                 "use": use} for subject, use, _ in people]
    summary = ". ".join(f"{subject.info.name}: {subject.info.consent}" for subject, _, _ in people)
    title = " and ".join(subject.info.name for subject, _, _ in people)
    return Provenance(title, tuple(ingredients), label=settings.label.strip(),
                      consent={"people": consents, "use": settings.use, "summary": summary})


def _ingredients(subject: Subject, speech: Path | None) -> Iterator[Ingredient]:
    """Yield the files that pictures of a subject are made from."""
    clip = subject.info.clip
    if subject.plates_path.is_file():
        yield Ingredient.of("subject", subject.plates_path)
    if clip is not None and clip.sha256 is not None:
        yield Ingredient("clip", clip.file, clip.sha256)
    if speech is not None:
        yield Ingredient.of("speech", speech)
