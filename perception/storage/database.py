"""SQLite files: how all of them are opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

# A view may be a query that never ends, under the name of a table.
_ODD = (
    "SELECT name FROM sqlite_master "
    "WHERE type IN ('view', 'trigger') OR sql LIKE 'CREATE VIRTUAL%' LIMIT 1"
)


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
        sqlite3.Error: It cannot be opened, has views or triggers, or the table cannot be made.
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
        if odd := file.execute(_ODD).fetchone():
            raise sqlite3.DatabaseError(
                f"{odd[0]} is a view or trigger, and no file of ours has one"
            )
    except BaseException:  # whatever it was, the file is closed
        file.close()
        raise
    return file
