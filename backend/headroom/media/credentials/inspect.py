"""Reading what a movie, picture or sound says about itself: content credentials, XMP and the comment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from headroom.common.errors import InputError
from headroom.media.credentials.provenance import CONSENT, LABEL, MEDIA_TYPES, SOURCES
from headroom.media.credentials.store import DamagedCredentials, read_store
from headroom.media.credentials.xmp import read_packet

UNTRUSTED = "signingCredential.untrusted"
CHANGES = {
    "assertion.dataHash.mismatch": "the file was changed after it was signed",
    "assertion.bmffHash.mismatch": "the file was changed after it was signed",
    "assertion.boxesHash.mismatch": "the file was changed after it was signed",
    "assertion.hashedURI.mismatch": "a statement was changed after it was signed",
    "ingredient.manifest.mismatch": "the content credentials of an ingredient were changed after it was signed",
    "assertion.missing": "a statement was removed after it was signed",
    "claimSignature.mismatch": "the signature belongs to other statements",
    "signingCredential.expired": "the signer's certificate has ended",
    "signingCredential.invalid": "the signer's certificate is not one for content credentials",
}
"""C2PA's code of a failed check -> what that means."""
SHOWN_XMP = {"Iptc4xmpExt:DigitalSourceType": "source type", "xmp:CreatorTool": "tool", "dc:title": "title",
             "dc:description": "description", "xmpRights:UsageTerms": "consent",
             "dcterms:provenance": "content credentials elsewhere"}


@dataclass(frozen=True)
class Inspection:
    """What was found in a file.

    state: of its content credentials; "none", "valid", "changed", or "damaged" where they cannot be read.
    lines: what was found, for the user; lines that begin with spaces belong to the one before.
    """

    state: str
    lines: tuple[str, ...]


def inspect_file(file: Path) -> Inspection:
    """Read what a file says about itself, whoever made it; InputError when it cannot be read."""
    if not file.is_file():
        raise InputError(f"There is no file {file}; check the name.")
    state, lines = _credentials(file)
    xmp = [f"  {SHOWN_XMP[name]}: {value}" for name, value in read_packet(file).items() if name in SHOWN_XMP]
    lines += ["XMP", *xmp] if xmp else []
    comment = _comment(file)
    lines += [f"Comment: {comment}"] if comment else []
    return Inspection(state, tuple(lines))


def _credentials(file: Path) -> tuple[str, list[str]]:
    """Return the state of a file's content credentials, and what they say."""
    media_type = MEDIA_TYPES.get(file.suffix.lower())
    if media_type is None:
        return "none", []
    try:
        store = read_store(file, media_type)
    except DamagedCredentials as error:
        return "damaged", ["Content credentials: damaged", f"  {error}"]
    return ("none", []) if store is None else _described(store)


def _described(store: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the state and the lines of a manifest store."""
    results, state = store.get("validation_results", {}), store.get("validation_state")
    failures = _failures(results.get("activeManifest", {}))
    for delta in results.get("ingredientDeltas", ()):
        failures += [(code, "of an ingredient") for code, _ in _failures(delta.get("validationDeltas", {}))]
    changes = [f"  {CHANGES.get(code, code)}{f' ({where})' if where else ''}" for code, where in failures
               if code != UNTRUSTED]
    found = "changed" if changes or state == "Invalid" else "valid"
    active = store["manifests"][store["active_manifest"]]
    signature = active.get("signature_info", {})
    reservation = "" if state == "Trusted" else "; on no list of trusted signers"
    lines = [f"Content credentials: {found}", *changes, f"  signed by {signature.get('issuer', 'nobody')}{reservation}"]
    lines += [f"  signed at {signature['time']}"] if signature.get("time") else []
    return found, lines + list(_statements(store, active, "  "))


def _statements(store: Mapping[str, Any], manifest: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield what a manifest says, and what those of its ingredients say."""
    tools = [" ".join(filter(None, (each.get("name"), each.get("version"))))
             for each in manifest.get("claim_generator_info", ())]
    yield f"{indent}made with {', '.join(tools) or manifest.get('claim_generator', 'an unnamed program')}"
    assertions = {each["label"]: each["data"] for each in manifest.get("assertions", ())}
    for label, data in assertions.items():
        if label.startswith("c2pa.actions"):
            for action in data.get("actions", ()):
                kind = action.get("digitalSourceType", "").rpartition("/")[2]
                yield f"{indent}action {action['action'].removeprefix('c2pa.')}" + (f": {kind}" if kind else "")
    if CONSENT in assertions:
        use = assertions[CONSENT].get("use")
        yield f"{indent}consent: {assertions[CONSENT].get('summary', '')}" + (f"; used for {use}" if use else "")
    if LABEL in assertions:
        yield f"{indent}visible label: {assertions[LABEL].get('text', '')}"
    for role, source in assertions.get(SOURCES, {}).items():
        yield f"{indent}made from {role} {source['name']}, SHA-256 {source['sha256']}"
    for ingredient in manifest.get("ingredients", ()):
        yield from _ingredient(store, ingredient, indent)


def _ingredient(store: Mapping[str, Any], ingredient: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield what is known of an ingredient that has content credentials of its own."""
    own = store["manifests"].get(ingredient.get("active_manifest"))
    if own is None:
        return
    failures = _failures(ingredient.get("validation_results", {}).get("activeManifest", {}))
    broken = [CHANGES.get(code, code) for code, _ in failures if code != UNTRUSTED]
    yield f"{indent}{ingredient.get('title', 'ingredient')} has content credentials: {', '.join(broken) or 'valid'}"
    yield from _statements(store, own, f"{indent}  ")


def _failures(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return code and place of the checks that failed, each once."""
    found = [(each["code"], each.get("url", "").rpartition("/")[2] if "hashedURI" in each["code"] else "")
             for each in results.get("failure", ())]
    return list(dict.fromkeys(found))


def _comment(file: Path) -> str:
    """Return the comment in a file's metadata; "" where there is none."""
    try:
        with av.open(str(file), metadata_errors="ignore") as container:
            return container.metadata.get("comment", "")
    except (av.FFmpegError, OSError):
        return ""
