"""What a movie or picture of a subject says about how it was made."""

from __future__ import annotations

from pathlib import Path

from headroom.media.credentials.provenance import Ingredient, Provenance
from headroom.subject.folder import Subject


def provenance_of(subject: Subject, title: str, use: str, speech: Path | None = None) -> Provenance:
    """Return what something generated from a subject says: plates, clip, speech and the consent.

    use: what it is for; empty if nobody has said.
    """
    info, ingredients = subject.info, []
    if subject.plates_path.is_file():
        ingredients.append(Ingredient.of("subject", subject.plates_path))
    if info.clip is not None and info.clip.sha256 is not None:
        ingredients.append(Ingredient("clip", info.clip.file, info.clip.sha256))
    if speech is not None:
        ingredients.append(Ingredient.of("speech", speech))
    consent = info.consent.model_dump(mode="json", exclude_none=True)
    return Provenance(title, tuple(ingredients), consent={**consent, "use": use, "summary": str(info.consent)})
