"""XMP packets: what content credentials say, in the form that picture archives and editors read."""

from __future__ import annotations

import mmap
import os
import re
import struct
import zlib
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

from headroom import __version__
from headroom.media.credentials.provenance import AI_LABEL, SOURCE_TYPE, Provenance

NAMESPACES = {
    "x": "adobe:ns:meta/", "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/", "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/", "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"}
MP4_UUID = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes  # of the box that holds XMP
PNG_SIGNATURE, PNG_KEYWORD = b"\x89PNG\r\n\x1a\n", b"XML:com.adobe.xmp"
JPEG_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
_PACKET = re.compile(rb"<x:xmpmeta\b.*?</x:xmpmeta>", re.DOTALL)


def packet_of(provenance: Provenance) -> bytes:
    """Return the XMP packet with the source type, the tool, the consent and the ingredients."""
    for prefix, uri in NAMESPACES.items():
        ElementTree.register_namespace(prefix, uri)
    root = ElementTree.Element(_tag("x:xmpmeta"))
    rdf = ElementTree.SubElement(root, _tag("rdf:RDF"))
    about = ElementTree.SubElement(rdf, _tag("rdf:Description"), {_tag("rdf:about"): ""})
    about.set(_tag("xmp:CreatorTool"), f"Headroom {__version__}")
    _text(about, "dc:title", provenance.title)
    if provenance.is_generated:
        about.set(_tag("Iptc4xmpExt:DigitalSourceType"), SOURCE_TYPE)
        _text(about, "dc:description", AI_LABEL)
    if provenance.consent is not None:
        _text(about, "xmpRights:UsageTerms", str(provenance.consent.get("summary", "")))
    bag = ElementTree.SubElement(ElementTree.SubElement(about, _tag("xmpMM:Ingredients")), _tag("rdf:Bag"))
    for each in provenance.ingredients:
        ElementTree.SubElement(bag, _tag("rdf:li"), {
            _tag("stRef:filePath"): each.name, _tag("stRef:instanceID"): f"sha256:{each.sha256}"})
    return (b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>' + ElementTree.tostring(root)
            + b'<?xpacket end="r"?>')


def write_packet(file: Path, packet: bytes) -> None:
    """Add a packet to a new mp4, mov, png or jpg, which has none yet; other files stay as they are."""
    suffix = file.suffix.lower()
    if suffix in (".mp4", ".m4v", ".mov"):
        with open(file, "ab") as movie:  # at the end, so that no offset in the movie changes
            movie.write(struct.pack(">I", 24 + len(packet)) + b"uuid" + MP4_UUID + packet)
    elif suffix == ".png":
        chunk = b"iTXt" + PNG_KEYWORD + b"\0\0\0\0\0" + packet
        size = struct.pack(">I", len(chunk) - 4)
        _insert(file, _end_of_png_header(file), size + chunk + struct.pack(">I", zlib.crc32(chunk)))
    elif suffix in (".jpg", ".jpeg"):
        segment = JPEG_HEADER + packet
        _insert(file, 2, b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment)


def read_packet(file: Path) -> dict[str, str]:
    """Return the properties of a file's first XMP packet by prefixed name, such as "dc:title"; {} without one.

    The packet is found by its text, as the XMP specification describes for files of any format.
    """
    if os.path.getsize(file) == 0:
        return {}
    with open(file, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = content.find(b"<x:xmpmeta")
        found = _PACKET.search(content, start) if start >= 0 else None
        packet = found.group() if found else b""
    try:
        return _properties(ElementTree.fromstring(packet)) if packet else {}
    except ElementTree.ParseError:
        return {}


def _properties(root: ElementTree.Element) -> dict[str, str]:
    """Return the simple properties below all descriptions of a packet."""
    prefixes = {uri: prefix for prefix, uri in NAMESPACES.items()}
    values: dict[str, str] = {}
    for description in root.iter(_tag("rdf:Description")):
        named = [*description.attrib.items(), *((each.tag, " ".join("".join(each.itertext()).split()))
                                                for each in description)]
        for tag, value in named:
            uri, _, name = tag[1:].partition("}")
            if uri in prefixes and value:
                values.setdefault(f"{prefixes[uri]}:{name}", value)
    return values


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    """Add a text property, which XMP keeps as alternatives by language."""
    alternatives = ElementTree.SubElement(ElementTree.SubElement(parent, _tag(name)), _tag("rdf:Alt"))
    item = ElementTree.SubElement(alternatives, _tag("rdf:li"))
    item.set("{http://www.w3.org/XML/1998/namespace}lang", "x-default")
    item.text = text


def _tag(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def _end_of_png_header(file: Path) -> int:
    """Return the position after a PNG's first chunk, which has a fixed size."""
    return len(PNG_SIGNATURE) + 25


def _insert(file: Path, position: int, added: bytes) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:position] + added + content[position:])
