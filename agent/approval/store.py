"""Approvals on disk: which calls wait, what was said to them, and that each runs once at most.

A row per request. Comparing a decision with what waits, and starting what was approved, are single
transactions of one SQLite file, so that of two processes on one thread only one succeeds.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sensebind.agent.approval.requests import NotWaiting, Request, digest_of
from sensebind.errors import StorageError
from sensebind.perception.storage.database import open_database

TABLE = """
CREATE TABLE IF NOT EXISTS approvals (
    id TEXT NOT NULL PRIMARY KEY,
    thread TEXT NOT NULL,
    call TEXT NOT NULL,
    digest TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'started', 'lapsed'))
) STRICT
"""
_KEPT = 1000  # rows that are kept of what is over


class Approvals:
    """The requests of all threads of a file. Safe for threads, and for several processes."""

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
            self._file = open_database(path, TABLE, autocommit=True)
        except sqlite3.Error as error:
            raise StorageError(f"the approvals in {path} cannot be opened: {error}") from error

    def close(self) -> None:
        """Closes the file; may be called again."""
        with self._lock:
            self._file.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that no other process's can come into."""
        with self._lock:
            try:
                self._file.execute("BEGIN IMMEDIATE")
                try:
                    yield self._file
                except BaseException:  # whatever it was, no transaction is left open
                    self._file.execute("ROLLBACK")
                    raise
                self._file.execute("COMMIT")
            except sqlite3.Error as error:
                raise StorageError(
                    f"the approvals in {self._path} cannot be written: {error}"
                ) from error

    def waiting(self, thread: str, requests: Sequence[Request]) -> list[Request]:
        """Notes requests that are not known yet, and returns those that still wait.

        Args:
            thread: Name of the dialog.
            requests: Those of its present checkpoint.

        Raises:
            StorageError: They cannot be noted.
        """
        if not requests:
            return []
        with self._writing() as file:
            for one in requests:
                file.execute(
                    "INSERT OR IGNORE INTO approvals VALUES (?, ?, ?, ?, 'pending')",
                    (self._key(thread, one), thread, one.call, digest_of(one.tool, one.arguments)),
                )
            found = [one for one in requests if self._state(file, thread, one) == "pending"]
            # What was decided of the present checkpoint stays: without its row it would wait again.
            present = [self._key(thread, one) for one in requests]
            file.execute(
                "DELETE FROM approvals WHERE state <> 'pending' AND thread = ? AND "
                "rowid < (SELECT max(rowid) FROM approvals) - ? AND "
                f"id NOT IN ({', '.join('?' * len(present))})",
                (thread, _KEPT, *present),
            )
        return found

    def threads(self) -> list[str]:
        """Return the dialogs in which a request waits.

        Raises:
            StorageError: They cannot be read.
        """
        with self._writing() as file:
            rows = file.execute("SELECT DISTINCT thread FROM approvals WHERE state = 'pending'")
            return [str(row[0]) for row in rows]

    def decide(
        self, thread: str, decided: Sequence[tuple[Request, Mapping[str, Any] | None]]
    ) -> None:
        """Decides requests, all of them or none, each once.

        Args:
            thread: Name of the dialog.
            decided: Requests, with the arguments that may run; None where nothing may.

        Raises:
            NotWaiting: One of them does not wait any more.
            StorageError: It cannot be written.
        """
        with self._writing() as file:
            for one, arguments in decided:
                if (state := self._state(file, thread, one)) != "pending":
                    raise NotWaiting(
                        f"{one.tool} does not wait for a decision any more: it is "
                        f"{'not known' if state is None else state}"
                    )
                allowed = one.arguments if arguments is None else arguments
                file.execute(
                    "UPDATE approvals SET state = ?, digest = ? WHERE id = ?",
                    (
                        "rejected" if arguments is None else "approved",
                        digest_of(one.tool, allowed),
                        self._key(thread, one),
                    ),
                )

    def start(self, thread: str, call: str, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Takes the approval of a call that is about to run; each can be taken once.

        Args:
            thread: Name of the dialog.
            call: The model's id of the call.
            tool: What is about to run.
            arguments: With what.

        Returns:
            Whether this very call was approved, and has not been started yet.

        Raises:
            StorageError: It cannot be written; then it must not run.
        """
        with self._writing() as file:
            taken = file.execute(
                "UPDATE approvals SET state = 'started' WHERE id = (SELECT id FROM approvals "
                "WHERE thread = ? AND call = ? AND digest = ? AND state = 'approved' "
                "ORDER BY rowid LIMIT 1)",
                (thread, call, digest_of(tool, arguments)),
            ).rowcount
        return taken == 1

    def reject(self, thread: str | None = None) -> int:
        """Rejects what waits, and what was approved and has not started; returns how many.

        Args:
            thread: Name of the dialog; None for all of the file.

        Raises:
            StorageError: It cannot be written.
        """
        with self._writing() as file:
            return file.execute(
                "UPDATE approvals SET state = CASE state WHEN 'pending' THEN 'rejected' "
                "ELSE 'lapsed' END WHERE thread = coalesce(?, thread) "
                "AND state IN ('pending', 'approved')",
                (thread,),
            ).rowcount

    def _state(self, file: sqlite3.Connection, thread: str, one: Request) -> str | None:
        query = "SELECT state FROM approvals WHERE id = ?"
        row = file.execute(query, (self._key(thread, one),)).fetchone()
        return None if row is None else str(row[0])

    @staticmethod
    def _key(thread: str, one: Request) -> str:
        return f"{thread}:{one.id}"
