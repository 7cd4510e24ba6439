"""SQLite files: how all of them are opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def open_database(
    path: Path | str, table: str = "", *, patience: float = 5.0, autocommit: bool = False
) -> sqlite3.Connection:
    """Open a file for several threads, which share a lock, and for several processes.

    Args:
        path: Of the file, or ":memory:".
        table: Statement that makes its table where there is none; "" makes none.
        patience: Seconds to wait for another process that writes.
        autocommit: Whether each statement is a transaction unless one is begun; otherwise Python
            begins one before a statement that writes.

    Raises:
        sqlite3.Error: It cannot be opened, or the table cannot be made.
    """
    file = sqlite3.connect(
        path,
        timeout=patience,
        check_same_thread=False,
        isolation_level=None if autocommit else "DEFERRED",
    )
    try:
        file.execute("PRAGMA trusted_schema = OFF")  # a file's views and triggers call nothing
        if table:
            file.execute(table)
    except BaseException:  # whatever it was, the file is closed
        file.close()
        raise
    return file
