"""The version of what is stored: files of older versions are read, those of newer ones refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sensebind.errors import StorageError


def newer(what: Path | str, found: object, known: int) -> str:
    """Return what is said of a file that a newer SenseBind has written.

    Args:
        what: The file.
        found: Its version.
        known: The newest version that is understood.
    """
    return (
        f"{what} was written by a newer version of SenseBind (format {found}, this one reads up "
        f"to {known}): update with `pip install -U sensebind`"
    )


def check_database(file: sqlite3.Connection, path: Path | str, known: int) -> None:
    """Refuse an SQLite file of a newer version, before anything is written to it.

    Args:
        file: Its connection.
        path: For messages.
        known: The newest version that is understood, `PRAGMA user_version`.

    Raises:
        StorageError: It is newer.
        sqlite3.Error: It cannot be read.
    """
    [found] = file.execute("PRAGMA user_version").fetchone()
    if found > known:
        raise StorageError(newer(path, found, known))


def stamp_database(file: sqlite3.Connection, version: int) -> None:
    """Write the version into an SQLite file that bears an older one; else write nothing.

    Raises:
        sqlite3.Error: It cannot be written.
    """
    [found] = file.execute("PRAGMA user_version").fetchone()
    if found < version:
        file.execute(f"PRAGMA user_version = {version}")
