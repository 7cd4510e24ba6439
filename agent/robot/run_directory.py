"""Where a running robot has its sockets: a folder of each run's own, named by the lock's holder.

```
sensebind/rover.lock          locked by the process of the robot, holds the name of its run
sensebind/rover/12679f/    the sockets of that run
```

A robot that was killed may leave processes that take seconds to end, and that remove their folder
at their end. The robot that is started at once has another folder, so it does not notice.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from sensebind.errors import BusError, StorageError

NAME_PATTERN = r"^([A-Za-z0-9][A-Za-z0-9_-]{0,31})?$"
"""What a robot may be called; nothing where its file gives it no name."""
CONTROL = "control"
"""Name of the socket in a robot's directory at which clients of this machine talk with it."""
_RUN = re.compile(r"[0-9a-f]{3,10}")
_NONE = "none"  # the folder's name before the first run
_UNNAMED = "robot"  # what one is called whose file gives it no name


def runtime_directory() -> Path:
    """Return where running robots have their sockets: of this user only, gone after a reboot."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and Path(base).is_dir():
        return Path(base) / "sensebind"
    return Path(tempfile.gettempdir()) / f"sensebind-{os.getuid()}"


def run_directory(name: str) -> Path:
    """Return the folder of the run that holds, or held last, the lock of a robot.

    Args:
        name: Of the robot.
    """
    lock = runtime_directory() / f"{name}.lock"
    try:
        run = lock.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        run = ""
    return lock.with_suffix("") / (run if _RUN.fullmatch(run) else _NONE)


def run_name(name: str) -> str:
    """Return what the lock and the folders of a robot are called.

    Args:
        name: Of the robot, as its file says it; "" where that does not.
    """
    return name or _UNNAMED


def control_socket(name: str) -> Path:
    """Return where clients of this machine talk with a running robot.

    Args:
        name: Of the robot, as its file says it.
    """
    return run_directory(run_name(name)) / CONTROL


def run_directories() -> list[Path]:
    """Return the folders of all robots of this user that run, or ran last."""
    names = sorted(lock.stem for lock in runtime_directory().glob("*.lock"))
    return [found for name in names if (found := run_directory(name)).is_dir()]


def running_robots() -> set[str]:
    """Return what the locks of all robots are called that run here and talk with clients."""
    names = {lock.stem for lock in runtime_directory().glob("*.lock")}
    return {name for name in names if control_socket(name).exists() and is_running(name)}


def is_running(name: str) -> bool:
    """Whether a robot of this name runs on this machine: it holds its lock.

    Args:
        name: Of the robot.
    """
    try:
        with (runtime_directory() / f"{name}.lock").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


class RunLock:
    """Keeps a second robot of the same name from starting. A context manager.

    Entering makes the folder of this run, and removes those of former runs; leaving removes it.

    Args:
        name: Of the robot.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._path = runtime_directory() / f"{name}.lock"
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            BusError: A robot of this name runs already.
            StorageError: The folders cannot be made, or belong to somebody else.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            owner = self._path.parent.stat().st_uid
            file = self._path.open("a+", encoding="ascii")
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror}") from error
        try:
            if owner != os.getuid():
                raise StorageError(
                    f"{self._path.parent} belongs to somebody else: set XDG_RUNTIME_DIR"
                )
            self._lock(file)
            self._begin_run(file)
        except BaseException:  # Ctrl-C, too: a lock that nobody holds must not stay open
            file.close()
            raise
        self._file = file
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is None:
            return
        folder = run_directory(self._name)
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # processes of a former run are still at their end
            folder.parent.rmdir()
        self._file.close()  # and with it the lock
        self._file = None

    def _lock(self, file: IO[str]) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BusError(
                f"robot {self._path.stem!r} runs already: stop it, or give this one a name:"
            ) from error

    def _begin_run(self, file: IO[str]) -> None:
        # The number of a process alone may come back, in a container with every start. The name is
        # short, as a socket's path may have 107 bytes.
        run = f"{os.getpid():x}{secrets.token_hex(1)}"
        folder = self._path.with_suffix("")
        try:
            if not folder.is_dir():
                folder.unlink(missing_ok=True)
            folder.mkdir(exist_ok=True, mode=0o700)
            for former in folder.iterdir():
                if former.is_dir():
                    shutil.rmtree(former, ignore_errors=True)
                else:  # of a version that had one folder for all runs
                    former.unlink(missing_ok=True)
            (folder / run).mkdir(mode=0o700)
            file.truncate(0)
            file.write(run + "\n")
            file.flush()
        except OSError as error:
            raise StorageError(f"{folder} cannot be used: {error.strerror}") from error
