"""The boxes of mp4 and JUMBF files, read by hand, so that tests do not trust the library that wrote them."""

import struct
from uuid import UUID

C2PA_BOX = UUID("d8fec3d6-1b0e-483c-9297-5828877ec481").bytes
XMP_BOX = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes


def boxes(content):
    """Yield type, start and content of the boxes that lie one after the other."""
    position = 0
    while position < len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        start = 8
        if size == 1:
            size, start = struct.unpack_from(">Q", content, position + 8)[0], 16
        size = size or len(content) - position
        assert size >= start and position + size <= len(content), "a box reaches beyond the file"
        yield kind, position, content[position + start:position + size]
        position += size


def uuid_box(content, kind):
    """Return the content of the one top-level box with a UUID."""
    (found,) = [data[16:] for name, _, data in boxes(content) if name == b"uuid" and data[:16] == kind]
    return found


def manifest_store(movie):
    """Return the JUMBF bytes of an mp4's C2PA manifest store."""
    data = uuid_box(movie, C2PA_BOX)
    assert data[:4] == bytes(4) and data[4:13] == b"manifest\0"
    return data[13 + 8:]


def png_manifest_store(picture):
    """Return the JUMBF bytes of a PNG's C2PA manifest store."""
    position = 8
    while position < len(picture):
        size, kind = struct.unpack_from(">I4s", picture, position)
        if kind == b"caBX":
            return picture[position + 8:position + 8 + size]
        position += 12 + size
    raise AssertionError("the picture has no manifest store")


def labels(jumbf, above=""):
    """Yield the path of the label of every JUMBF superbox."""
    for kind, _, data in boxes(jumbf):
        if kind != b"jumb":
            continue
        (first, _, description), *_ = boxes(data)
        assert first == b"jumd"
        path = f"{above}/{description[17:].split(bytes(1))[0].decode()}"
        yield path
        yield from labels(data, path)
