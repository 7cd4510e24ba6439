"""Files that only their owner may read, from their first byte on."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

_PATIENCE = 5.0  # seconds to wait for another process that changes files of a folder
_TICK = 0.01  # seconds between two attempts


def make_private(path: Path) -> None:
    """Makes a file that others cannot read, and the folders above it that are missing.

    SQLite gives the files that it puts next to a database (`-wal`, `-shm`) the mode of the
    database, so that it must be right before SQLite opens it. A folder that exists keeps its mode:
    it may be a person's own.

    Args:
        path: Of the file; one that exists keeps its content.

    Raises:
        OSError: It cannot be made.
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        # Never opened when it exists: closing it again would end SQLite's locks of this process.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    for suffix in ("", "-wal", "-shm"):  # of an older version, or of a run that was killed
        file = path.with_name(path.name + suffix)
        if file.exists() and file.stat().st_mode & 0o077:
            file.chmod(0o600)


def private_opener(path: str, flags: int) -> int:
    """Opens a file that others cannot read if it is made; for `open(…, opener=private_opener)`."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that others cannot read; after a power cut it is the old one or the new one.

    Args:
        path: Of the file; folders above it that are missing are made.
        content: All of it.

    Raises:
        OSError: It cannot be written; the old one is as it was.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    make_private(unfinished)
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        sync_folder(path.parent)
    except BaseException:  # whatever it was, half a file is of no use to anybody
        unfinished.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Excludes others, also in other processes, who change files of a folder.

    For what is read, changed and written again: without it, one of two changes would be lost. The
    kernel lets go of it when its holder ends.

    Args:
        folder: Made if it is missing, as by `make_private`.

    Raises:
        OSError: It cannot be made or locked; `TimeoutError` if somebody else does not let go.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError(
                        errno.ETIMEDOUT, "another process does not finish changing it"
                    ) from None
                time.sleep(_TICK)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Waits until a folder's names are on the disk.

    Raises:
        OSError: The disk fails.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
