"""The formats of the jobs file and the upgrade of older ones.

1: `user_version` is 0. Kind, inputs and settings are columns of their own, with the names of version 1 of the HTTP API.
   The earliest files lack the columns `attempts` and `changed`.
2: The request is one JSON column, with the names of version 2 of the HTTP API.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from typing import Any

from pydantic import ValidationError

from headroom.server.requests import JOB_REQUEST

FORMAT = 2
SCHEMA = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,  -- the order of the queue
    id TEXT UNIQUE NOT NULL,
    request TEXT NOT NULL,       -- JSON, see requests.py
    state TEXT NOT NULL,
    progress REAL NOT NULL,
    message TEXT NOT NULL,
    result TEXT,                 -- JSON, see results.py
    created REAL NOT NULL,
    finished REAL,
    attempts INTEGER NOT NULL,
    changed REAL NOT NULL
)
"""
KINDS_OF_1 = {"match": "match_plates"}
SETTINGS_OF_1 = {"speech_part": "speech_range"}
RESULTS_OF_1 = {"painted": "refined"}

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
        database.execute(SCHEMA)
    elif format_of(database) == 1:
        _upgrade_1_to_2(database)
    database.execute(f"PRAGMA user_version = {FORMAT}")


def _upgrade_1_to_2(database: sqlite3.Connection) -> None:
    columns = {row[1] for row in database.execute("PRAGMA table_info(jobs)")}
    attempts, changed = ("attempts, changed" if "attempts" in columns else "0, 0").split(", ")
    rows = database.execute(
        "SELECT id, kind, inputs, settings, state, progress, message, result, created, finished, "
        f"{attempts}, {changed} FROM jobs ORDER BY number").fetchall()
    database.execute("DROP TABLE jobs")
    database.execute(SCHEMA)
    for row in rows:
        try:
            new = _row_1_to_2(row)
        except (ValidationError, ValueError) as error:
            log.warning("The job %s of an older version cannot be read and is removed: %s", row[0], error)
        else:
            database.execute(
                "INSERT INTO jobs (id, request, state, progress, message, result, created, finished, attempts, changed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", new)


def _row_1_to_2(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row of format 1 in the columns of format 2; raises ValidationError for a request that makes no sense."""
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
        result = request.result_type.model_validate(_renamed(old_result, RESULTS_OF_1)).model_dump_json()
    return (id_, request.model_dump_json(), state, progress, message, result, *times)


def _renamed(values: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}


def _has_table(database: sqlite3.Connection) -> bool:
    return bool(database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'jobs'").fetchall())
