"""`headroom serve`: the HTTP API on a loopback port, announced by one line of JSON."""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import secrets
import socket
import sys
from contextlib import closing, suppress
from pathlib import Path

import uvicorn

from headroom.common.errors import InputError
from headroom.common.paths import cache_folder
from headroom.server.app import create_app
from headroom.server.logs import log_to
from headroom.server.parent import call_after_end
from headroom.server.runner import Runner
from headroom.server.store import Store
from headroom.server.worker import WorkerSetup

SHUTDOWN_SECONDS = 2  # that open event streams have to end
MAX_AGE_DAYS = 14

log = logging.getLogger(__name__)


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    data_dir: Path | None = None,
    exit_with_parent: int | None = None,
    *,
    pipeline: str = "headroom.pipeline",
) -> None:
    """Serve until interrupted, or until the process `exit_with_parent` has ended.

    Prints {"url", "token", "pid"} as one line on stdout when the server answers, and nothing else. The token is
    HEADROOM_TOKEN of the environment, random without that variable. Only loopback addresses are served, because the
    token is not encrypted.

    port: 0 for a free one.
    data_dir: HEADROOM_DATA or the user's cache folder if None.
    pipeline: the module that does the work; tests name another one.

    Raises InputError when the address cannot be used, HeadroomError when the data folder cannot be used.
    """
    folder = Path(data_dir) if data_dir else cache_folder()
    with closing(_listen(host, port)) as listening, closing(Store(folder)) as store:
        log_to(folder / "logs" / "server.log")
        store.prune(MAX_AGE_DAYS)
        token = os.environ.get("HEADROOM_TOKEN") or secrets.token_urlsafe(32)
        runner = Runner(store, WorkerSetup(store.blobs.folder, folder, folder / "logs" / "worker.log", pipeline))
        config = uvicorn.Config(create_app(store, runner, token), log_config=None, access_log=False,
                                timeout_graceful_shutdown=SHUTDOWN_SECONDS)
        server = _AnnouncedServer(config, {"url": _url(listening), "token": token, "pid": os.getpid()})
        if exit_with_parent is not None:
            call_after_end(exit_with_parent, server.end)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


class _AnnouncedServer(uvicorn.Server):
    """A server that prints its address on stdout once it answers."""

    def __init__(self, config: uvicorn.Config, announcement: dict[str, str | int]):
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(json.dumps(self._announcement), flush=True)

    def end(self) -> None:
        log.info("The parent process has ended; stopping")
        self.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    if not _is_loopback(host):
        raise InputError(f"{host} can be reached from other machines. Use 127.0.0.1, and an SSH tunnel for other "
                         "machines.")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":  # on Windows this option lets two servers share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        raise InputError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another port, or 0.") from error
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
