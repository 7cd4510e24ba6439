"""The frame store: raw observations on disk, found again by reference, for as long as is allowed.

Dialogs, episodes and percept headers hold `frame:<stream>@<ns>` and never the sample itself. Each
stream has an SQLite file of its own, so that a worker that hangs or is killed while it writes
harms no other stream. Several processes may write and read at once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from sensebind.errors import InputError, StorageError, one_line
from sensebind.perception.frames.codecs import MEDIA, compress, decompress
from sensebind.perception.frames.limits import MAX_AGE, MAX_BYTES
from sensebind.perception.percept import Modality, Observation, parse_reference
from sensebind.perception.storage.arrival_clock import ArrivalClock
from sensebind.perception.storage.database import open_database
from sensebind.perception.storage.erasing import begin_erasing, erase
from sensebind.perception.storage.private_files import make_private
from sensebind.perception.storage.spans import Span, covered
from sensebind.perception.storage.stored_version import check_database, stamp_database

log = logging.getLogger(__name__)

_PAGE = 8192
_PATIENCE = 2.0  # seconds to wait for another process that is writing to the same stream
_BATCH = 8  # frames that are dropped at a time when there is no room
_VERSION = 1  # of the file; 0 is that of files that bore none yet, with the same table
_TABLE = """
CREATE TABLE IF NOT EXISTS frames (
    captured_at INTEGER PRIMARY KEY,
    modality TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    frame_id TEXT NOT NULL,
    rate INTEGER NOT NULL,
    media TEXT NOT NULL,
    payload BLOB NOT NULL
) STRICT
"""
_ARRIVALS = """
CREATE TABLE IF NOT EXISTS arrivals (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    captured_at INTEGER NOT NULL UNIQUE,
    kept_at INTEGER NOT NULL
) STRICT
"""
# Frames of a version that kept no order of arrival: the order of their stamps is all there is.
_ADOPT = (
    "INSERT INTO arrivals (captured_at, kept_at) SELECT captured_at, ? FROM frames "
    "WHERE captured_at NOT IN (SELECT captured_at FROM arrivals) ORDER BY captured_at"
)
_ARRIVED = "INSERT OR REPLACE INTO arrivals (captured_at, kept_at) VALUES (?, ?)"
_CORRECT = "UPDATE arrivals SET kept_at = kept_at + ? WHERE kept_at > ?"
_FIRST = "SELECT number, kept_at FROM arrivals WHERE number < ? ORDER BY number LIMIT ?"
_GONE = (
    "DELETE FROM frames WHERE captured_at IN (SELECT captured_at FROM arrivals WHERE number <= ?)"
)
_COLUMNS = "captured_at, modality, sequence, frame_id, rate, media, payload"
_INSERT = f"INSERT OR REPLACE INTO frames ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Frame:
    """A kept observation.

    Attributes:
        stream: Name of the stream.
        captured_at: Wall clock at capture, ns since 1970.
        modality: What kind of sample it is.
        sequence: Number of the observation, as the source gave it.
        frame_id: Coordinate frame of the sensor, as the source gave it.
        rate: Audio sample rate in Hz; 0 for anything else.
        media: Media type of the payload, such as "image/jpeg".
        payload: The sample, compressed.
    """

    stream: str
    captured_at: int
    modality: Modality
    sequence: int
    frame_id: str
    rate: int
    media: str
    payload: bytes

    @property
    def reference(self) -> str:
        """What it is asked for by, `frame:<stream>@<ns>`."""
        return f"frame:{self.stream}@{self.captured_at}"

    def decode(self) -> np.ndarray:
        """Return the sample: uint8 [H, W, 3], float32 [samples], or float32 [N, 3] metres.

        Raises:
            InputError: The payload is damaged.
        """
        return decompress(self.payload, self.media)


@dataclass(frozen=True, slots=True)
class FrameCounts:
    """What a `FrameStore` did since it was opened.

    Attributes:
        kept: Frames that were put.
        evicted: Frames that were dropped to stay within the limits.
        damaged: Files that could not be read any more and were put aside as `*.damaged`.
    """

    kept: int = 0
    evicted: int = 0
    damaged: int = 0


class FrameStore:
    """Keeps the newest frames of every stream. Thread-safe; a context manager.

    Args:
        directory: Where the files are; made when it is not there.
        max_bytes: Limit for each stream. The frames that came first are dropped.
        max_age: Seconds after their arrival after which frames are dropped when newer ones of their
            stream arrive. No stamp of an observation counts; see `ArrivalClock`.
        wall_ns: The wall clock, for tests.
        clock: The monotonic clock, for tests.

    Raises:
        StorageError: The directory cannot be made or written.
    """

    def __init__(
        self,
        directory: Path | str,
        max_bytes: int = MAX_BYTES,
        max_age: float = MAX_AGE,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if max_bytes < 16 * _PAGE or max_age <= 0:
            raise InputError(f"limits of {max_bytes} bytes and {max_age} s keep no frame")
        self._directory = Path(directory)
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._lock = threading.Lock()
        self._wall_ns, self._clock = wall_ns, clock
        self._files: dict[str, _File] = {}
        self._kept = self._evicted = self._damaged = 0
        self._closed = False
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError(f"no frame store at {self._directory}: {error.strerror}") from error
        if not os.access(self._directory, os.W_OK):
            raise StorageError(f"the frame store {self._directory} cannot be written")

    @property
    def counts(self) -> FrameCounts:
        """What was done since it was opened."""
        with self._lock:
            return FrameCounts(self._kept, self._evicted, self._damaged)

    def put(self, observation: Observation, payload: bytes | None = None) -> str:
        """Keep an observation; one of the same stream and nanosecond is replaced.

        Args:
            observation: A picture, a sound or a point cloud.
            payload: Its compressed form where the caller has it already.

        Returns:
            Its reference, `frame:<stream>@<ns>`.

        Raises:
            InputError: The observation cannot be compressed.
            StorageError: The disk is full or fails; frames kept before are unharmed.
        """
        parse_reference(observation.reference)  # a stream's name becomes a file's
        payload = compress(observation) if payload is None else payload
        row = (
            observation.captured_at,
            observation.modality.value,
            observation.sequence,
            observation.frame_id,
            observation.rate,
            MEDIA[observation.modality],
            payload,
        )
        with self._lock:
            try:
                self._write(observation.stream, row)
            except _DamagedError:  # put aside: the frame goes into a new file
                self._write(observation.stream, row)
            self._kept += 1
        return observation.reference

    def _write(self, stream: str, row: tuple[Any, ...]) -> None:
        with self._using(stream, create=True) as opened:
            assert opened is not None
            file = opened.connection
            with file:  # one transaction: kept and made room for, or neither
                if opened.clock is None:
                    opened.clock = self._begin(file)
                file.execute(_INSERT, row)
                now = opened.clock.now()
                if (correction := opened.clock.correction()) is not None:
                    since, by = correction
                    file.execute(_CORRECT, (by, since))
                newest = file.execute(_ARRIVED, (row[0], now)).lastrowid
                assert newest is not None
                evicted = self._make_room(file, newest, now)
            self._evicted += evicted

    def get(self, reference: str) -> Frame:
        """Return the frame that a reference names.

        Raises:
            InputError: It is not a reference, or the frame is not there (any more).
            StorageError: The file cannot be read.
        """
        stream, captured_at = parse_reference(reference)
        row = None
        with self._lock, self._using(stream, create=False) as opened:
            if opened is not None:
                file = opened.connection
                query = f"SELECT {_COLUMNS} FROM frames WHERE captured_at = ?"
                row = file.execute(query, (captured_at,)).fetchone()
        if row is None:
            raise InputError(f"{reference} is not kept: it was never stored or is past its time")
        try:
            return Frame(stream, row[0], Modality(row[1]), *row[2:])
        except ValueError as error:
            raise StorageError(f"the row of {reference} is damaged: {one_line(error)}") from error

    def references(
        self, stream: str, since: int = 0, until: int = 2**63 - 1, limit: int = 1000
    ) -> list[str]:
        """Return references of a stream captured in `since`..`until` (ns), oldest first.

        Raises:
            StorageError: The file cannot be read.
        """
        with self._lock, self._using(stream, create=False) as opened:
            if opened is None:
                return []
            file = opened.connection
            query = (
                "SELECT captured_at FROM frames WHERE captured_at BETWEEN ? AND ? "
                "ORDER BY captured_at LIMIT ?"
            )
            rows = file.execute(query, (since, until, limit)).fetchall()
        return [f"frame:{stream}@{at}" for (at,) in rows]

    def erase(self, spans: Sequence[Span], *, dry: bool = False) -> dict[str, int]:
        """Erase frames, so that no byte of them is left in the files; put-aside files go whole.

        Args:
            spans: What was captured or came in one of them goes.
            dry: Count alone, and change nothing.

        Returns:
            How many by stream, and put-aside files under `damaged files`.

        Raises:
            StorageError: A file cannot be written; streams after it are as they were.
        """
        gone: dict[str, int] = {}
        for path in sorted(self._directory.glob("*.frames")):
            stream = path.name.removesuffix(".frames")
            own = [one for one in spans if one.stream in ("", stream)]
            if own and (count := self._erase(stream, own, dry)):
                gone[stream] = count
        damaged = list(self._directory.glob("*.frames.damaged"))
        if damaged:
            gone["damaged files"] = len(damaged)
        for path in damaged if not dry else ():
            path.unlink(missing_ok=True)
        return gone

    def _erase(self, stream: str, spans: Sequence[Span], dry: bool) -> int:
        with self._lock, self._using(stream, create=False) as opened:
            if opened is None:
                return 0
            file = opened.connection
            with file:
                file.execute(_ARRIVALS)
            rows = file.execute(
                "SELECT frames.captured_at, kept_at FROM frames LEFT JOIN arrivals USING "
                "(captured_at)"
            ).fetchall()
            gone = [
                (at,)
                for at, kept_at in rows
                if covered(spans, stream, at) or (kept_at and covered(spans, stream, kept_at))
            ]
            if not dry:
                begin_erasing(file)
                with file:
                    file.executemany("DELETE FROM frames WHERE captured_at = ?", gone)
                    file.executemany("DELETE FROM arrivals WHERE captured_at = ?", gone)
                erase(file, self._path(stream))
            return len(gone)

    def close(self) -> None:
        """Close the files; may be called again."""
        with self._lock:
            self._closed = True
            for file in self._files.values():
                file.connection.close()
            self._files.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self, file: sqlite3.Connection) -> ArrivalClock:
        """Prepare a file for writing: the order of arrival goes on where it ended."""
        file.execute(_ARRIVALS)
        [newest] = file.execute("SELECT max(kept_at) FROM arrivals").fetchone()
        clock = ArrivalClock(newest or 0, wall_ns=self._wall_ns, clock=self._clock)
        file.execute(_ADOPT, (clock.now(),))
        return clock

    def _make_room(self, file: sqlite3.Connection, newest: int, now: int) -> int:
        """Delete what is too old or too much, in order of arrival; return how many frames."""
        before = now - int(self._max_age * 1e9)
        gone = 0
        while True:
            first = file.execute(_FIRST, (newest, _BATCH)).fetchall()
            old = [number for number, kept_at in first if kept_at < before]
            if not old and first and self._used(file) > self._max_bytes:
                old = [number for number, _ in first]
            if not old:  # one frame alone that is larger than the limit stays until the next comes
                return gone
            gone += self._drop(file, old[-1])

    @staticmethod
    def _drop(file: sqlite3.Connection, last: int) -> int:
        gone = file.execute(_GONE, (last,)).rowcount
        file.execute("DELETE FROM arrivals WHERE number <= ?", (last,))
        return gone

    def _used(self, file: sqlite3.Connection) -> int:
        """Bytes in use; freed pages stay in the file and are used again."""
        [pages] = file.execute("PRAGMA page_count").fetchone()
        [free] = file.execute("PRAGMA freelist_count").fetchone()
        return (pages - free) * _PAGE

    @contextlib.contextmanager
    def _using(self, stream: str, create: bool) -> Iterator[_File | None]:
        """Give the open file of a stream, or None where there is none; errors become ours.

        Only who writes puts a damaged file aside: a reader that did so would take the file from
        under the writer, whose frames would go where nobody finds them.
        """
        if self._closed:
            raise StorageError(f"the frame store {self._directory} is closed")
        # Not a Path for every frame: it interns its parts, and the table of such strings grows.
        name = f"{self._directory}/{stream}.frames"
        try:
            opened = self._files.get(stream)
            if opened is not None and opened.identity != _identity(name):
                self._close(stream)  # put aside by another process, or deleted
                opened = None
            if opened is None and (create or _identity(name) is not None):
                opened = self._files[stream] = self._open(self._path(stream))
            yield opened
        except sqlite3.DatabaseError as error:
            path = self._path(stream)
            if not isinstance(error, sqlite3.OperationalError):
                self._close(stream)
                if create:
                    self._put_aside(stream, path, error)
                    raise _DamagedError(f"the frames of {stream} in {path}: {error}") from error
            raise StorageError(f"the frames of {stream} in {path}: {error}") from error
        except OSError as error:
            raise StorageError(f"the frames of {stream}: {error}") from error

    def _close(self, stream: str) -> None:
        if (file := self._files.pop(stream, None)) is not None:
            file.connection.close()

    def _path(self, stream: str) -> Path:
        return self._directory / f"{stream}.frames"

    def _open(self, path: Path) -> _File:
        make_private(path)
        file = open_database(path, patience=_PATIENCE)
        try:
            check_database(file, path, _VERSION)
            file.execute(f"PRAGMA page_size = {_PAGE}")
            file.execute("PRAGMA journal_mode = WAL")  # readers never wait for a writer
            file.execute("PRAGMA synchronous = NORMAL")  # survives kill -9; no wait for the disk
            with file:
                file.execute(_TABLE)
                stamp_database(file, _VERSION)
            return _File(file, _identity(str(path)))
        except BaseException:  # whatever it was, the file is closed
            file.close()
            raise

    def _put_aside(self, stream: str, path: Path, error: Exception) -> None:
        """A damaged file, as after a power cut, makes way for a new one and stays for a look."""
        log.warning("the frames of %s are damaged (%s): %s.damaged", stream, error, path)
        self._damaged += 1
        with contextlib.suppress(OSError):
            path.replace(f"{path}.damaged")
            for left in (f"{path}-wal", f"{path}-shm"):
                Path(left).unlink(missing_ok=True)


@dataclass(slots=True)
class _File:
    """The open file of a stream.

    Attributes:
        connection: To it.
        identity: Device and inode, which change when it is put aside.
        clock: By which its frames grow old; None until one is written.
    """

    connection: sqlite3.Connection
    identity: tuple[int, int] | None
    clock: ArrivalClock | None = None


class _DamagedError(StorageError):
    """A writer met a damaged file and put it aside."""


def _identity(name: str) -> tuple[int, int] | None:
    try:
        status = os.stat(name)  # noqa: PTH116 - a Path is interned, see `_using`
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
