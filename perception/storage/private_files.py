"""Files that only their owner may read, from their first byte on."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


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
