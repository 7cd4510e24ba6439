"""What every reader of a file checks first."""

from __future__ import annotations

import stat
from pathlib import Path

from sensebind.errors import InputError

MAX_BYTES = 2 << 30


def checked(path: str | Path, what: str, max_bytes: int = MAX_BYTES) -> Path:
    """The path of a file that exists, is not empty and not huge.

    Args:
        path: Where it is said to be.
        what: What it should hold, for the message.
        max_bytes: Largest size accepted.

    Raises:
        InputError: Missing, not a regular file, empty, or larger than `max_bytes`.
    """
    file = Path(path)
    try:
        found = file.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # of a NUL in the name
        raise InputError(f"{what} {file} does not exist") from error
    except OSError as error:
        raise InputError(f"{what} {file} cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise InputError(f"{what} {file} is {kind}")
    size = found.st_size
    if size == 0:
        raise InputError(f"{what} {file} is empty")
    if size > max_bytes:
        raise InputError(
            f"{what} {file} has {size >> 20} MiB; at most {max_bytes >> 20} MiB are read"
        )
    return file
