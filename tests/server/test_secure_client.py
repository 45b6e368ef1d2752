"""The add-on's client and a server with TLS: certificates that are remembered, and uploads that break."""

import hashlib
import ipaddress
import os
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest
from running import Asker, served

from addon.core import client as client_module
from addon.core.certificates import UntrustedServer
from addon.core.client import Client, Refused, Unreachable
from addon.core.errors import InputError
from addon.core.known_servers import AUTHORITY, KnownServers, fingerprint_of
from headroom.server.access import certificate


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("secure")


@pytest.fixture(scope="module")
def announced(data):
    with served(data, "--tls") as (_, announcement):
        yield announcement


@pytest.fixture
def known(tmp_path):
    return KnownServers(tmp_path / "servers" / "known.json")


@contextmanager
def listening(file):
    """Shake hands with the certificate in a PEM file and do nothing else; yield the URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                    context.wrap_socket(connection, server_side=True).close()
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def test_a_server_is_remembered_when_it_is_first_used(announced, known, tmp_path):
    url, token = announced["url"], announced["token"]
    assert known.fingerprint(url) == ""
    assert Client(url, token, known_servers=known).health()["api"] == 2
    assert known.fingerprint(url) == announced["fingerprint"] == fingerprint_of(known.certificate(url))
    again = Client(f"{url}/", token, known_servers=KnownServers(tmp_path / "servers" / "known.json"))
    content = os.urandom(2_000_000)
    sha = again.put_bytes(content)
    assert again.get_file(sha, tmp_path / "file").read_bytes() == content


def test_a_wrong_token_is_refused_over_tls_too(announced, known):
    with pytest.raises(Refused, match="does not accept the token"):
        Client(announced["url"], "wrong", known_servers=known).health()


@pytest.mark.parametrize("is_entered", [True, False])
def test_a_server_with_another_certificate_is_refused(announced, known, tmp_path, is_entered):
    url, token = announced["url"], announced["token"]
    other = certificate.own_certificate(tmp_path)
    fingerprint = certificate.fingerprint_of(other)
    if is_entered:
        known.expect(url, fingerprint)
    else:
        known.remember(url, other.read_text().partition("-----END PRIVATE KEY-----\n")[2])
    client = Client(url, token, known_servers=known)
    with pytest.raises(UntrustedServer, match=f"not the one that is known.*{announced['fingerprint']}.*clear"):
        client.health()
    known.expect(url, "")
    assert client.health()["api"] == 2 and known.fingerprint(url) == announced["fingerprint"]


def test_the_fingerprint_can_be_entered_before_the_first_use(announced, known):
    known.expect(announced["url"], announced["fingerprint"].lower().replace(":", " "))
    assert Client(announced["url"], announced["token"], known_servers=known).health()["api"] == 2
    known.expect(announced["url"], announced["fingerprint"])
    assert known.certificate(announced["url"])
    with pytest.raises(InputError, match="is no fingerprint"):
        known.expect(announced["url"], "AB:CD")


@pytest.mark.parametrize("is_known", [True, False])
def test_an_expired_certificate_is_refused(known, tmp_path, monkeypatch, is_known):
    monkeypatch.setattr(certificate, "YEARS", 0)
    file = certificate.own_certificate(tmp_path)
    with listening(file) as url:
        if is_known:
            known.remember(url, file.read_text().partition("-----END PRIVATE KEY-----\n")[2])
        with pytest.raises(UntrustedServer, match=r"The certificate of the server at .* has expired. Ask whoever runs"):
            Client(url, "token", known_servers=known).health()


def test_a_certificate_of_another_host_is_refused(known, tmp_path, monkeypatch):
    monkeypatch.setattr(certificate, "ipaddress", type("none", (), {"ip_address": lambda text: OTHER}))
    file = certificate.own_certificate(tmp_path)
    (tmp_path / "authority.pem").write_text(file.read_text().partition("-----END PRIVATE KEY-----\n")[2])
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))  # an authority that the system knows
    with listening(file) as url, pytest.raises(UntrustedServer, match=r"is not valid for it \(.*mismatch"):
        Client(url, "token", known_servers=known).health()


def test_a_server_that_an_authority_vouched_for_cannot_show_a_certificate_of_anybody(known, tmp_path, monkeypatch):
    file = certificate.own_certificate(tmp_path)
    (tmp_path / "authority.pem").write_text(file.read_text().partition("-----END PRIVATE KEY-----\n")[2])
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))  # an authority that the system knows
    with listening(file) as url:
        with pytest.raises(Unreachable):  # only after the handshake
            Client(url, "token", known_servers=known).health()
        assert known.fingerprint(url) == AUTHORITY
        monkeypatch.delenv("SSL_CERT_FILE")
        client, fingerprint = Client(url, "token", known_servers=known), certificate.fingerprint_of(file)
        with pytest.raises(UntrustedServer, match=f"not the one that is known.*{fingerprint}.*clear"):
            client.health()
        known.expect(url, "")
        with pytest.raises(Unreachable):
            client.health()
        assert known.fingerprint(url) == fingerprint


OTHER = ipaddress.ip_address("192.0.2.1")


def test_a_server_that_does_not_answer_is_unreachable(known):
    with pytest.raises(Unreachable):
        Client("https://127.0.0.1:9", "token", known_servers=known).health()
    assert known.fingerprint("https://127.0.0.1:9") == ""


def test_a_damaged_list_of_servers_is_an_empty_one(known, announced, tmp_path):
    (tmp_path / "servers").mkdir()
    (tmp_path / "servers" / "known.json").write_text("{")
    assert Client(announced["url"], announced["token"], known_servers=known).health()["api"] == 2
    assert known.fingerprint(announced["url"]) == announced["fingerprint"]


@contextmanager
def cutting_proxy(url, lengths):
    """Pass connections on to a server, and cut those to come after so many bytes from the client; yield the URL."""
    target, left = urlsplit(url), list(lengths)

    def copy(source, sink, limit):
        with suppress(OSError):
            while limit and (chunk := source.recv(min(65536, limit))):
                sink.sendall(chunk)
                limit -= len(chunk)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            while True:
                try:
                    near, _ = server.accept()
                except OSError:
                    return
                far = socket.create_connection((target.hostname, target.port))
                for pair in ((near, far, left.pop(0) if left else 1 << 60), (far, near, 1 << 60)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def test_a_cut_upload_goes_on_where_it_was_and_arrives(tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "RECONNECT_SECONDS", 0.2)
    content = os.urandom(12_000_000)
    (tmp_path / "clip.mp4").write_bytes(content)
    with served(tmp_path) as (_, announcement), cutting_proxy(announcement["url"], [5_000_000, 4_000_000]) as url:
        client, offsets = Client(url, announcement["token"]), []
        send_rest = client._send_rest
        monkeypatch.setattr(client, "_send_rest", lambda file, sha, size, offset:
                            (offsets.append(offset), send_rest(file, sha, size, offset)))
        sha = client.put_file(tmp_path / "clip.mp4")
        assert sha == hashlib.sha256(content).hexdigest()
        assert offsets[0] == 0 < 3_000_000 < offsets[-1] and offsets == sorted(offsets)
        assert Asker(announcement["url"], announcement["token"])("GET", f"/v2/blobs/{sha}") == (200, content)


def test_the_client_waits_where_the_server_asks_it_to(tmp_path):
    (tmp_path / "limits.toml").write_text("requests_per_minute = 120")
    from headroom.server.access.tokens import Tokens

    secret, _ = Tokens(tmp_path).add("anna")
    with served(tmp_path, "--limits", tmp_path / "limits.toml") as (_, announcement):
        client = Client(announcement["url"], secret)
        shas = [client.put_bytes(b"%d" % number) for number in range(61)]
        assert len(set(shas)) == 61
