"""Use a server with TLS from another network namespace: python benchmarks/server_network.py (Linux, as root)

The server listens in a network of its own, so nothing reaches it but what a cable would carry. Printed is what the
extension's client says to a wrong token, another certificate, an expired one, and a link that is cut in an upload.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests" / "server"
sys.path[:0] = [str(TESTS), str(TESTS.parents[1])]

from running import Asker, served  # noqa: E402

from addon.core.client import Client  # noqa: E402
from addon.core.errors import HeadroomError  # noqa: E402
from addon.core.known_servers import KnownServers  # noqa: E402
from headroom.server.access import certificate  # noqa: E402
from headroom.server.access.tokens import Tokens  # noqa: E402

SPACE, NEAR, FAR = "headroom-test", "10.213.0.1", "10.213.0.2"
CUT_SECONDS = 4.0
MEGABYTES = 64


def run(*words: str) -> None:
    """Run a program."""
    subprocess.run(words, check=True, capture_output=True)


@contextmanager
def namespace():
    """Make a network namespace that one link leads to."""
    run("ip", "netns", "add", SPACE)
    try:
        run("ip", "link", "add", "headroom0", "type", "veth", "peer", "name", "headroom1", "netns", SPACE)
        run("ip", "addr", "add", f"{NEAR}/24", "dev", "headroom0")
        run("ip", "link", "set", "headroom0", "up")
        run("ip", "netns", "exec", SPACE, "ip", "addr", "add", f"{FAR}/24", "dev", "headroom1")
        run("ip", "netns", "exec", SPACE, "ip", "link", "set", "headroom1", "up")
        yield
    finally:
        run("ip", "netns", "del", SPACE)


def answer(name: str, use) -> None:
    """Print what the client says."""
    try:
        print(f"{name}: {use()}")
    except HeadroomError as error:
        print(f"{name}: {type(error).__name__}: {error}")


def upload_over_a_cut_link(client: Client, folder: Path) -> str:
    """Send a file while the link goes down for some seconds."""
    content = os.urandom(MEGABYTES << 20)
    (folder / "clip").write_bytes(content)
    offsets, send_rest = [], client._send_rest

    def watched(file, sha, size, offset):
        offsets.append(offset)
        return send_rest(file, sha, size, offset)

    client._send_rest = watched

    def cut() -> None:
        time.sleep(1.0)
        run("ip", "link", "set", "headroom0", "down")
        run("ip", "netns", "exec", SPACE, "ss", "-K", "src", FAR)  # as a router that forgets connections
        time.sleep(CUT_SECONDS)
        run("ip", "link", "set", "headroom0", "up")

    run("tc", "qdisc", "add", "dev", "headroom0", "root", "tbf", "rate", "200mbit", "burst", "256k", "latency", "50ms")
    threading.Thread(target=cut, daemon=True).start()
    start = time.monotonic()
    sha = client.put_file(folder / "clip")
    seconds = time.monotonic() - start
    return f"arrived as {sha[:8]} in {seconds:.0f} s; it went on at {[f'{each >> 20} MB' for each in offsets]}"


def main() -> None:
    """Print the answers."""
    with tempfile.TemporaryDirectory() as name, namespace():
        folder = Path(name)
        known, (secret, _) = KnownServers(folder / "known.json"), Tokens(folder).add("anna")
        into = ("ip", "netns", "exec", SPACE)
        with served(folder, "--host", FAR, "--tls", into=into) as (_, announcement):
            url = announcement["url"]
            answer("first use", lambda: Client(url, secret, known_servers=known).health())
            assert known.fingerprint(url) == announcement["fingerprint"]
            answer("wrong token", lambda: Client(url, "wrong", known_servers=known).health())
            other = KnownServers()
            other.expect(url, "AB" * 32)
            answer("wrong fingerprint", lambda: Client(url, secret, known_servers=other).health())
            client = Client(url, secret, known_servers=known)
            answer("cut upload", lambda: upload_over_a_cut_link(client, folder))
            print("on the server:", Asker(url, secret)("GET", "/v2/jobs"))
        years, certificate.YEARS = certificate.YEARS, 0
        certificate.make_certificate(folder / "old.pem")
        certificate.YEARS = years
        with tls_alone(folder / "old.pem", into) as old:
            answer("expired certificate", lambda: Client(old, secret, known_servers=KnownServers()).health())


@contextmanager
def tls_alone(file: Path, into: tuple[str, ...]):
    """Shake hands with a certificate, because the server itself refuses to start with an expired one."""
    program = ("import socket, ssl, sys\n"
               "context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
               "context.load_cert_chain(sys.argv[1])\n"
               "server = socket.create_server((sys.argv[2], 8999))\n"
               "print('ready', flush=True)\n"
               "while True:\n"
               "    try: context.wrap_socket(server.accept()[0], server_side=True)\n"
               "    except OSError: pass\n")
    process = subprocess.Popen([*into, sys.executable, "-c", program, str(file), FAR], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield f"https://{FAR}:8999"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    main()
