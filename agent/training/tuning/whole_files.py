"""Files that are written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError

from sensebind.errors import StorageError


def write_whole(file: Path, write: Callable[[Path], object]) -> None:
    """Writes a file whole or not at all.

    Args:
        file: Where it goes.
        write: Writes it to the path that it is given.

    Raises:
        StorageError: It cannot be written; what was there stays.
    """
    part = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        part.replace(file)
    except (OSError, SafetensorError) as error:
        raise StorageError(f"cannot write {file}: {error}") from error
    finally:
        part.unlink(missing_ok=True)
