"""The add-on's client against the real server: files and folders in both directions, versions and errors."""

import hashlib
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest

from addon.core.client import BackendError, Client, Refused, Unreachable


def request(client, method, path, body=None, token=None):
    """Send a request without the client; return status and body."""
    connection = http.client.HTTPConnection(urlsplit(client.url).netloc)
    connection.request(method, path, body, {"Authorization": f"Bearer {token}"} if token else {})
    response = connection.getresponse()
    return response.status, response.read()


def test_health_names_the_version_and_the_device(client):
    health = client.health()
    assert health["api"] == 2 and health["device"] in ("starting", "a fake device")


def test_an_add_on_of_version_1_learns_the_version_and_nothing_else(client):
    status, body = request(client, "GET", "/v1/health", token=client.token)
    assert status == 200 and json.loads(body) == client.health()
    assert request(client, "GET", "/v1/health")[0] == 401
    for method, path in [("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("GET", f"/v1/blobs/{'0' * 64}")]:
        status, body = request(client, method, path, token=client.token)
        assert status == 404 and json.loads(body)["error"]["code"] == "not_found"


@pytest.fixture
def old_backend():
    """A backend of version 1: it serves no path of version 2."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"error": {"code": "not_found", "message": "The backend does not serve this."}}'
            self.send_response(404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_PUT = do_POST = do_GET

        def log_message(self, *args): ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Client(f"http://127.0.0.1:{server.server_port}", "token")
        server.shutdown()


def test_an_older_backend_is_named_as_the_one_to_update(old_backend):
    for call in (old_backend.health, lambda: old_backend.put_bytes(b"x"), lambda: old_backend.submit("learn", {}, {})):
        with pytest.raises(BackendError, match="Update the backend"):
            call()


def test_a_file_comes_back_as_it_was_sent(client, tmp_path):
    sent = tmp_path / "clip.bin"
    sent.write_bytes(bytes(range(256)) * 20_000)
    sha = client.put_file(sent)
    assert sha == hashlib.sha256(sent.read_bytes()).hexdigest()
    assert client.put_file(sent) == sha
    assert client.get_file(sha, tmp_path / "new folder" / "back.bin").read_bytes() == sent.read_bytes()
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["back.bin"]


def test_an_empty_file_travels(client, tmp_path):
    (tmp_path / "nothing").touch()
    sha = client.put_file(tmp_path / "nothing")
    assert client.get_file(sha, tmp_path / "back").read_bytes() == b""


def test_a_file_that_changed_is_sent_again(client, tmp_path):
    path = tmp_path / "edited"
    path.write_bytes(b"first")
    first = client.put_file(path)
    path.write_bytes(b"second version")
    assert client.put_file(path) != first


def test_a_folder_with_spaces_and_unicode_comes_back_and_replaces_the_old_one(client, tmp_path):
    subject = tmp_path / "Zoë's subject"
    files = {"subject.toml": b"a", "plates/größe 1.mp4": b"b", "日本語/empty": b"", ".hidden/x": b"c"}
    for path, content in files.items():
        (subject / path).parent.mkdir(parents=True, exist_ok=True)
        (subject / path).write_bytes(content)
    tree = client.put_tree(subject)
    assert set(tree) == {"subject.toml", "plates/größe 1.mp4", "日本語/empty"}

    target = tmp_path / "back"
    target.mkdir()
    (target / "old").touch()
    client.get_tree(tree, target)
    fetched = {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert fetched == {path: files[path] for path in tree}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Zoë's subject", "back"]


def test_a_folder_that_cannot_be_fetched_leaves_the_old_one(client, tmp_path):
    (tmp_path / "old").touch()
    with pytest.raises(Refused):
        client.get_tree({"a": client.put_bytes(b"a"), "b": "0" * 64}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("path", ["../out", "/etc/out", "a//b", "C:/out", "a\\b", "./a", ""])
def test_the_client_writes_nothing_outside_the_folder_that_it_fetches_to(client, tmp_path, path):
    with pytest.raises(BackendError, match="not safe"):
        client.get_tree({path: client.put_bytes(b"a")}, tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_bytes_with_another_hash_are_not_stored(client):
    sha = hashlib.sha256(b"right").hexdigest()
    status, body = request(client, "PUT", f"/v2/blobs/{sha}", b"wrong", client.token)
    assert status == 422 and b"SHA-256 differs" in body
    assert request(client, "HEAD", f"/v2/blobs/{sha}", token=client.token)[0] == 404


def test_a_blob_is_created_once_and_known_afterwards(client):
    sha = hashlib.sha256(b"once").hexdigest()
    answers = [request(client, "PUT", f"/v2/blobs/{sha}", b"once", client.token)[0] for _ in range(2)]
    assert answers == [201, 200]


def test_an_unknown_blob_is_404_and_leaves_no_file(client, tmp_path):
    with pytest.raises(Refused, match="does not hold") as caught:
        client.get_file("0" * 64, tmp_path / "file")
    assert caught.value.status == 404
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/v2/health", "/v2/jobs", "/nowhere", "/docs", "/openapi.json"])
def test_nothing_is_served_without_the_token(client, path):
    for token in (None, "wrong", "ü"):
        assert request(client, "GET", path, token=token)[0] == 401


def test_a_wrong_token_is_refused_in_words(client):
    client = Client(client.url, "wrong")
    with pytest.raises(Refused, match="does not accept"):
        client.health()
    with pytest.raises(Refused, match="does not accept"):
        client.put_bytes(b"x")


def test_every_error_reply_has_a_code_and_a_message(client):
    for path, status, code in [("/v2/jobs/none", 404, "not_found"), ("/nowhere", 404, "not_found"),
                               ("/v2/blobs/..%2f..%2fetc", 404, "not_found"), ("/v2/blobs/abc", 422, "invalid")]:
        answer, body = request(client, "GET", path, token=client.token)
        error = json.loads(body)["error"]
        assert (answer, error["code"]) == (status, code) and error["message"].endswith(".")


def test_an_absent_backend_is_unreachable_in_words():
    with pytest.raises(Unreachable, match="Check in the preferences"):
        Client("http://127.0.0.1:9", "token").health()


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port"])
def test_an_address_that_cannot_be_one_is_refused_at_once(url):
    with pytest.raises(BackendError, match="looks like http://127"):
        Client(url, "token")
