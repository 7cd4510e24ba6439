"""How often a robot may act: counted for the robot, not for a dialog or a process.

The calls of the last minute stand in one SQLite file of the robot's state directory. Time is that
of the host since its boot (`CLOCK_BOOTTIME`), which no setting of the wall clock changes; calls of
another boot do not count.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sensebind.errors import StorageError
from sensebind.perception.storage.database import open_database

WINDOW = 60.0  # seconds in which calls are counted
_PATIENCE = 2.0  # seconds to wait for another process that counts
_TABLE = "CREATE TABLE IF NOT EXISTS calls (kind TEXT, boot TEXT, at REAL)"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def default_state() -> Path:
    """Returns the state directory of a machine's only robot (XDG's state directory)."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "sensebind" / "robot"


def _since_boot() -> float:
    """Seconds since the host's boot, suspended time included."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _boot() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:  # not Linux
        return ""


class Rates:
    """The calls that a robot has made in the last minute. Safe for threads and processes."""

    def __init__(
        self,
        directory: str | Path | None = None,
        *,
        now: Callable[[], float] = _since_boot,
        boot: Callable[[], str] = _boot,
    ) -> None:
        """Opens nothing until the first call is counted.

        Args:
            directory: The robot's state directory; None counts in memory, for a robot that nobody
                else knows, such as a simulated one.
            now: Seconds of a clock that nobody sets, for tests.
            boot: Names the boot that the clock counts from, for tests.
        """
        self._path = None if directory is None else Path(directory) / "rates.sqlite"
        self._now = now
        self._boot = boot
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None

    def take(self, kind: str, limit: int | None) -> bool:
        """Counts a call, unless the last minute is full.

        Args:
            kind: What is counted together, such as a risk class.
            limit: Most calls in a minute; None for no limit.

        Returns:
            Whether the call may be made.

        Raises:
            StorageError: It cannot be counted.
        """
        if limit is None:
            return True
        with self._lock:
            try:
                return self._take(self._opened(), kind, limit)
            except (OSError, sqlite3.Error) as error:
                raise StorageError(f"{self._path} cannot be written: {error}") from error

    def _opened(self) -> sqlite3.Connection:
        if self._file is None:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = open_database(
                self._path or ":memory:", _TABLE, patience=_PATIENCE, autocommit=True
            )
        return self._file

    def _take(self, file: sqlite3.Connection, kind: str, limit: int) -> bool:
        file.execute("BEGIN IMMEDIATE")
        try:
            boot, now = self._boot(), self._now()
            file.execute(
                "DELETE FROM calls WHERE boot <> ? OR at <= ? OR at > ?", (boot, now - WINDOW, now)
            )
            made = file.execute("SELECT count(*) FROM calls WHERE kind = ?", (kind,)).fetchone()[0]
            if made < limit:
                file.execute("INSERT INTO calls VALUES (?, ?, ?)", (kind, boot, now))
        except BaseException:  # whatever it was, no transaction is left open
            file.execute("ROLLBACK")
            raise
        file.execute("COMMIT")
        return made < limit

    def close(self) -> None:
        """Closes the file; may be called again, and so may `take`."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
