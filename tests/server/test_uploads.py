"""Uploads that break and go on."""

import hashlib
import os
import socket
import time

import pytest
from running import Asker, served


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("uploads")) as (_, announcement):
        yield announcement


@pytest.fixture
def ask(server):
    return Asker(server["url"], server["token"])


def send_part(ask, sha, content, length, offset=0):
    """Announce `length` bytes, send only `content`, and cut the connection."""
    with socket.create_connection((ask.address.hostname, ask.address.port)) as connection:
        connection.sendall(f"PUT /v2/blobs/{sha} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ask.token}\r\n"
                           f"Upload-Offset: {offset}\r\nContent-Length: {length}\r\n\r\n".encode() + content)
        time.sleep(0.2)  # what has arrived but was not read yet when a connection is cut is lost


def offset_of(ask, sha, size, expected):
    """Return where an upload goes on, once the server has noticed that the connection is cut."""
    for _ in range(200):
        status, state = ask("POST", f"/v2/blobs/{sha}", {"bytes": size})
        assert status == 200 and not state["stored"]
        if state["offset"] == expected:
            break
    return state["offset"]


def test_a_cut_upload_goes_on_where_it_was(ask):
    content = os.urandom(3_000_000)
    sha = hashlib.sha256(content).hexdigest()
    send_part(ask, sha, content[:1_300_000], len(content))
    assert offset_of(ask, sha, len(content), 1_300_000) == 1_300_000
    send_part(ask, sha, content[1_300_000:2_000_000], len(content) - 1_300_000, offset=1_300_000)
    assert offset_of(ask, sha, len(content), 2_000_000) == 2_000_000
    assert ask("GET", f"/v2/blobs/{sha}")[0] == 404
    assert ask("PUT", f"/v2/blobs/{sha}", content[2_000_000:], Upload_Offset=2_000_000)[0] == 201
    assert ask("GET", f"/v2/blobs/{sha}") == (200, content)
    assert ask("POST", f"/v2/blobs/{sha}", {"bytes": len(content)}) == (200, {"stored": True, "offset": len(content)})


def test_an_upload_may_begin_again(ask):
    content = os.urandom(100_000)
    sha = hashlib.sha256(content).hexdigest()
    send_part(ask, sha, content[:50_000], len(content))
    assert offset_of(ask, sha, len(content), 50_000) == 50_000
    assert ask("PUT", f"/v2/blobs/{sha}", content)[0] == 201


def test_an_upload_that_goes_on_elsewhere_is_refused(ask):
    content = os.urandom(100_000)
    sha = hashlib.sha256(content).hexdigest()
    status, reply = ask("PUT", f"/v2/blobs/{sha}", content[7:], Upload_Offset=7)
    assert status == 409 and reply["error"] == {
        "code": "conflict", "message": "0 bytes of this file have arrived, not 7. Send it again."}
    assert ask("PUT", f"/v2/blobs/{sha}", content[7:], Upload_Offset=-7)[0] == 422


def test_a_damaged_first_part_is_noticed_and_dropped(ask):
    content = os.urandom(100_000)
    sha = hashlib.sha256(content).hexdigest()
    send_part(ask, sha, bytes(50_000), len(content))
    assert offset_of(ask, sha, len(content), 50_000) == 50_000
    status, reply = ask("PUT", f"/v2/blobs/{sha}", content[50_000:], Upload_Offset=50_000)
    assert status == 422 and "its SHA-256 differs" in reply["error"]["message"]
    assert offset_of(ask, sha, len(content), 0) == 0


def test_a_file_that_is_sent_twice_at_once_arrives(ask):
    content = os.urandom(200_000)
    sha = hashlib.sha256(content).hexdigest()
    with socket.create_connection((ask.address.hostname, ask.address.port)) as connection:
        connection.sendall(f"PUT /v2/blobs/{sha} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ask.token}\r\n"
                           f"Content-Length: {len(content)}\r\n\r\n".encode() + content[:100_000])
        assert ask("PUT", f"/v2/blobs/{sha}", content)[0] == 201
        connection.sendall(content[100_000:])
        assert b" 20" in connection.recv(100)
    assert ask("GET", f"/v2/blobs/{sha}") == (200, content)
