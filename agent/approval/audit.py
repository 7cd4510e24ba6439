"""The audit log: every request, decision and result of a tool, as JSON lines that are only added.

No record, no action: a tool that acts is refused when the log cannot be written.
"""

import json
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sensebind.errors import StorageError
from sensebind.printable import printable_json

MAX_TEXT = 1000  # characters of a value that is written


class AuditLog:
    """Appends records to a file, one JSON object per line; safe for threads and processes."""

    def __init__(self, path: str | Path) -> None:
        """Opens the file for appending.

        Raises:
            StorageError: It cannot be made or written.
        """
        self.path = Path(path)
        self._lock = threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self.path, flags, 0o600)
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
            try:
                written = os.write(self._file, line)  # one write: lines of processes do not mix
                os.fsync(self._file)
            except OSError as error:
                raise StorageError(
                    f"the audit log {self.path} cannot be written: {error.strerror}"
                ) from error
        if written < len(line):
            raise StorageError(f"the audit log {self.path} took half a record: the disk is full")

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


def _record(line: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    return record if isinstance(record, dict) else {"event": "damaged", "line": number}
