"""How much of the server one user may use, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headroom.common.errors import InputError
from headroom.common.stored import Damaged, read_toml

GIGABYTE = 1_000_000_000
MINUTE = 60.0
MAX_CLIENTS = 10_000  # whose requests are counted at a time

Amount = Annotated[float, Field(gt=0, le=1e9)]
Count = Annotated[int, Field(gt=0, le=1_000_000_000)]


class Limits(BaseModel):
    """The limits of a server in the open; None switches one off. docs/server.md has the table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    upload_gb: Amount | None = Field(default=10.0, description="size of one file")
    user_gb: Amount | None = Field(default=100.0, description="files of one user")
    user_jobs: Count | None = Field(default=200, description="jobs of one user that wait or run")
    requests_per_minute: Count | None = Field(default=12_000, description="requests of one user")
    refused_per_minute: Count | None = Field(default=60, description="requests of one address without a valid token")
    job_minutes: Amount | None = Field(default=720.0, description="time of one job, once its worker has started")
    job_memory_gb: Amount | None = Field(default=None, description="memory of one worker process, on Linux")
    store_gb: Amount | None = Field(default=None, description="all files; those unused for longest go first")
    keep_days: Amount = Field(default=14.0, description="how long unused files and finished jobs stay")

    @staticmethod
    def load(path: Path) -> Limits:
        """Read limits from a TOML file; what it leaves out keeps its default, and 0 switches a limit off.

        Raises InputError when the file cannot be used.
        """
        try:
            values = read_toml(path)
        except Damaged as error:
            raise InputError(f"The limits in {path} cannot be used, because the file {error}. Write it as in "
                             "docs/server.md.") from error
        try:
            return Limits.model_validate({name: None if value == 0 else value for name, value in values.items()})
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"]))
            raise InputError(f"The limit {name} in {path} cannot be used: {first['msg']}. Correct it.") from error


NO_LIMITS = Limits(upload_gb=None, user_gb=None, user_jobs=None, requests_per_minute=None, refused_per_minute=None,
                   job_minutes=None)
"""For a server whose only user is its owner."""


class Rate:
    """A number of requests per minute for each client, of which a whole minute's may come at once; None for any."""

    def __init__(self, per_minute: int | None = None, clock: Callable[[], float] = time.monotonic):
        self._per_minute, self._clock = per_minute, clock
        self._left: dict[str, tuple[float, float]] = {}  # client -> requests left, and the time that they are as of

    def wait_seconds(self, client: str, cost: int = 1) -> float:
        """Count a request; return 0 if it may be answered, otherwise after how many seconds one may.

        cost: 0 only asks.
        """
        if self._per_minute is None:
            return 0.0
        now = self._clock()
        left, since = self._left.get(client, (float(self._per_minute), now))
        left = min(left + (now - since) * self._per_minute / MINUTE, self._per_minute)
        if left < 1:
            return (1 - left) * MINUTE / self._per_minute
        if len(self._left) >= MAX_CLIENTS:
            self._left.clear()
        self._left[client] = (left - cost, now)
        return 0.0
