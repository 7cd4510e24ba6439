"""The tables of a memory's file, and how a file of an older version gets those of this one."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sensebind.errors import StorageError
from sensebind.perception.storage.stored_version import newer

_APPLICATION = 0x53424D45  # "SBME", in the header of the file
_VERSION = 2  # 1 knew no places
_TABLES = """
CREATE TABLE episodes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    modality TEXT NOT NULL,
    model TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    percepts INTEGER NOT NULL,
    open INTEGER NOT NULL,
    description TEXT NOT NULL DEFAULT ''
);
CREATE INDEX episodes_by_end ON episodes (ended_at);
CREATE INDEX episodes_going_on ON episodes (id) WHERE open;
CREATE TABLE moments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    episode INTEGER NOT NULL REFERENCES episodes (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    reference TEXT NOT NULL,
    embedding BLOB NOT NULL
);
CREATE INDEX moments_by_episode ON moments (episode);
CREATE TABLE watches (
    name TEXT PRIMARY KEY,
    modality TEXT NOT NULL,
    model TEXT NOT NULL,
    embedding BLOB NOT NULL,
    action TEXT NOT NULL,
    top REAL NOT NULL,
    added_at INTEGER NOT NULL
);
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    watch TEXT NOT NULL,
    stream TEXT NOT NULL,
    at INTEGER NOT NULL,
    reference TEXT NOT NULL,
    similarity REAL NOT NULL,
    outcome TEXT NOT NULL
);
"""
_KEPT_AT = "ALTER TABLE episodes ADD COLUMN kept_at INTEGER NOT NULL DEFAULT 0"
_PLACES = ("frame TEXT NOT NULL DEFAULT ''", "x REAL", "y REAL", "yaw REAL")
"""Columns of moments since version 2: where the robot was; frame is '' where nobody knew."""

Transaction = Callable[[sqlite3.Connection], AbstractContextManager[None]]
"""Makes what is written inside one transaction."""


def prepare(file: sqlite3.Connection, path: Path, transaction: Transaction) -> None:
    """Set a connection up; make the tables in a new file, and bring an older one up to date.

    Args:
        file: The connection.
        path: For messages.
        transaction: Of the store.

    Raises:
        StorageError: It is not a memory, or one of a newer version; nothing was written to it.
        sqlite3.Error: It cannot be read or written.
    """
    application, version = (
        file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    file.execute("PRAGMA foreign_keys = ON")
    file.execute("PRAGMA synchronous = NORMAL")
    if application == _APPLICATION and 1 <= version <= _VERSION:
        _update(file, transaction)
        return
    if application == _APPLICATION and version > _VERSION:
        raise StorageError(newer(path, version, _VERSION))
    if application or version or file.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise StorageError(f"{path} is no memory of this version of sensebind: name another file")
    file.execute("PRAGMA auto_vacuum = INCREMENTAL")
    file.execute("PRAGMA journal_mode = WAL")
    with transaction(file):
        if file.execute("SELECT 1 FROM sqlite_master").fetchone():
            return  # another process was faster
        for statement in _TABLES.split(";"):
            file.execute(statement)
        file.execute(_KEPT_AT)
        _add_places(file)
        file.execute(f"PRAGMA application_id = {_APPLICATION}")
        file.execute(f"PRAGMA user_version = {_VERSION}")


def _update(file: sqlite3.Connection, transaction: Transaction) -> None:
    """Give a file of an older version what it lacks."""

    def lacks_arrivals() -> bool:
        columns = [row[1] for row in file.execute("PRAGMA table_info(episodes)")]
        return "kept_at" not in columns

    def lacks_places() -> bool:
        return file.execute("PRAGMA user_version").fetchone()[0] < _VERSION

    if not (lacks_arrivals() or lacks_places()):
        return
    with transaction(file):  # no other process writes meanwhile; one may have been faster
        if lacks_arrivals():  # no later than now
            file.execute(_KEPT_AT)
            file.execute("UPDATE episodes SET kept_at = min(ended_at, ?)", (time.time_ns(),))
        if lacks_places():  # of what it holds nobody knows where that was
            _add_places(file)
            file.execute(f"PRAGMA user_version = {_VERSION}")


def _add_places(file: sqlite3.Connection) -> None:
    for column in _PLACES:
        file.execute(f"ALTER TABLE moments ADD COLUMN {column}")
