"""What a movie or picture of a subject says about how it was made."""

from __future__ import annotations

from pathlib import Path

from headroom.common.settings import PictureSettings
from headroom.media.credentials.provenance import Ingredient, Provenance
from headroom.subject.folder import Subject


def provenance_of(subject: Subject, title: str, settings: PictureSettings, speech: Path | None = None) -> Provenance:
    """Return what pictures generated from a subject say: plates, clip, speech, the consent and the visible label."""
    info, ingredients = subject.info, []
    if subject.plates_path.is_file():
        ingredients.append(Ingredient.of("subject", subject.plates_path))
    if info.clip is not None and info.clip.sha256 is not None:
        ingredients.append(Ingredient("clip", info.clip.file, info.clip.sha256))
    if speech is not None:
        ingredients.append(Ingredient.of("speech", speech))
    consent = info.consent.model_dump(mode="json", exclude_none=True)
    return Provenance(title, tuple(ingredients), label=settings.label.strip(),
                      consent={**consent, "use": settings.use, "summary": str(info.consent)})
