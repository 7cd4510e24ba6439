"""What every reader of a file checks first."""

from __future__ import annotations

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
        InputError: Missing, no regular file, empty, or larger than `max_bytes`.
    """
    file = Path(path)
    try:
        if not file.is_file():
            reason = "is a directory" if file.is_dir() else "does not exist"
            raise InputError(f"{what} {file} {reason}")
        size = file.stat().st_size
    except OSError as error:
        raise InputError(f"{what} {file} cannot be opened: {error.strerror}") from error
    if size == 0:
        raise InputError(f"{what} {file} is empty")
    if size > max_bytes:
        raise InputError(
            f"{what} {file} has {size >> 20} MiB; at most {max_bytes >> 20} MiB are read"
        )
    return file
