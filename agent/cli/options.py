"""Options that several commands share."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sensebind.checkpoints import default_checkpoint
from sensebind.errors import CheckpointError, InputError, StorageError

if TYPE_CHECKING:
    from sensebind.agent.robot.config import RobotConfig

_SILENT_SECONDS = 60.0  # after which nothing seems to write a memory; a robot writes every second

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
Database = Annotated[
    Path | None, typer.Option("--db", help="SQLite file of the memory; name the robot instead.")
]
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


def is_robot(word: str) -> bool:
    """Whether an argument names a robot's file."""
    return word.lower().endswith((".yaml", ".yml"))


@dataclass(frozen=True, slots=True)
class Remembered:
    """Whose memory a command is about.

    Attributes:
        file: SQLite file of the memory.
        checkpoint: Directory of the weights that its embeddings are from.
        words: What is looked or watched for; "" where nothing was said.
        note: That nothing writes the memory, or "".
    """

    file: Path
    checkpoint: Path
    words: str
    note: str = ""

    def say_note(self) -> None:
        """Print the note, after what was asked for, so that an error stays one line."""
        if self.note:
            print(self.note, file=sys.stderr)


def remembered(
    robot: str,
    words: str,
    db: Path | None,
    checkpoint: Path | None,
    command: str,
    *,
    searched: bool = True,
) -> Remembered:
    """Return whose memory is meant: `ROBOT WORDS`, or as before `WORDS --db FILE`.

    Args:
        robot: The first argument.
        words: The second one.
        db: The option `--db`, of the older form.
        checkpoint: The option `--checkpoint`; the robot's own by default.
        command: Name of the command, for messages.
        searched: Whether the memory must be there, also where words are given.

    Raises:
        InputError: Neither form fits, the robot keeps no memory, or there is none yet.
        ConfigurationError: The robot's file is wrong.
        CheckpointError: There are no such weights.
    """
    if db is not None:
        if is_robot(robot) or words:
            raise InputError(f"name the robot, or its memory with --db, not both: {command} ROBOT")
        if searched or not robot:
            check_memory(db)
        print(
            f"`{command} --db FILE` goes with the next release: write `{command} rover.yaml "
            f'"a dog"`',
            file=sys.stderr,
        )
        silent = db.is_file() and (age := _silence(db)) > _SILENT_SECONDS
        note = f"nothing has written {db} for {_span(age)}" if silent else ""
        return Remembered(db, weights(checkpoint), robot, note)
    if not is_robot(robot):
        raise InputError(f'name the robot first, such as {command} rover.yaml "{robot or "a dog"}"')
    from sensebind.agent.robot.config_file import read_config

    config = read_config(Path(robot))
    if config.memory is None:
        raise InputError(f"{robot} keeps no memory: add `memory: {{}}` to it")
    if searched or not words:
        check_memory(config.memory_file)
    directory = weights(checkpoint or config.weights)
    return Remembered(config.memory_file, directory, words, _unwritten(config, robot))


def _unwritten(config: RobotConfig, robot: str) -> str:
    """Return a line about a memory that nothing writes now, or ""."""
    if config.llm is None:
        return f"nothing writes this memory: it needs a language model, add llm: to {robot}"
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(config.control_socket))
        except OSError:
            return f"nothing writes this memory now: start the robot with `sensebind run {robot}`"
    return ""


def _silence(db: Path) -> float:
    """Return the seconds since a memory was written."""
    written = [one.stat().st_mtime for one in (db, Path(f"{db}-wal")) if one.exists()]
    return time.time() - max(written)


def _span(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:.0f} minutes" if hours < 2 else f"{hours:.0f} hours"


def check_memory(db: Path) -> None:
    """Refuses a memory that does not exist.

    Raises:
        InputError: There is no such file.
    """
    if not db.is_file():
        raise InputError(
            f"no memory at {db}: the robot has not run yet, or records to another file; `sensebind "
            "run` and `sensebind chat` with `memory:` in the robot's file make one"
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
