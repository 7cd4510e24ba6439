"""Streams that are paused: nothing is perceived, kept or shown of them until somebody resumes them.

Which ones is written in a file of the robot's state directory, so that it survives a restart. The
running robot follows the file, whoever changes it: the robot's own dialog, or a command in another
process. A robot that does not run takes it up when it starts.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.run_directory import is_running
from sensebind.errors import BusError, InputError, SenseBindError, StorageError
from sensebind.perception.storage.private_files import changing, write_private
from sensebind.perception.workers.supervisor import Supervisor

log = logging.getLogger(__name__)

ALL = "all"
"""Stands for every stream."""
_TICK = 0.2  # seconds between two looks at the file
_PATIENCE = 15.0  # seconds for a running robot to follow

Hold = Callable[[frozenset[str]], None]
"""Takes the names on the bus of all streams that are paused; called before a device is closed."""


class Pauses:
    """The file that says which streams are paused, by their names in the robot's file.

    Attributes:
        path: The JSON file.
    """

    def __init__(self, path: Path) -> None:
        """Reads nothing yet.

        Args:
            path: Of the file; it need not be there.
        """
        self.path = path

    def read(self) -> frozenset[str]:
        """Return which streams are paused.

        Raises:
            StorageError: The file cannot be read, so that nobody knows.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return frozenset()
        except OSError as error:
            raise StorageError(f"{self.path} cannot be read: {error.strerror}") from error
        with contextlib.suppress(ValueError, RecursionError):
            found = json.loads(text)
            if isinstance(found, dict) and isinstance(names := found.get("paused"), list):
                return frozenset(str(one) for one in names)
        raise StorageError(
            f"{self.path} is damaged, so that nobody knows which streams are paused: remove it, "
            "and pause them again"
        )

    def write(self, streams: Iterable[str]) -> None:
        """Write which streams are paused, so that a power cut keeps it.

        Raises:
            StorageError: It cannot be written.
        """
        text = json.dumps({"paused": sorted(streams)}) + "\n"
        try:
            write_private(self.path, text.encode())
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error.strerror}") from error

    def change(self, more: frozenset[str], fewer: frozenset[str]) -> frozenset[str]:
        """Add and remove streams, whoever else does so at the same moment.

        Returns:
            All streams that are paused now.

        Raises:
            StorageError: It cannot be read or written.
        """
        try:
            with changing(self.path.parent):
                wanted = (self.read() | more) - fewer
                self.write(wanted)
                return wanted
        except OSError as error:
            raise StorageError(f"{self.path} cannot be changed: {error.strerror}") from error

    def stamp(self) -> tuple[int, int]:
        """Return what changes with the file."""
        try:
            status = self.path.stat()
        except OSError:
            return 0, 0
        return status.st_ino, status.st_mtime_ns


def pauses_of(config: RobotConfig) -> Pauses:
    """Return which streams of a robot are paused, for its state directory."""
    return Pauses(config.state_directory / "paused.json")


def chosen(config: RobotConfig, name: str) -> frozenset[str]:
    """Return the streams that a name stands for, by their names in the robot's file.

    Args:
        config: The robot's file.
        name: A stream's, in the file or on the bus, or `all`.

    Raises:
        InputError: There is no such stream.
    """
    if name == ALL:
        return frozenset(config.streams)
    for own, on_bus in config.stream_names.items():
        if name in (own, on_bus):
            return frozenset({own})
    known = ", ".join([*config.streams, ALL])
    raise InputError(f"the robot has no stream {name!r}: there are {known}")


class Pausing:
    """Follows what is paused, in a running robot. A context manager; methods are thread-safe."""

    def __init__(
        self, config: RobotConfig, supervisor: Supervisor, pauses: Pauses | None = None
    ) -> None:
        """Take up what was paused before; nothing runs yet.

        Args:
            config: The robot's file.
            supervisor: Runs the workers, and has not started them.
            pauses: Where it is kept; None for a robot that keeps nothing.

        Raises:
            StorageError: What is paused cannot be read.
        """
        self._config = config
        self._supervisor = supervisor
        self._pauses = pauses
        self._lock = threading.Lock()
        self._hold: Hold = lambda _streams: None
        self._seen = pauses.stamp() if pauses is not None else (0, 0)
        self._paused = self._known(pauses.read()) if pauses is not None else frozenset()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pausing", daemon=True)
        supervisor.pause(self.on_bus)

    @property
    def paused(self) -> frozenset[str]:
        """The streams that are paused, by their names in the robot's file."""
        return self._paused

    @property
    def on_bus(self) -> frozenset[str]:
        """The streams that are paused, by their names on the bus."""
        names = self._config.stream_names
        return frozenset(names[one] for one in self._paused)

    def when_paused(self, hold: Hold) -> None:
        """Name who lets go of streams before their devices are closed; called at once, too."""
        with self._lock:
            self._hold = hold
            hold(self.on_bus)

    def pause(self, name: str) -> frozenset[str]:
        """Pause a stream, or `all`; when this returns, its device is closed.

        Returns:
            All streams that are paused now.

        Raises:
            InputError: There is no such stream.
            SenseBindError: Its device is not closed yet, what moves did not take the stop, or it
                cannot be written; whatever of this could be done was done.
        """
        return self._change(chosen(self._config, name), frozenset())

    def resume(self, name: str) -> frozenset[str]:
        """Resume a stream, or `all`; see `pause`."""
        return self._change(frozenset(), chosen(self._config, name))

    def __enter__(self) -> Self:
        if self._pauses is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _change(self, more: frozenset[str], fewer: frozenset[str]) -> frozenset[str]:
        with self._lock:
            wanted = (self._paused | more) - fewer
            trouble: SenseBindError | None = None
            if self._pauses is not None:
                try:  # with what another process has changed and nobody has followed yet
                    wanted = self._known(self._pauses.change(more, fewer))
                    self._seen = (0, 0)  # read again soon, as others may change it at any moment
                except StorageError as error:  # privacy does not wait for a disk
                    trouble = error
                    self._seen = self._pauses.stamp()  # nor is it undone by what lies there
            self._apply(wanted)
            if trouble is not None:
                raise trouble
            return wanted

    def _apply(self, wanted: frozenset[str]) -> None:
        """Let go of streams, then close their devices; or the other way round."""
        self._paused = wanted
        try:
            self._hold(self.on_bus)
        finally:
            self._supervisor.pause(self.on_bus)

    def _run(self) -> None:
        assert self._pauses is not None
        said = ""
        while not self._stop.wait(_TICK):
            with self._lock:
                if (stamp := self._pauses.stamp()) == self._seen:
                    continue
                try:
                    wanted = self._known(self._pauses.read())
                except StorageError as error:  # read again, until it is known who wants what
                    if (text := str(error)) != said:
                        log.error("what is paused was changed, and cannot be read: %s", text)
                    said = text
                    continue
                self._seen, said = stamp, ""
                try:
                    self._apply(wanted)
                except SenseBindError as error:
                    log.error("what is paused was changed, and not all followed: %s", error)
                except Exception:  # a bug costs this change, and not those that come
                    log.exception("what is paused was changed, and not all followed")

    def _known(self, streams: frozenset[str]) -> frozenset[str]:
        """Those that the robot's file has: it may have been edited since."""
        return streams & self._config.streams.keys()


class SharedPauses:
    """Pauses streams of a robot from another process, whether it runs or not."""

    def __init__(self, config: RobotConfig) -> None:
        """Find the file of the pauses; it is not read yet.

        Args:
            config: The robot's file.
        """
        self._config = config
        self._pauses = pauses_of(config)

    @property
    def paused(self) -> frozenset[str]:
        """The streams that are paused, by their names in the robot's file.

        Raises:
            StorageError: The file cannot be read.
        """
        return self._pauses.read()

    def pause(self, name: str) -> frozenset[str]:
        """Pause a stream, or `all`; of a robot that runs, wait until its device is closed.

        Returns:
            All streams that are paused now.

        Raises:
            InputError: There is no such stream.
            StorageError: It cannot be written.
            BusError: The robot runs, and does not follow.
        """
        return self._change(chosen(self._config, name), frozenset())

    def resume(self, name: str) -> frozenset[str]:
        """Resume a stream, or `all`; see `pause`."""
        return self._change(frozenset(), chosen(self._config, name))

    def _change(self, more: frozenset[str], fewer: frozenset[str]) -> frozenset[str]:
        wanted = self._pauses.change(more, fewer)
        if is_running(self._config.run_name):
            self._await(wanted)
        return wanted

    def _await(self, wanted: frozenset[str]) -> None:
        """Wait until the robot says of exactly these streams that they are paused."""
        from sensebind.agent.robot.monitor import Monitor

        config = self._config
        names = {config.stream_names[one] for one in wanted}
        until = time.monotonic() + _PATIENCE
        with Monitor(config.endpoints.values(), expected=config.stream_names.values()) as monitor:
            while time.monotonic() < until:
                paused = {row.stream for row in monitor.rows() if row.state == "paused"}
                if paused == names:
                    return
                time.sleep(_TICK)
        raise BusError(
            f"the robot runs and did not follow within {_PATIENCE:g} s: see `sensebind top`, or "
            "end it"
        )
