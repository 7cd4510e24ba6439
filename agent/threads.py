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
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sensebind.agent.approval import store
from sensebind.agent.llm.unicode import well_formed
from sensebind.agent.results.kept import READ
from sensebind.agent.results.kept import TABLE as RESULTS
from sensebind.agent.turn_lock import StillRunning, TurnLock
from sensebind.errors import InputError, StorageError
from sensebind.perception.storage.database import open_database
from sensebind.perception.storage.erasing import begin_erasing, erase
from sensebind.perception.storage.private_files import make_private
from sensebind.perception.storage.spans import Span, cites, covered
from sensebind.perception.storage.stored_version import check_database, stamp_database

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite import SqliteSaver

_VERSION = 1  # of the file; 0 is that of files that bore none yet, with the same tables
_TURN_PATIENCE = 5.0  # seconds to wait for a turn that is running
_STATES = (
    "SELECT thread_id, checkpoint_ns, checkpoint_id, type, checkpoint, metadata, EXISTS (SELECT 1 "
    "FROM writes WHERE writes.thread_id = checkpoints.thread_id) FROM checkpoints"
)
_OF_A_THREAD = (
    ("checkpoints", "thread_id"),
    ("writes", "thread_id"),
    ("approvals", "thread"),
)
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
        name: Name of the thread.
        turns: Completed turns.
        began: When its first turn began, seconds since 1970.
        last: When its last turn began, seconds since 1970.
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
    """The dialogs of one file; a context manager. Safe for threads, and for several processes.

    Attributes:
        path: The SQLite file.
    """

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
                self._turns.execute(RESULTS)
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
        connection = open_database(self.path)
        check_database(connection, self.path, _VERSION)
        connection.execute("PRAGMA journal_mode = WAL")  # a reader never waits for a writer
        connection.execute("PRAGMA synchronous = FULL")  # a turn that is over survives a power cut
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file, after what is being written; may be called again."""
        saver: SqliteSaver | None = self.__dict__.get("saver")
        with self._lock, saver.lock if saver is not None else nullcontext():
            self._turns.close()
            self._state.close()  # under a thread that writes, SQLite would read freed memory

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

    def shorten(self, thread: str, identity: str, answer: str) -> None:
        """Keeps of a turn's answer a part, and notes that the turn was cut.

        Args:
            thread: Name of the dialog.
            identity: Of the turn; one that is not kept is not missed.
            answer: What is left of it.

        Raises:
            StorageError: It cannot be written.
        """
        query = "SELECT record FROM turns WHERE thread = ? AND id = ?"
        for (text,) in self._read(query, (thread, identity)):
            self.add(thread, identity, {**json.loads(text), "assistant": answer, "cancelled": True})

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

    # --- forgetting -----------------------------------------------------------------------------

    def erase(self, spans: Sequence[Span], *, dry: bool = False) -> Erased:
        """Erases turns, so that no byte of them is left in the file.

        A turn goes that was taken in one of the spans of all streams, or that cites a frame in any
        of them: in its question, its calls and results, or what was perceived with it; and one that
        read on in a result of a turn that goes. A turn that is not over goes with what its dialog's
        model was shown so far.

        Args:
            spans: What is forgotten.
            dry: Count alone, and change nothing.

        Raises:
            InputError: A turn of a dialog is running.
            StorageError: It cannot be written.
        """
        records = self._read("SELECT thread, id, at, record FROM turns")
        turns = {
            (thread, identity)
            for thread, identity, at, record in records
            if covered(spans, "", int(at * 1e9)) or cites(spans, record)
        }
        turns = self._with_readers(turns, spans, records)
        _ = self.saver  # its tables are there from now on
        threads = {name for (name,) in self._read("SELECT DISTINCT thread_id FROM checkpoints")}
        with ExitStack() as stack:
            for thread in sorted(threads) if not dry else ():
                try:
                    stack.enter_context(TurnLock(thread, self.path).turn(_TURN_PATIENCE))
                except StillRunning as error:
                    raise InputError(str(error)) from None
            shown = [self._shown_without(row, turns, spans) for row in self._read(_STATES)]
            for one in shown:
                turns |= {(one.thread, identity) for identity in one.gone}
            results = [
                (identity,)
                for identity, thread, turn, at in self._read(
                    "SELECT id, thread, turn, at FROM results"
                )
                if (thread, turn) in turns or covered(spans, "", int(at * 1e9))
            ]
            if not dry:
                self._erase(turns, shown, results)
        return Erased(turns, len(results))

    def _with_readers(
        self, turns: set[tuple[str, str]], spans: Sequence[Span], records: Sequence[Any]
    ) -> set[tuple[str, str]]:
        """Adds turns that hold a part of a result that goes, since they read on in it."""
        readers = [
            ((thread, identity), _read_in(record)) for thread, identity, _, record in records
        ]
        results = self._read("SELECT id, thread, turn, at FROM results")
        while True:
            gone = {
                number
                for number, thread, turn, at in results
                if (thread, turn) in turns or covered(spans, "", int(at * 1e9))
            }
            more = {turn for turn, read in readers if read & gone} - turns
            if not more:
                return turns
            turns = turns | more

    def _erase(
        self,
        turns: Iterable[tuple[str, str]],
        shown: Sequence[_Shown],
        results: Sequence[tuple[str]],
    ) -> None:
        try:
            with self._writing() as file:
                begin_erasing(file)
                file.executemany("DELETE FROM turns WHERE thread = ? AND id = ?", turns)
                file.executemany("DELETE FROM results WHERE id = ?", results)
                for one in shown:
                    if not one.gone:
                        continue
                    file.execute(
                        "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND "
                        "checkpoint_id = ?",
                        one.key,
                    )
                    if one.state is None:
                        for table, name in _OF_A_THREAD:
                            file.execute(f"DELETE FROM {table} WHERE {name} = ?", (one.thread,))
                    else:
                        file.execute(
                            "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, "
                            "type, checkpoint, metadata) VALUES (?, ?, ?, ?, ?, ?)",
                            (*one.key, *one.state, one.metadata),
                        )
            with self._lock:
                erase(self._turns, self.path)
        except sqlite3.Error as error:
            raise StorageError(f"the dialogs {self.path} cannot be written: {error}") from error

    def _shown_without(
        self, row: tuple[Any, ...], turns: Collection[tuple[str, str]], spans: Sequence[Span]
    ) -> _Shown:
        """Returns what a dialog's model is shown, without the turns that go."""
        thread, space, number, kind, blob, metadata, waits = row
        key = (thread, space, number)
        state: dict[str, Any] = self.saver.serde.loads_typed((kind, blob))
        values = state.get("channel_values", {})
        messages = values.get("messages", [])
        gone: set[str] = set()
        kept: list[Any] = []
        for turn in turns_of(messages):
            identity = str(turn[0].id)
            goes = (thread, identity) in turns or any(cites(spans, str(one)) for one in turn)
            if not goes and waits:  # not noted yet: its time is that of the checkpoint
                began = datetime.fromisoformat(state["ts"]).timestamp()
                goes = turn[-1] is messages[-1] and covered(spans, "", int(began * 1e9))
            if goes:
                gone.add(identity)
            else:
                kept += turn
        if gone and (waits or not kept):
            return _Shown(key, gone, None, metadata)
        values["messages"] = kept
        return _Shown(key, gone, self.saver.serde.dumps_typed(state), metadata)

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._lock:
            try:
                return self._turns.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise StorageError(f"the dialogs {self.path} cannot be read: {error}") from error

    def _writing(self) -> _Writing:
        return _Writing(self._turns, self._lock, self.path)


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased of dialogs.

    Attributes:
        turns: Their dialogs and ids.
        results: How many long results of tools.
    """

    turns: set[tuple[str, str]]
    results: int


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the model of a dialog is shown, from now on.

    Attributes:
        key: Of the checkpoint: dialog, namespace and id.
        gone: Ids of the turns that leave it.
        state: Type and bytes of what is left; None where nothing is.
        metadata: As it was.
    """

    key: tuple[str, str, str]
    gone: set[str]
    state: tuple[str, bytes] | None
    metadata: bytes

    @property
    def thread(self) -> str:
        """Name of the dialog."""
        return self.key[0]


def _read_in(record: str) -> set[str]:
    """Returns the ids of the kept results that a turn has read on in."""
    if READ not in record:
        return set()
    calls = json.loads(record).get("tool_calls", [])
    return {str(one["arguments"].get("id")) for one in calls if one["name"] == READ}


def turns_of(messages: Sequence[Any]) -> Iterator[list[Any]]:
    """Yields the messages of each turn, which begins with a question."""
    turn: list[Any] = []
    for message in messages:
        if message.type == "human" and turn:
            yield turn
            turn = []
        turn.append(message)
    if turn:
        yield turn


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
