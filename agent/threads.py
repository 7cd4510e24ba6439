"""Dialogs on disk: the state that an agent resumes from, and every turn that was completed.

One SQLite file holds both. LangGraph's checkpoints hold what the model is shown, which is bounded;
of each thread only the newest is kept. The `turns` table only grows, by a row per turn.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sensebind.agent import kept_results
from sensebind.agent.approval import store
from sensebind.agent.llm.unicode import well_formed
from sensebind.errors import InputError, StorageError
from sensebind.perception.private_files import make_private
from sensebind.perception.stored_version import check_database, stamp_database

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite import SqliteSaver

_PATIENCE = 5.0  # seconds to wait for another process that writes
_VERSION = 1  # of the file; 0 is that of files that bore none yet, with the same tables
_TABLE = """
CREATE TABLE IF NOT EXISTS turns (
    thread TEXT NOT NULL,
    number INTEGER NOT NULL,
    id TEXT NOT NULL,
    at REAL NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (thread, number),
    UNIQUE (thread, id)
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Thread:
    """A dialog.

    Attributes:
        name: Its name.
        turns: Completed turns.
        began, last: When its first and last turn began, seconds since 1970.
    """

    name: str
    turns: int
    began: float
    last: float


def default_dialogs() -> Path:
    """Returns where dialogs are kept when nothing else is said (XDG's data directory)."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "sensebind" / "dialogs.sqlite"


class Dialogs:
    """The dialogs of one file; a context manager. Safe for threads, and for several processes."""

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        """Opens the file.

        Args:
            path: SQLite file.
            create: Whether to make it where there is none.

        Raises:
            StorageError: It cannot be opened, is no such file, or is of a newer version.
        """
        self.path = Path(path)
        self._lock = threading.Lock()
        if not create and not self.path.is_file():
            raise StorageError(f"there are no dialogs at {self.path}")
        try:
            make_private(self.path)
            self._turns = self._connect()
            self._state = self._connect()
            with self._turns:
                self._turns.execute(_TABLE)
                stamp_database(self._turns, _VERSION)
                self._turns.execute(store.TABLE)
                self._turns.execute(kept_results.TABLE)
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"the dialog file {self.path} cannot be opened: {error}") from error

    @cached_property
    def saver(self) -> SqliteSaver:
        """What a LangGraph agent keeps its state in; LangGraph is imported when it is asked for.

        Raises:
            StorageError: Its tables cannot be written.
        """
        from langgraph.checkpoint.sqlite import SqliteSaver

        from sensebind.agent.stored_types import StoredTypes

        saver = SqliteSaver(self._state, serde=StoredTypes())
        try:
            saver.setup()
        except sqlite3.Error as error:
            raise StorageError(f"the dialog file {self.path} cannot be opened: {error}") from error
        return saver

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_PATIENCE, check_same_thread=False)
        connection.execute("PRAGMA trusted_schema = OFF")  # views and triggers call nothing
        check_database(connection, self.path, _VERSION)
        connection.execute("PRAGMA journal_mode = WAL")  # a reader never waits for a writer
        connection.execute("PRAGMA synchronous = NORMAL")  # survives kill -9
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; may be called again."""
        with self._lock:
            self._turns.close()
            self._state.close()

    # --- turns ----------------------------------------------------------------------------------

    def add(self, thread: str, identity: str, record: dict[str, Any]) -> None:
        """Keeps a completed turn; one that is kept already is replaced.

        Raises:
            StorageError: It cannot be written.
        """
        text = json.dumps(record, ensure_ascii=False, default=str)
        with self._writing() as file:
            file.execute(
                "INSERT INTO turns (thread, number, id, at, record) VALUES (?1, (SELECT "
                "coalesce(max(number), 0) + 1 FROM turns WHERE thread = ?1), ?2, ?3, ?4) "
                "ON CONFLICT (thread, id) DO UPDATE SET record = excluded.record",
                (thread, identity, float(record.get("at") or time.time()), text),
            )

    def prune(self, thread: str) -> None:
        """Drops the thread's checkpoints but the newest, and what belongs to them.

        Raises:
            StorageError: It cannot be written.
        """
        newest = (
            "SELECT max(checkpoint_id) FROM checkpoints "
            "WHERE thread_id = ?1 AND checkpoint_ns = {}.checkpoint_ns"
        )
        _ = self.saver  # its tables are there from now on
        with self._writing() as file:
            for table in ("checkpoints", "writes"):
                file.execute(
                    f"DELETE FROM {table} WHERE thread_id = ?1 "
                    f"AND checkpoint_id < ({newest.format(table)})",
                    (thread,),
                )

    def knows(self, thread: str, identity: str) -> bool:
        """Whether a turn is kept."""
        query = "SELECT 1 FROM turns WHERE thread = ? AND id = ?"
        return bool(self._read(query, (thread, identity)))

    # --- threads --------------------------------------------------------------------------------

    def threads(self) -> list[Thread]:
        """Returns all dialogs, the latest first."""
        rows = self._read(
            "SELECT thread, count(*), min(at), max(at) FROM turns GROUP BY thread "
            "ORDER BY max(at) DESC"
        )
        return [Thread(*row) for row in rows]

    def turns(self, thread: str) -> Iterator[dict[str, Any]]:
        """Yields the completed turns of a dialog, in order.

        Raises:
            InputError: There is no such dialog.
        """
        thread = well_formed(thread)
        rows = self._read("SELECT record FROM turns WHERE thread = ? ORDER BY number", (thread,))
        if not rows:
            raise InputError(f"there is no dialog {thread!r} in {self.path}: see `threads list`")
        for (record,) in rows:
            yield json.loads(record)

    def delete(self, thread: str) -> int:
        """Deletes a dialog; returns how many turns it had.

        Raises:
            InputError: There is no such dialog.
            StorageError: It cannot be written.
        """
        thread = well_formed(thread)
        _ = self.saver  # its tables are there from now on
        with self._writing() as file:
            gone = file.execute("DELETE FROM turns WHERE thread = ?", (thread,)).rowcount
            states = 0
            for table in ("checkpoints", "writes"):
                query = f"DELETE FROM {table} WHERE thread_id = ?"
                states += file.execute(query, (thread,)).rowcount
            for table in ("approvals", "results"):
                file.execute(f"DELETE FROM {table} WHERE thread = ?", (thread,))
        if not gone and not states:
            raise InputError(f"there is no dialog {thread!r} in {self.path}: see `threads list`")
        return gone

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._lock:
            try:
                return self._turns.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise StorageError(f"the dialogs {self.path} cannot be read: {error}") from error

    def _writing(self) -> _Writing:
        return _Writing(self._turns, self._lock, self.path)


class _Writing:
    """A transaction under the lock, whose errors become ours."""

    def __init__(self, file: sqlite3.Connection, lock: threading.Lock, path: Path) -> None:
        self._file, self._lock, self._path = file, lock, path

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        return self._file.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._file.__exit__(kind, error, traceback)
        except sqlite3.Error as trouble:
            raise StorageError(f"the dialogs {self._path}: {trouble}") from trouble
        finally:
            self._lock.release()
        if isinstance(error, sqlite3.Error):
            raise StorageError(f"the dialogs {self._path} cannot be written: {error}") from error
