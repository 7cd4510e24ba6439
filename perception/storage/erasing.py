"""Erases what was deleted from SQLite files: not only its rows, but its bytes."""

from __future__ import annotations

import sqlite3
import time

from sensebind.errors import StorageError

_PATIENCE = 10.0  # seconds for readers in other processes to end what they read
_TICK = 0.05


def begin_erasing(file: sqlite3.Connection) -> None:
    """Overwrite what is deleted from now on, on this connection."""
    file.execute("PRAGMA secure_delete = ON").fetchall()


def erase(file: sqlite3.Connection, path: object) -> None:
    """Rewrite a file without what was deleted, now or ever, and empty its log.

    Args:
        file: Its connection, with no transaction open.
        path: For messages.

    Raises:
        StorageError: Somebody reads all the time; what was deleted is deleted, and its bytes are
            still there.
        sqlite3.Error: The disk is full or fails.
    """
    until = time.monotonic() + _PATIENCE
    file.execute("VACUUM")
    while True:
        busy, _, _ = file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            return
        if time.monotonic() > until:
            raise StorageError(
                f"{path} is being read all the time: what was to be forgotten is deleted, but its "
                "bytes can still be found; stop the robot and forget again"
            )
        time.sleep(_TICK)
