"""`headroom serve`: the HTTP API on a port, announced by one line of JSON."""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn

from headroom.common.errors import InputError
from headroom.common.paths import cache_folder
from headroom.server.access.audit import AuditLog
from headroom.server.access.certificate import fingerprint_of, own_certificate
from headroom.server.access.limits import GIGABYTE, NO_LIMITS, Limits, Rate
from headroom.server.access.tokens import Tokens
from headroom.server.api.app import create_app
from headroom.server.api.connection import ClientConnection
from headroom.server.api.services import Services
from headroom.server.api.users import Access
from headroom.server.collection import Collector, collect
from headroom.server.logs import log_to
from headroom.server.parent import call_after_end
from headroom.server.runner import Runner, RunnerOptions
from headroom.server.store import Store
from headroom.server.uploads import Uploads
from headroom.server.worker import WorkerSetup
from headroom.server.worker_thread import JobLimits

SHUTDOWN_SECONDS = 2  # that open event streams have to end

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServeOptions:
    """How to serve.

    host: other than loopback addresses need `encrypted` and a token for each user.
    port: 0 for a free one.
    data: HEADROOM_DATA or the user's cache folder if None.
    encrypted: whether to use TLS.
    certificate: PEM file with the private key and the certificate for TLS; one of the server's own if None.
    limits: TOML file; see `Limits`. None for the defaults, which limit nothing on a loopback address.
    workers: number of worker processes; 0 for one on each NVIDIA GPU.
    drain_seconds: how long running jobs may take to end after SIGTERM.
    exit_with_parent: id of a process with which the server ends; its jobs fail then, instead of being queued again.
    pipeline: the module that does the work; tests name another one.
    """

    host: str = "127.0.0.1"
    port: int = 0
    data: Path | None = None
    encrypted: bool = False
    certificate: Path | None = None
    limits: Path | None = None
    workers: int = 1
    drain_seconds: float = 0.0
    exit_with_parent: int | None = None
    pipeline: str = "headroom.pipeline"

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted, which a certificate asks for as well."""
        return self.encrypted or self.certificate is not None


def serve(options: ServeOptions) -> None:
    """Serve until interrupted.

    Prints {"url", "token", "pid"} as one line on stdout when the server answers, and nothing else. The token is
    HEADROOM_TOKEN of the environment, random without that variable, and is missing where other machines can connect,
    because users have tokens of their own there. With TLS, "fingerprint" is that of the certificate.

    Raises InputError when the options cannot be used, HeadroomError when the data folder cannot be used.
    """
    folder = options.data or cache_folder()
    announcement: dict[str, str | int] = {"pid": os.getpid()}
    certificate = _certificate(options, folder)
    if certificate is not None:
        announcement["fingerprint"] = fingerprint_of(certificate)
    access, limits = _access(options, folder)
    if access.owner_token is not None:
        announcement["token"] = access.owner_token
    with closing(_listen(options.host, options.port)) as listening, closing(Store(folder)) as store:
        log_to(folder / "logs" / "server.log")
        most_bytes = None if limits.store_gb is None else limits.store_gb * GIGABYTE
        collect(store, limits.keep_days, most_bytes)
        runner = _runner(options, store, limits)
        services = Services(store, runner, Uploads(store.blobs, store.scratch.name), access, limits)
        config = uvicorn.Config(create_app(services), http=ClientConnection, log_config=None, access_log=False,
                                ssl_certfile=certificate, timeout_graceful_shutdown=SHUTDOWN_SECONDS)
        announcement["url"] = _url(listening, "http" if certificate is None else "https")
        server = _Server(config, announcement, runner, options.drain_seconds)
        if options.exit_with_parent is not None:
            call_after_end(options.exit_with_parent, server.end)
        collector = Collector(store, limits.keep_days, most_bytes)
        collector.start()
        try:
            with suppress(KeyboardInterrupt):
                server.run(sockets=[listening])
        finally:
            collector.stop()


class _Server(uvicorn.Server):
    """A server that prints its address on stdout once it answers, and lets running jobs end after SIGTERM."""

    def __init__(self, config: uvicorn.Config, announcement: dict[str, str | int], runner: Runner,
                 drain_seconds: float):
        super().__init__(config)
        self._announcement, self._runner, self._drain_seconds = announcement, runner, drain_seconds
        self._is_draining = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(json.dumps(self._announcement), flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; after the first SIGTERM only when the running jobs have ended."""
        if sig == signal.SIGTERM and self._drain_seconds and not self._is_draining:
            self._is_draining = True
            threading.Thread(target=self._drain, name="drain", daemon=True).start()
        elif sig == signal.SIGINT and self.should_exit:
            self.force_exit = True
        else:  # uvicorn would raise the signal again once everything has ended
            self.should_exit = True

    def end(self) -> None:
        log.info("The parent process has ended; stopping")
        self.should_exit = True

    def _drain(self) -> None:
        log.info("Stopping once the running jobs have ended, at most in %g seconds", self._drain_seconds)
        self._runner.drain(self._drain_seconds, lambda: self.should_exit)
        self.should_exit = True


def _certificate(options: ServeOptions, folder: Path) -> Path | None:
    """Return the file with key and certificate, None without TLS."""
    if not options.uses_tls:
        return None
    return options.certificate or own_certificate(folder)


def _access(options: ServeOptions, folder: Path) -> tuple[Access, Limits]:
    """Return who may use the server, and how much of it."""
    tokens = Tokens(folder)
    is_open = not _is_loopback(options.host)
    if is_open and not options.uses_tls:
        raise InputError(f"{options.host} can be reached from other machines. Add --tls, which encrypts tokens and "
                         "files, or use 127.0.0.1.")
    if is_open and all(token.refusal_reason for token in tokens.all()):
        raise InputError("Nobody could use the server, because no token is valid. Make one for each user with "
                         "`headroom serve token add NAME`.")
    limits = Limits.load(options.limits) if options.limits else Limits() if is_open else NO_LIMITS
    owner_token = None if is_open else os.environ.get("HEADROOM_TOKEN") or secrets.token_urlsafe(32)
    return Access(owner_token, tokens, Rate(limits.requests_per_minute), Rate(limits.refused_per_minute),
                  AuditLog(folder / "logs" / "audit.log")), limits


def _runner(options: ServeOptions, store: Store, limits: Limits) -> Runner:
    setup = WorkerSetup(store.blobs.folder, store.folder, store.folder / "logs" / "worker.log", options.pipeline,
                        memory_bytes=None if limits.job_memory_gb is None else int(limits.job_memory_gb * GIGABYTE))
    gpus = gpus_of_workers(options.workers)
    if len(gpus) > 1:  # or every worker would start a thread on every processor
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // len(gpus))))
    return Runner(store, setup, RunnerOptions(gpus, JobLimits(minutes=limits.job_minutes),
                                              requeues=options.exit_with_parent is None))


def gpus_of_workers(workers: int) -> tuple[str | None, ...]:
    """Return the GPU of each worker, as CUDA_VISIBLE_DEVICES names it; None where there is no choice to make.

    workers: 0 for one on each GPU.
    """
    if workers == 1:
        return (None,)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = visible.split(",") if visible else _nvidia_gpus()
    if not gpus:
        return (None,) * max(workers, 1)
    return tuple(gpus[number % len(gpus)] for number in range(workers or len(gpus)))


def _nvidia_gpus() -> list[str]:
    try:
        listed = subprocess.run(["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], capture_output=True,
                                text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return listed.split()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # With the protocol named, asyncio sends small replies at once instead of after a delayed acknowledgement.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if sys.platform != "win32":  # on Windows this option lets two servers share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(512)
    except OSError as error:
        raise InputError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another port, or 0.") from error
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url(listening: socket.socket, scheme: str) -> str:
    host, port = listening.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
