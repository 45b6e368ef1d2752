"""Writing content credentials and XMP into a finished movie or picture."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
from pathlib import Path

import c2pa

from headroom.common.errors import HeadroomError
from headroom.common.paths import CREDENTIALS_VARIABLE, is_off
from headroom.media.credentials.certificate import open_signer
from headroom.media.credentials.provenance import (
    MEDIA_TYPES,
    Ingredient,
    Provenance,
    ingredient_entry,
    manifest,
)
from headroom.media.credentials.store import DamagedCredentials, offline_context, read_store
from headroom.media.credentials.xmp import packet_of, write_packet

log = logging.getLogger(__name__)


def credentials_are_off() -> bool:
    """Return whether the user has chosen to leave content credentials out."""
    return is_off(CREDENTIALS_VARIABLE)


def require_signer(provenance: Provenance | None) -> None:
    """Raise InputError when what is about to be made could not be signed, before the work begins."""
    if provenance is not None and not credentials_are_off():
        open_signer().close()


def add_marks(file: Path, provenance: Provenance) -> list[str]:
    """Write XMP and signed content credentials into a file; return what the user should know.

    file: finished and not yet published, because its content is replaced.

    Raises InputError when there is no certificate to sign with, HeadroomError when the file cannot be signed.
    """
    notes: list[str] = []
    if credentials_are_off():
        log.warning("%s has no content credentials, because %s is off", provenance.title, CREDENTIALS_VARIABLE)
        notes.append("Content credentials are switched off, so the file does not say in a signed form that it is "
                     "AI-generated.")
        return notes
    media_type = MEDIA_TYPES.get(file.suffix.lower())
    if media_type is None:
        notes.append(f"Files that end in {file.suffix} cannot carry content credentials; use .mp4, .mov or .png.")
        return notes
    write_packet(file, packet_of(provenance))
    return _sign(file, media_type, provenance)


def _sign(file: Path, media_type: str, provenance: Provenance) -> list[str]:
    """Add the signed manifest, into which the ingredients' own manifests go; return what the user should know."""
    signed, notes, signer = file.with_name(f"{file.stem}.signed{file.suffix}"), [], open_signer()
    marked: list[tuple[dict[str, str], Ingredient]] = []
    described: list[tuple[dict[str, str], Ingredient]] = []
    for index, ingredient in enumerate(provenance.ingredients):
        entry, found = ingredient_entry(provenance, index), _has_credentials(ingredient)
        (marked if found else described).append((entry, ingredient))
        if found is None:
            notes.append(f"The content credentials of {ingredient.name} are damaged and cannot be kept.")
    try:
        content = {**manifest(provenance, media_type), "ingredients": [entry for entry, _ in described]}
        builder = c2pa.Builder(json.dumps(content), context=offline_context())
        for entry, ingredient in marked:
            assert ingredient.path is not None
            with open(ingredient.path, "rb") as source:
                builder.add_ingredient(json.dumps(entry), MEDIA_TYPES[ingredient.path.suffix.lower()], source)
        with open(file, "rb") as source, open(signed, "w+b") as target:
            builder.sign(signer, media_type, source, target)
        os.replace(signed, file)
    except c2pa.C2paError as error:
        if shutil.disk_usage(file.parent).free < file.stat().st_size:  # of which the library says nothing
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)) from error
        raise HeadroomError(f"The content credentials of {provenance.title} cannot be written: {error}. Choose "
                            "--no-credentials to go without them.") from error
    finally:
        signer.close()
        signed.unlink(missing_ok=True)
    return notes


def _has_credentials(ingredient: Ingredient) -> bool | None:
    """Return whether a file has content credentials that can be kept; None for damaged ones."""
    media_type = MEDIA_TYPES.get(ingredient.path.suffix.lower()) if ingredient.path else None
    if ingredient.path is None or media_type is None:
        return False
    try:
        return read_store(ingredient.path, media_type) is not None
    except DamagedCredentials:
        return None
