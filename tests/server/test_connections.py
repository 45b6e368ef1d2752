"""What a client without a token cannot make the server keep or wait for."""

import http.client
import socket
import threading
import time
from contextlib import suppress

import pytest
import uvicorn

from headroom.server.api import connection


async def app(scope, receive, send):
    """Answer with the length of the body."""
    length = 0
    while (message := await receive()).get("more_body"):
        length += len(message["body"])
    content = str(length + len(message.get("body", b""))).encode()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", str(len(content)).encode())]})
    await send({"type": "http.response.body", "body": content})


@pytest.fixture
def connect(monkeypatch):
    """A function that opens a connection to a server whose patience is short."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.4)
    server = uvicorn.Server(uvicorn.Config(app, http=connection.ClientConnection, lifespan="off", log_config=None))
    listening, opened = socket.create_server(("127.0.0.1", 0)), []
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()

    def open_connection():
        opened.append(socket.create_connection(listening.getsockname(), timeout=10))
        return opened[-1]

    yield open_connection
    for each in opened:
        each.close()
    server.should_exit = True
    thread.join()


def answer(client):
    """Return the content of the next answer."""
    response = http.client.HTTPResponse(client)
    response.begin()
    return response.read()


def is_closed(client):
    with suppress(ConnectionError):
        return client.recv(1) == b""
    return True


@pytest.mark.parametrize("start", [
    b"GET / HTTP/1.1\r\nX: ", b"GET /", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: "])
def test_a_request_without_an_end_is_cut(connect, start):
    client, sent = connect(), 0
    client.sendall(start)
    with suppress(OSError):
        while sent < 20_000_000:
            client.sendall(bytes([120]) * 100_000)
            sent += 100_000
    assert sent < 20_000_000


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nX: "])
def test_a_request_that_never_comes_is_not_waited_for(connect, start):
    client = connect()
    client.sendall(start)
    assert is_closed(client)


def test_a_second_request_that_never_ends_is_not_waited_for(connect):
    client = connect()
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer(client) == b"0"
    client.sendall(b"GET / HT")
    assert is_closed(client)


def test_a_body_may_take_its_time(connect):
    client = connect()
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + bytes(100_000))
    for _ in range(2):
        time.sleep(0.5)
        client.sendall(bytes(100_000))
    assert answer(client) == b"300000"
