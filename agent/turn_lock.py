"""One turn of a dialog at a time: among threads, and among the processes that share its file.

A turn holds an advisory lock (`flock`) on a file next to the dialog file. The kernel lets go of it
when its holder ends, however that ends, so that no lease has to run out.
"""

import contextlib
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sensebind.errors import StorageError

_TICK = 0.02  # seconds between two attempts to get the lock of another process


class StillRunning(Exception):
    """Another turn of the dialog has not ended; the message is for a person."""


class TurnLock:
    """The right to take a turn, and the event that cancels the one under way. Thread-safe."""

    def __init__(self, thread: str, dialogs: Path | None = None) -> None:
        """Opens nothing yet.

        Args:
            thread: Name of the dialog.
            dialogs: The file that keeps it; None for a dialog that no other process knows.
        """
        self._thread = thread
        self._path: Path | None = None
        if dialogs is not None:
            name = hashlib.sha256(thread.encode("utf-8", "surrogatepass")).hexdigest()[:16]
            self._path = dialogs.with_name(f"{dialogs.name}.{name}.turn")
        self._running = threading.Lock()
        self._beginning = threading.Lock()  # held while a turn becomes the one that is cancelled
        self._cancelled = threading.Event()
        self._cancels = 0

    def cancel(self) -> threading.Event:
        """Cancels what was asked before and has not begun yet.

        Returns:
            What cancels the turn that is running, or has run last.
        """
        with self._beginning:
            self._cancels += 1
            return self._cancelled

    @property
    def held(self) -> bool:
        """Whether a turn is running in this process."""
        return self._running.locked()

    @property
    def cancels(self) -> int:
        """How often `cancel` was called; what a turn is given as `asked`."""
        with self._beginning:
            return self._cancels

    @contextmanager
    def turn(self, patience: float = 0.0, *, asked: int | None = None) -> Iterator[threading.Event]:
        """Holds the lock during a turn; gives the event that cancels it.

        Args:
            patience: Seconds to wait for a turn that is running.
            asked: `cancels` when the turn was asked for: if it was cancelled since, while it waited
                for its beginning, the event is set from the start. None for now.

        Raises:
            StillRunning: It runs for longer.
            StorageError: The file of the lock cannot be made.
        """
        deadline = time.monotonic() + patience
        if not self._running.acquire(timeout=patience):
            raise StillRunning(
                f"a turn of the dialog {self._thread!r} is running: wait or cancel it"
            )
        try:
            with self._among_processes(deadline):
                with self._beginning:
                    self._cancelled = cancelled = threading.Event()
                    if asked is not None and asked != self._cancels:
                        cancelled.set()
                yield cancelled
        finally:
            self._running.release()

    @contextmanager
    def _among_processes(self, deadline: float) -> Iterator[None]:
        if self._path is None:
            yield
            return
        try:
            while (file := _locked(self._path)) is None:
                if time.monotonic() >= deadline:
                    raise StillRunning(
                        f"a turn of the dialog {self._thread!r} is running in another process: "
                        "wait until it has ended, or stop it there"
                    )
                time.sleep(_TICK)
        except OSError as error:
            raise StorageError(f"{self._path} cannot be locked: {error.strerror}") from error
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # removed while it is locked: see `_locked`
                self._path.unlink()
            os.close(file)


def _locked(path: Path) -> int | None:
    """Returns the descriptor of a file that is locked now; None if somebody else holds it."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The holder before may have removed the file between the two calls above; then others
            # lock a new one of that name, and this lock is worth nothing.
            if os.path.samestat(os.fstat(file), path.stat()):
                kept, file = file, -1
                return kept
        except BlockingIOError:
            return None
        except FileNotFoundError:
            continue
        finally:
            if file >= 0:
                os.close(file)
