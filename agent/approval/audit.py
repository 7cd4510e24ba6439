"""The audit log: every request, decision and result of a tool, as JSON lines that are only added.

No record, no action: a tool that acts is refused when the log cannot be written.
"""

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sensebind.errors import StorageError
from sensebind.perception.storage.private_files import make_private, write_private
from sensebind.printable import printable_json

MAX_TEXT = 1000  # characters of a value that is written
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_KEPT = ("time", "ns", "event", "tool", "risk", "call", "request", "thread", "turn", "rejected")
"""Fields of a record that hold no words."""


class AuditLog:
    """Appends records to a file, one JSON object per line; safe for threads and processes.

    Attributes:
        path: The file, JSON lines.
    """

    def __init__(self, path: str | Path) -> None:
        """Opens the file for appending.

        Raises:
            StorageError: It cannot be made or written.
        """
        self.path = Path(path)
        self._lock = threading.Lock()
        try:
            make_private(self.path)
            self._file = os.open(self.path, _FLAGS, 0o600)
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                os.write(self._file, b"\n")  # a writer was cut off in the middle of a record
        except OSError as error:
            raise StorageError(
                f"the audit log {self.path} cannot be written: {error.strerror}"
            ) from error

    def write(self, event: str, **fields: Any) -> None:
        """Adds a record and sees it to the disk.

        Args:
            event: `requested`, `approved`, `edited`, `rejected`, `refused`, `started`, `finished`,
                `failed`, `cancelled` or `stopped`.
            **fields: Plain values; long texts are cut.

        Raises:
            StorageError: It could not be written whole.
        """
        now = time.time_ns()
        stamp = datetime.fromtimestamp(now / 1e9, UTC).isoformat(timespec="milliseconds")
        record = {"time": stamp, "ns": now, "event": event} | {
            key: value[:MAX_TEXT] if isinstance(value, str) else value
            for key, value in fields.items()
        }
        line = printable_json(record).encode() + b"\n"
        with self._lock:
            self._check_open()
            try:
                with self._held(fcntl.LOCK_SH):
                    written = os.write(self._file, line)  # one write: lines do not mix
                    os.fsync(self._file)
            except OSError as error:
                raise StorageError(
                    f"the audit log {self.path} cannot be written: {error.strerror}"
                ) from error
        if written < len(line):
            raise StorageError(f"the audit log {self.path} took half a record: the disk is full")

    def redact(self, goes: Callable[[Mapping[str, Any], str], bool], *, dry: bool = False) -> int:
        """Take the words out of records; that something happened, and when, stays.

        Args:
            goes: Whether the words of a record go; it is given the record and its line. Those of a
                damaged line always do, as nobody knows whose they are.
            dry: Count alone, and change nothing.

        Returns:
            Of how many records.

        Raises:
            StorageError: The log cannot be written; it is as it was.
        """
        with self._lock:
            self._check_open()
            try:
                with self._held(fcntl.LOCK_EX):
                    raw = self.path.read_bytes()
                    lines = raw.decode("utf-8", "replace").splitlines()
                    changed = [_redacted(line, goes) for line in lines]
                    count = sum(new is not None for new in changed)
                    if count and not dry:
                        pairs = zip(changed, lines, strict=True)
                        text = "".join(f"{line if new is None else new}\n" for new, line in pairs)
                        write_private(self.path, text.encode())
                if count and not dry:
                    self._reopen()
            except OSError as error:
                raise StorageError(
                    f"the audit log {self.path} cannot be written: {error.strerror}"
                ) from error
        return count

    def _check_open(self) -> None:
        if self._file < 0:
            raise StorageError(f"the audit log {self.path} cannot be written: it is closed")

    @contextmanager
    def _held(self, kind: int) -> Iterator[None]:
        """Lock the file that the path names, which `redact` may have put in the place of ours."""
        while True:
            fcntl.flock(self._file, kind)
            if self._is_current():
                break
            self._reopen()
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file), self.path.stat())
        except FileNotFoundError:  # removed by hand: goes on where it was
            return True

    def _reopen(self) -> None:
        before, self._file = self._file, os.open(self.path, _FLAGS, 0o600)
        os.close(before)

    def close(self) -> None:
        """Closes the file; may be called again."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1


def read_audit(path: str | Path) -> list[dict[str, Any]]:
    """Returns the records of a log, oldest first; what is no record has the event `damaged`.

    Raises:
        StorageError: The file cannot be read.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise StorageError(f"the audit log {path} cannot be read: {error.strerror}") from error
    return [_record(line, number) for number, line in enumerate(lines, start=1)]


def _redacted(line: str, goes: Callable[[Mapping[str, Any], str], bool]) -> str | None:
    """A line without its words; None where it stays as it is."""
    record = _record(line, 0)
    if record.get("forgotten") or not (record["event"] == "damaged" or goes(record, line)):
        return None
    return printable_json({key: record[key] for key in _KEPT if key in record} | {"forgotten": 1})


def _record(line: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("event"), str):
        return {"event": "damaged", "line": number}
    return record
