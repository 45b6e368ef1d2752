"""The formats of the jobs file and the upgrade of older ones.

1: `user_version` is 0. Kind, inputs and settings are columns of their own, with the names of version 1 of the HTTP API.
   The earliest files lack the columns `attempts` and `changed`.
2: The request is one JSON column, with the names of version 2 of the HTTP API.
3: A job has a user, a kind and a priority, and the files that each user may read are listed.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from headroom.server.requests import JOB_REQUEST, RESULT_TYPES

FORMAT = 3
SCHEMA = ("""
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,  -- the order of the queue
    id TEXT UNIQUE NOT NULL,
    kind TEXT NOT NULL,
    user TEXT NOT NULL,          -- "" is the owner of the server
    priority TEXT NOT NULL,
    state TEXT NOT NULL,
    progress REAL NOT NULL,
    message TEXT NOT NULL,
    result TEXT,                 -- JSON, see results.py
    created REAL NOT NULL,
    finished REAL,
    attempts INTEGER NOT NULL,
    changed REAL NOT NULL,
    request TEXT NOT NULL        -- JSON, see requests.py; last, because SQLite reads a row up to the columns it needs
)
""", "CREATE INDEX jobs_of_user ON jobs (user, number)", "CREATE INDEX finished_jobs ON jobs (finished)", """
CREATE TABLE holdings (          -- which blobs a named user has sent or been given
    user TEXT NOT NULL,
    sha TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (user, sha)
) WITHOUT ROWID
""", "CREATE INDEX holders ON holdings (sha)")
INSERT = ("INSERT INTO jobs (id, request, state, progress, message, result, created, finished, attempts, changed, "
          "kind, user, priority) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 'normal')")
KINDS_OF_1 = {"match": "match_plates"}
SETTINGS_OF_1 = {"speech_part": "speech_range"}
RESULTS_OF_1 = {"painted": "refined"}
COLUMNS_OF_2 = "id, request, state, progress, message, result, created, finished, attempts, changed"

log = logging.getLogger(__name__)


def format_of(database: sqlite3.Connection) -> int:
    """Return the format number of a jobs file; a new file counts as one of the present format."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version:
        return int(version)
    return 1 if _has_table(database) else FORMAT


def upgrade(database: sqlite3.Connection) -> None:
    """Bring a jobs file to the present format inside the caller's transaction; make the table in a new file."""
    if not _has_table(database):
        _make_tables(database)
    elif (version := format_of(database)) < FORMAT:
        columns, convert = (_columns_of_1(database), _row_from_1) if version == 1 else (COLUMNS_OF_2, _row_from_2)
        _upgrade_rows(database, columns, convert)
    database.execute(f"PRAGMA user_version = {FORMAT}")


def _make_tables(database: sqlite3.Connection) -> None:
    for statement in SCHEMA:
        database.execute(statement)


def _upgrade_rows(database: sqlite3.Connection, columns: str,
                  convert: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> None:
    """Make the tables anew with the rows of the older one that can still be read."""
    rows = database.execute(f"SELECT {columns} FROM jobs ORDER BY number").fetchall()
    database.execute("DROP TABLE jobs")
    _make_tables(database)
    for row in rows:
        try:
            new = convert(row)
        except (ValidationError, ValueError) as error:
            log.warning("The job %s of an older version cannot be read and is removed: %s", row[0], error)
        else:
            database.execute(INSERT, new)


def _columns_of_1(database: sqlite3.Connection) -> str:
    columns = {row[1] for row in database.execute("PRAGMA table_info(jobs)")}
    latest = "attempts, changed" if "attempts" in columns else "0, 0"
    return f"id, kind, inputs, settings, state, progress, message, result, created, finished, {latest}"


def _row_from_1(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row of format 1 as values for `INSERT`; raises ValidationError for a request that makes no sense."""
    id_, kind, inputs, settings, state, progress, message, result_json, *times = row
    request = JOB_REQUEST.validate_python({
        "id": id_,
        "kind": KINDS_OF_1.get(kind, kind),
        "inputs": json.loads(inputs),
        "settings": _renamed(json.loads(settings), SETTINGS_OF_1),
    })
    old_result = json.loads(result_json)
    result = None
    if old_result is not None:
        result = RESULT_TYPES[request.kind].model_validate(_renamed(old_result, RESULTS_OF_1)).model_dump_json()
    return (id_, request.model_dump_json(), state, progress, message, result, *times, request.kind)


def _row_from_2(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row of format 2 as values for `INSERT`; raises ValidationError for a request that makes no sense."""
    return (*row, JOB_REQUEST.validate_json(row[1]).kind)


def _renamed(values: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}


def _has_table(database: sqlite3.Connection) -> bool:
    return bool(database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'jobs'").fetchall())
