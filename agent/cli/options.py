"""Options that several commands share."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from sensebind.checkpoints import default_checkpoint
from sensebind.errors import CheckpointError, InputError, StorageError

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Checkpoint = Annotated[
    Path | None, typer.Option(help="Directory of the weights; the embedded ones by default.")
]
DialogFile = Annotated[Path | None, typer.Option("--dialogs", help="SQLite file of the dialogs.")]
Keys = Annotated[
    Path | None, typer.Option(help="Key directory; ~/.config/sensebind/keys by default.")
]
RobotFile = Annotated[
    Path, typer.Argument(help="The robot's YAML file, see examples/simhome.yaml.")
]
Database = Annotated[Path, typer.Option("--db", help="SQLite file of the memory.")]
Sense = Annotated[str, typer.Option(help="sight, hearing or scan; all by default.")]


def weights(checkpoint: Path | None) -> Path:
    """Returns the directory of the weights, before anything that is slow is imported.

    Raises:
        CheckpointError: There is no such directory.
    """
    if checkpoint is None:
        return default_checkpoint()
    if not checkpoint.is_dir():
        raise CheckpointError(f"no checkpoint at {checkpoint}: there is no such directory")
    return checkpoint


def check_new(output: Path) -> None:
    """Refuses a file that exists already, before anything that is slow is imported.

    Raises:
        StorageError: It does, or there is no such folder.
    """
    if output.exists():
        raise StorageError(f"{output} exists already: choose another name")
    if not output.absolute().parent.is_dir():
        raise StorageError(f"{output} cannot be written: there is no such folder")


def check_memory(db: Path) -> None:
    """Refuses a memory that does not exist.

    Raises:
        InputError: There is no such file.
    """
    if not db.is_file():
        raise InputError(
            f"no memory at {db}: name the file that a robot records to, as with "
            "`sensebind demo --memory FILE`"
        )


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
