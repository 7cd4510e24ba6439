"""Results of tools that are too long for a dialog: kept whole, and read by their ids.

They lie in the file of the dialogs, packed. A result goes with its turn, with its dialog, or when
newer ones need the room.
"""

import sqlite3
import threading
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sensebind.errors import InputError, StorageError
from sensebind.perception.storage.database import open_database

TABLE = """
CREATE TABLE IF NOT EXISTS results (
    id TEXT NOT NULL PRIMARY KEY,
    thread TEXT NOT NULL,
    turn TEXT NOT NULL,
    tool TEXT NOT NULL,
    at REAL NOT NULL,
    characters INTEGER NOT NULL,
    text BLOB NOT NULL
) STRICT
"""
READ = "read_result"
"""Name of the tool that reads on in a result, see `reading.py`."""
MAX_CHARACTERS = 32 << 20
"""Of one result that are kept."""
MAX_BYTES = 64 << 20
"""Packed, of all results of a file."""
_LEVEL = 1  # of the packing: a turn waits for it


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A result that is kept.

    Attributes:
        id: What it is asked for by.
        thread: Name of the dialog.
        tool: Whose it is.
        at: When it came, seconds since 1970.
        characters: How long it was.
        text: The whole of it, up to `MAX_CHARACTERS`.
    """

    id: str
    thread: str
    tool: str
    at: float
    characters: int
    text: str


class KeptResults:
    """The long results of a file. Safe for threads, and for several processes."""

    def __init__(self, path: str | Path = ":memory:") -> None:
        """Opens the file.

        Args:
            path: SQLite file, the one that keeps the dialogs; in memory by default.

        Raises:
            StorageError: It cannot be opened.
        """
        self._path = path
        self._lock = threading.Lock()
        try:
            self._file = open_database(path, TABLE)
        except sqlite3.Error as error:
            raise StorageError(f"the results in {path} cannot be opened: {error}") from error

    def close(self) -> None:
        """Closes the file; may be called again."""
        with self._lock:
            self._file.close()

    def keep(self, thread: str, turn: str, tool: str, text: str) -> str:
        """Keeps a result, and drops the oldest ones where there is no more room.

        Args:
            thread: Name of the dialog.
            turn: Id of the turn's message.
            tool: Whose result it is.
            text: What it answered.

        Returns:
            The id to read it by.

        Raises:
            StorageError: It cannot be written.
        """
        identity = uuid4().hex[:8]
        packed = zlib.compress(text[:MAX_CHARACTERS].encode("utf-8", "replace"), _LEVEL)
        row = (identity, thread, turn, tool, time.time(), len(text), packed)
        with self._lock:
            try:
                with self._file as file:
                    file.execute("INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                    file.execute(
                        "DELETE FROM results WHERE id <> ?1 AND rowid <= (SELECT max(rowid) FROM ("
                        "SELECT rowid, sum(length(text)) OVER (ORDER BY rowid DESC) AS after "
                        "FROM results) WHERE after > ?2)",
                        (identity, MAX_BYTES),
                    )
            except sqlite3.Error as error:
                raise StorageError(f"a result cannot be kept in {self._path}: {error}") from error
        return identity

    def read(self, identity: str, thread: str | None = None) -> KeptResult:
        """Returns a result.

        Args:
            identity: What it is kept as.
            thread: The dialog that it must be of; of any by default.

        Raises:
            InputError: It is not kept (any more).
            StorageError: The file cannot be read.
        """
        query = "SELECT thread, tool, at, characters, text FROM results WHERE id = ?"
        with self._lock:
            try:
                row = self._file.execute(query, (identity,)).fetchone()
            except sqlite3.Error as error:
                raise StorageError(f"the results in {self._path}: {error}") from error
        if row is None or thread not in (None, row[0]):
            raise InputError(
                f"no result {identity!r} is kept in {self._path}: it went with its turn"
            )
        of, tool, at, characters, packed = row
        try:
            text = zlib.decompress(packed).decode()
        except (zlib.error, ValueError) as error:
            raise StorageError(f"the result {identity} in {self._path} is damaged") from error
        return KeptResult(identity, of, tool, at, characters, text)

    def drop(self, thread: str, turn: str) -> None:
        """Drops the results of a turn that leaves its dialog.

        Raises:
            StorageError: It cannot be written.
        """
        with self._lock:
            try:
                with self._file as file:
                    file.execute(
                        "DELETE FROM results WHERE thread = ? AND turn = ?", (thread, turn)
                    )
            except sqlite3.Error as error:
                raise StorageError(f"the results in {self._path}: {error}") from error
