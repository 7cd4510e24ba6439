"""Options that several commands share."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from sensebind.errors import StorageError

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Checkpoint = Annotated[
    Path | None, typer.Option(help="Directory of the weights; the embedded ones by default.")
]


def check_disk(*folders: Path, megabytes: int = 2000) -> None:
    """Refuses to begin hours of work that could not be kept.

    Raises:
        StorageError: A folder cannot be written or has too little free disk.
    """
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise StorageError(f"{folder} cannot be written: {error.strerror}") from error
        if free < megabytes * 1_000_000 or not os.access(folder, os.W_OK):
            raise StorageError(
                f"{folder} needs {megabytes} MB of free, writable disk and has "
                f"{free // 1_000_000} MB: choose another with --output or --run"
            )
