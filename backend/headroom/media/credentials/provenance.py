"""What a movie or picture says about how it was made, as a value, and as a C2PA manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from headroom import __version__
from headroom.common.files import file_digest

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's name for what Headroom makes: a generated face over pictures from a camera."""
AI_LABEL = f"AI-generated: made with Headroom {__version__}"
CONSENT, SOURCES, LABEL = "headroom.consent", "headroom.sources", "headroom.label"
"""Labels of the assertions that are Headroom's own."""

MEDIA_TYPES = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".avi": "video/avi", ".png": "image/png",
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".tif": "image/tiff", ".tiff": "image/tiff",
    ".heic": "image/heic", ".wav": "audio/wav", ".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".flac": "audio/flac"}
"""File suffix -> type, of the files that can carry content credentials."""


@dataclass(frozen=True)
class Ingredient:
    """A file that something was made from.

    role: what it was, such as "speech".
    sha256: digest of the file.
    path: the file, whose own credentials are kept; None where only its digest is known.
    """

    role: str
    name: str
    sha256: str
    path: Path | None = None

    @staticmethod
    def of(role: str, path: Path) -> Ingredient:
        """Return a file as an ingredient."""
        return Ingredient(role, path.name, file_digest(path), path)


@dataclass(frozen=True)
class Provenance:
    """What a movie or picture says about itself.

    kind: "generated" for a face that was generated over plates; "opened" for a copy of the first ingredient that was
        cut, encoded again or drawn over.
    consent: what the person shown agreed to, as plain values; None where nobody is shown or asked.
    label: the text that is drawn visibly into the pictures; empty for none.
    watermark: whether the generated faces have the imperceptible watermark.
    """

    title: str
    ingredients: tuple[Ingredient, ...]
    kind: Literal["generated", "opened"] = "generated"
    consent: Mapping[str, Any] | None = None
    label: str = ""
    watermark: bool = False

    @property
    def is_generated(self) -> bool:
        """Whether a face was generated."""
        return self.kind == "generated"


def opened(source: Path, title: str) -> Provenance:
    """Return what a copy of a file says that was cut, encoded again or drawn over."""
    return Provenance(title, (Ingredient.of("clip", source),), kind="opened")


def manifest(provenance: Provenance, media_type: str) -> dict[str, Any]:
    """Return the C2PA manifest of a file; its ingredients are added by the signer."""
    agent = {"name": "Headroom", "version": __version__}
    labels = [each.role for each in provenance.ingredients]
    if provenance.is_generated:
        first = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE, "softwareAgent": agent}
        actions = [first, *([{"action": "c2pa.placed", "softwareAgent": agent,
                              "parameters": {"ingredientIds": labels}}] if labels else [])]
    else:
        actions = [{"action": "c2pa.opened", "softwareAgent": agent, "parameters": {"ingredientIds": labels[:1]}},
                   {"action": "c2pa.transcoded", "softwareAgent": agent}]
    if provenance.watermark:  # unbound: it says that the picture is generated, and leads to no stored credentials
        actions.append({"action": "c2pa.watermarked.unbound", "softwareAgent": agent})
    sources = {each.role: {"name": each.name, "sha256": each.sha256} for each in provenance.ingredients}
    assertions = [{"label": "c2pa.actions.v2", "data": {"actions": actions}}, {"label": SOURCES, "data": sources}]
    if provenance.consent is not None:
        assertions.append({"label": CONSENT, "data": dict(provenance.consent)})
    if provenance.label:
        assertions.append({"label": LABEL, "data": {"text": provenance.label}})
    return {"claim_generator_info": [agent], "title": provenance.title, "format": media_type, "assertions": assertions}


def ingredient_entry(provenance: Provenance, index: int) -> dict[str, str]:
    """Return the description of one ingredient in the manifest."""
    ingredient, is_parent = provenance.ingredients[index], not provenance.is_generated and index == 0
    return {"title": ingredient.name, "label": ingredient.role,
            "relationship": "parentOf" if is_parent else "componentOf"}
