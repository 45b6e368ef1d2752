"""Content credentials and XMP: what they say, that independent readers find them, and that changes are noticed."""

import json
import logging
import sys
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from xml.etree import ElementTree

import av
import c2pa
import numpy as np
import pytest
from c2pa_boxes import XMP_BOX, boxes, labels, manifest_store, png_manifest_store, uuid_box
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from headroom.cli import app
from headroom.common.errors import HeadroomError, InputError
from headroom.common.files import file_digest
from headroom.media.credentials import certificate, marks
from headroom.media.credentials.inspect import inspect_file
from headroom.media.credentials.provenance import SOURCE_TYPE, Ingredient, Provenance, opened
from headroom.media.image import read_picture, write_picture
from headroom.media.video import MovieOptions, VideoWriter, read_frames

CONSENT = {"statement": "Robin, 2 May", "use": "Film A", "summary": "Robin, 2 May; for Film A; until 2027-05-02"}
FRAMES = 6


@pytest.fixture
def own_certificate(tmp_path, monkeypatch):
    """A data folder without a certificate."""
    file = tmp_path / "data" / "certificate.pem"
    monkeypatch.setattr(certificate, "certificate_file", lambda: file)
    return file


def write_movie(path, provenance):
    """Write a short movie with growing grey values; return its writer."""
    with VideoWriter(path, 25, 64, 48, options=MovieOptions(title="Robin", provenance=provenance)) as writer:
        for number in range(FRAMES):
            writer.write(np.full((48, 64, 3), 40 * number, np.uint8))
    return writer


def write_png(path, provenance):
    write_picture(path, np.arange(64 * 48 * 3, dtype=np.uint8).reshape(48, 64, 3))
    return marks.add_marks(path, provenance)


@pytest.fixture
def clip(tmp_path):
    """A clip whose maker has signed it."""
    write_movie(tmp_path / "clip.mp4", None)
    signed = tmp_path / "signed.mp4"
    signer = certificate.open_signer()
    actions = [{"action": "c2pa.created", "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/"
                                                               "digitalCapture"}]
    builder = c2pa.Builder(json.dumps({
        "claim_generator_info": [{"name": "A Camera", "version": "7"}], "title": "clip",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}]}))
    builder.sign_file(tmp_path / "clip.mp4", signed, signer)
    return signed


@pytest.fixture
def shot(tmp_path, clip):
    """A generated movie from plates that are from the clip, and from a speech."""
    plates, speech = tmp_path / "plates.mp4", tmp_path / "line.wav"
    write_movie(plates, opened(clip, "plates.mp4"))
    speech.write_bytes(b"speech")
    provenance = Provenance("Robin", (Ingredient.of("subject", plates), Ingredient("clip", "clip.mp4", "12" * 32),
                                      Ingredient.of("speech", speech)), consent=CONSENT)
    assert write_movie(tmp_path / "shot.mp4", provenance).notes == []
    return tmp_path / "shot.mp4"


def test_the_library_reads_back_what_a_movie_is(shot, tmp_path):
    reader = c2pa.Reader(str(shot))
    assert reader.get_validation_state() == "Valid"
    store = json.loads(reader.json())
    manifest = store["manifests"][store["active_manifest"]]
    said = {each["label"]: each["data"] for each in manifest["assertions"]}
    created, placed = said["c2pa.actions.v2"]["actions"]
    assert (created["action"], created["digitalSourceType"]) == ("c2pa.created", SOURCE_TYPE)
    assert placed["action"] == "c2pa.placed" and len(placed["parameters"]["ingredients"]) == 3
    assert said["headroom.consent"] == CONSENT
    assert said["headroom.sources"]["speech"] == {"name": "line.wav", "sha256": file_digest(tmp_path / "line.wav")}
    assert said["headroom.sources"]["subject"]["sha256"] == file_digest(tmp_path / "plates.mp4")
    assert [(each["title"], each["relationship"]) for each in manifest["ingredients"]] == [
        (name, "componentOf") for name in ("clip.mp4", "line.wav", "plates.mp4")]
    assert manifest["claim_generator_info"][0]["name"] == "Headroom"


def test_the_marks_of_the_clip_are_kept_through_plates_and_shot(shot):
    store = json.loads(c2pa.Reader(str(shot)).json())
    makers = sorted(each["claim_generator_info"][0]["name"] for each in store["manifests"].values())
    assert makers == ["A Camera", "Headroom", "Headroom"]
    assert "    made with A Camera 7" in "\n".join(inspect_file(shot).lines)


def test_an_independent_reader_finds_the_manifest_store_and_the_xmp(shot, tmp_path):
    content = shot.read_bytes()
    assert [kind for kind, *_ in boxes(content)][:3] == [b"ftyp", b"uuid", b"moov"], "players find the index early"
    found = list(labels(manifest_store(content)))
    newest = found[-1].split("/")[2]
    assert found[0] == "/c2pa" and len({path.split("/")[2] for path in found[1:]}) == 3, "clip, plates and shot"
    for label in ("c2pa.claim.v2", "c2pa.signature", "c2pa.assertions/c2pa.hash.bmff.v3",
                  "c2pa.assertions/c2pa.actions.v2", "c2pa.assertions/headroom.consent",
                  "c2pa.assertions/c2pa.ingredient.v3"):
        assert f"/c2pa/{newest}/{label}" in found
    packet = ElementTree.fromstring(uuid_box(content, XMP_BOX).split(b"?>", 1)[1].rsplit(b"<?xpacket", 1)[0])
    (description,) = packet.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    assert description.get("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType") == SOURCE_TYPE
    assert CONSENT["summary"] in "".join(description.itertext())


def test_a_marked_movie_plays_as_an_unmarked_one(shot, tmp_path):
    write_movie(tmp_path / "plain.mp4", None)
    for marked, plain in zip(read_frames(shot), read_frames(tmp_path / "plain.mp4"), strict=True):
        assert np.array_equal(marked, plain)
    with av.open(str(shot)) as file:
        assert file.metadata["comment"].startswith("AI-generated: made with Headroom ")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_pictures_are_marked_too(tmp_path, suffix):
    path = tmp_path / f"frame{suffix}"
    assert write_png(path, Provenance("Robin", (), consent=CONSENT)) == []
    found = inspect_file(path)
    assert found.state == "valid" and "XMP" in found.lines and f"  source type: {SOURCE_TYPE}" in found.lines
    assert read_picture(path).shape == (48, 64, 3)
    if suffix == ".png":
        assert any(label.endswith("c2pa.hash.data") for label in labels(png_manifest_store(path.read_bytes())))


def places(content):
    """Name a byte of the pictures, the index, the statements and the XMP of a movie."""
    return {"pictures": content.index(b"mdat") + 60, "index": content.index(b"stsz") + 15,
            "statement": content.index(b"for Film A; until"), "xmp": content.rindex(b"compositeWithTrained"),
            "ingredient": content.index(b"A Camera") + 2}


@pytest.mark.parametrize("place", ["pictures", "index", "statement", "xmp", "ingredient"])
def test_one_changed_byte_of_a_movie_is_noticed(shot, place):
    content = bytearray(shot.read_bytes())
    content[places(bytes(content))[place]] ^= 1
    shot.write_bytes(content)
    found = inspect_file(shot)
    assert found.state == "changed" and found.lines[0] == "Content credentials: changed"
    assert "changed after it was signed" in found.lines[1]


def test_one_changed_byte_of_a_picture_is_noticed(tmp_path):
    write_png(tmp_path / "frame.png", Provenance("Robin", ()))
    content = bytearray((tmp_path / "frame.png").read_bytes())
    content[content.index(b"IDAT") + 30] ^= 1
    (tmp_path / "frame.png").write_bytes(content)
    assert inspect_file(tmp_path / "frame.png").state == "changed"


def test_a_certificate_is_made_once_and_fits_a_signer(own_certificate):
    certificate.open_signer().close()
    first = own_certificate.read_bytes()
    certificate.open_signer().close()
    assert own_certificate.read_bytes() == first and own_certificate.stat().st_mode & 0o77 == 0
    leaf, root = x509.load_pem_x509_certificates(b"".join(certificate._CERTIFICATE_BLOCK.findall(first)))
    extension = leaf.extensions.get_extension_for_class
    assert list(extension(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert extension(x509.KeyUsage).critical and extension(x509.KeyUsage).value.digital_signature
    assert not extension(x509.KeyUsage).value.key_cert_sign and not extension(x509.BasicConstraints).value.ca
    leaf.verify_directly_issued_by(root)
    identifier = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.key_identifier
    assert extension(x509.AuthorityKeyIdentifier).value.key_identifier == identifier
    assert leaf.issuer != leaf.subject and leaf.not_valid_after_utc > datetime.now(timezone.utc) + timedelta(days=3000)


def test_a_studio_signs_with_its_own_certificate(tmp_path, monkeypatch):
    monkeypatch.setattr(certificate, "ORGANISATION", "A Studio")
    monkeypatch.setattr(certificate.ec, "SECP256R1", ec.SECP384R1)
    certificate.make_certificate(tmp_path / "studio.pem")
    monkeypatch.setenv("HEADROOM_CERTIFICATE", str(tmp_path / "studio.pem"))
    write_movie(tmp_path / "shot.mp4", Provenance("Robin", ()))
    found = inspect_file(tmp_path / "shot.mp4")
    assert found.state == "valid" and found.lines[1].startswith("  signed by A Studio; on no list")


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_a_certificate_that_cannot_sign_is_refused_before_the_work(tmp_path, monkeypatch, content):
    (tmp_path / "studio.pem").write_bytes(content)
    monkeypatch.setenv("HEADROOM_CERTIFICATE", str(tmp_path / "studio.pem"))
    writer = VideoWriter(tmp_path / "s.mp4", 25, 64, 48, options=MovieOptions(provenance=Provenance("Robin", ())))
    with pytest.raises(InputError, match=r"The certificate in .*studio\.pem cannot be used"), writer:
        raise AssertionError("the work began")
    assert [path.name for path in tmp_path.iterdir()] == ["studio.pem"]


def test_an_expired_certificate_is_refused(own_certificate, monkeypatch):
    monkeypatch.setattr(certificate, "YEARS", 0)
    certificate.make_certificate(own_certificate)
    with pytest.raises(InputError, match="the certificate ended on"):
        certificate.open_signer()


def test_leaving_them_out_is_a_choice_that_is_logged_and_told(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("HEADROOM_CREDENTIALS", "off")
    with caplog.at_level(logging.WARNING):
        writer = write_movie(tmp_path / "shot.mp4", Provenance("Robin", ()))
    assert "Robin has no content credentials, because HEADROOM_CREDENTIALS is off" in caplog.text
    assert "Content credentials are switched off" in writer.notes[0]
    assert [line[:8] for line in inspect_file(tmp_path / "shot.mp4").lines] == ["Comment:"], "the comment stays"


def test_the_command_line_switches_them_off_for_what_it_starts(monkeypatch, capsys, tmp_path):
    import os

    monkeypatch.setenv("HEADROOM_CREDENTIALS", "on")
    call(monkeypatch, capsys, "--no-credentials", "--certificate", tmp_path / "s.pem", "--version")
    assert os.environ["HEADROOM_CREDENTIALS"] == "off"
    assert os.environ.pop("HEADROOM_CERTIFICATE") == str(tmp_path / "s.pem")


def test_a_container_that_cannot_carry_them_says_so(tmp_path):
    (tmp_path / "shot.mkv").write_bytes(b"movie")
    (note,) = marks.add_marks(tmp_path / "shot.mkv", Provenance("Robin", ()))
    assert note.startswith("Files that end in .mkv cannot carry content credentials")
    assert (tmp_path / "shot.mkv").read_bytes() == b"movie"


def test_damaged_marks_of_an_input_are_told(clip, tmp_path):
    content = bytearray(clip.read_bytes())
    content[content.index(b"jumb")] ^= 1
    clip.write_bytes(content)
    notes = write_movie(tmp_path / "plates.mp4", opened(clip, "plates.mp4")).notes
    assert notes == [
        "The content credentials of signed.mp4 are damaged and cannot be kept."]
    assert inspect_file(tmp_path / "plates.mp4").state == "valid"


def test_a_file_that_cannot_be_signed_gives_one_sentence(tmp_path):
    (tmp_path / "shot.mp4").write_bytes(b"no movie")
    with pytest.raises(HeadroomError, match="The content credentials of Robin cannot be written"):
        marks.add_marks(tmp_path / "shot.mp4", Provenance("Robin", ()))


def test_a_disk_that_is_full_while_a_movie_is_signed_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(marks.shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    (tmp_path / "shot.mp4").write_bytes(b"no movie")
    with pytest.raises(OSError, match="No space left on device"):
        marks.add_marks(tmp_path / "shot.mp4", Provenance("Robin", ()))
    assert [path.name for path in tmp_path.iterdir()] == ["shot.mp4"]


def call(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["headroom", *map(str, words)])
    with pytest.raises(SystemExit) as exit_request:
        app.main()
    printed = capsys.readouterr()
    return exit_request.value.code, printed.out.splitlines(), printed.err.splitlines()


def test_inspect_reads_files_by_others(monkeypatch, capsys, clip, tmp_path):
    code, lines, _ = call(monkeypatch, capsys, "inspect", clip)
    assert code == 0 and lines[0] == "Content credentials: valid"
    assert "  made with A Camera 7" in lines and "  action created: digitalCapture" in lines
    code, lines, _ = call(monkeypatch, capsys, "inspect", tmp_path / "clip.mp4")
    assert code == 1 and lines[1:] == ["clip.mp4 says nothing about how it was made."]
    assert lines[0] == "Watermark: not looked for, because no face is seen for long enough"
    code, _, err = call(monkeypatch, capsys, "inspect", tmp_path / "none.mp4")
    assert code == 2 and err == [f"There is no file {tmp_path / 'none.mp4'}; check the name."]


def test_inspect_of_a_changed_file_still_exits_with_0(monkeypatch, capsys, shot):
    content = bytearray(shot.read_bytes())
    content[content.index(b"mdat") + 60] ^= 1
    shot.write_bytes(content)
    code, lines, _ = call(monkeypatch, capsys, "inspect", shot)
    assert code == 0 and lines[:2] == ["Content credentials: changed", "  the file was changed after it was signed"]
