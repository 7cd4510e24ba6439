"""The supervisor's end of the launchers: one that works, and a spare that takes its place.

A launcher that has imported torch forks the spare, so it shares the memory of the first and is
there within milliseconds, whereas a fresh one takes seconds to import torch. When the launcher ends
unexpectedly its workers end with it; the spare then forks them again, and a spare of its own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import selectors
import signal
import socket as sockets
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sensebind.errors import BusError
from sensebind.perception.process import start_module
from sensebind.perception.workers.launch_messages import (
    ANSWERS,
    Answer,
    Command,
    Lines,
    Ready,
    Spare,
    encode,
)

log = logging.getLogger(__name__)

_LAUNCHER = "sensebind.perception.workers.fork_server"
_PATIENCE = 2.0  # seconds for a launcher to take in a command, or to say its first word
_PAUSE = 0.5  # seconds without a spare after one was lost
_RESTART_PAUSE = 1.0  # seconds before the next after a launcher that could not even start


@dataclass(frozen=True, slots=True)
class Lost:
    """A launcher has ended, and its workers with it.

    Attributes:
        why: In words.
    """

    why: str


@dataclass(slots=True, eq=False)
class _Line:
    """To one launcher.

    Attributes:
        control: Carries commands and answers.
        lifeline: Read end of a pipe that closes when the launcher and all its workers are gone.
        process: What this process started itself; None for the fork of another launcher.
        pid: Of the launcher; 0 until it is known.
        ready: Whether it can fork.
    """

    control: sockets.socket
    lifeline: int
    process: subprocess.Popen[bytes] | None = None
    pid: int = 0
    ready: bool = False
    answers: Lines[Answer] = field(default_factory=lambda: Lines(ANSWERS))

    def hear(self) -> list[Answer] | None:
        """Return what it has said; None when it has ended."""
        try:
            data = self.control.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            return None
        answers = self.answers.take(data)
        for one in answers:
            if isinstance(one, Ready):
                self.pid, self.ready = one.pid, True
        return answers

    def lives(self) -> bool:
        """Whether it can take over; of one that was just forked the first word is awaited."""
        while _readable(self.control.fileno(), 0.0 if self.ready else _PATIENCE):
            if self.hear() is None:
                return False
        return self.ready

    def hang_up(self) -> None:
        """Have it end, and its workers, without waiting for it."""
        with contextlib.suppress(OSError):  # it has ended
            self.control.shutdown(sockets.SHUT_WR)

    def end(self, patience: float) -> None:
        """Have it end, if it has not, and wait for it and all its workers.

        Args:
            patience: Seconds after which it is killed, and its workers with it.
        """
        self.hang_up()
        until = time.monotonic() + patience
        while _readable(self.control.fileno(), until - time.monotonic()):
            if self.hear() is None:
                break
        else:
            self.kill()
        _readable(self.lifeline, _PATIENCE)
        self.control.close()
        os.close(self.lifeline)
        if self.process is not None:
            try:
                self.process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        elif self.pid:
            with contextlib.suppress(ChildProcessError):  # ours only where we are process 1
                os.waitpid(self.pid, 0)

    def kill(self) -> None:
        """End a launcher that hangs; as it has not ended yet, its number is nobody else's."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class Launchers:
    """Keeps a launcher ready all the time. Used by one thread; `pids` by any.

    Args:
        directory: Where the workers' sockets are; the last launcher removes it.
        modules: To be imported before the forks.
        stop: Set when nobody waits for launchers any longer.
    """

    def __init__(self, directory: Path, modules: Sequence[str], stop: threading.Event) -> None:
        self._directory = directory
        self._modules = modules
        self._stop = stop
        self._selector = selectors.DefaultSelector()
        self._working: _Line | None = None
        self._spare: _Line | None = None
        self._spare_due = 0.0
        self._start_due = 0.0  # when a launcher is tried again that could not be started

    @property
    def there(self) -> bool:
        """Whether there is a launcher that can be given commands."""
        return self._working is not None

    @property
    def pids(self) -> dict[str, int]:
        """Process ids, under "launcher" and "spare"."""
        lines = {"launcher": self._working, "spare": self._spare}
        return {name: line.pid for name, line in lines.items() if line is not None and line.pid}

    def start(self) -> None:
        """Start a fresh launcher, which has to import everything; its spare follows.

        Raises:
            BusError: There is no descriptor or no process to be had.
        """
        try:
            self._start()
        except OSError as error:
            raise BusError(
                f"the process that starts the workers cannot be started: {error.strerror}"
            ) from error

    def _start(self) -> None:
        # Threads of the launcher would not survive its forks.
        libraries = ("OMP", "OPENBLAS", "MKL")
        quiet = {f"{library}_NUM_THREADS": "1" for library in libraries}
        line, theirs = self._connect()
        arguments = [*map(str, theirs), str(self._directory), *self._modules]
        try:
            line.process = start_module(_LAUNCHER, arguments, theirs, quiet)
        except OSError:
            self._forget(line)
            raise
        finally:
            for end in theirs:
                os.close(end)
        line.pid = line.process.pid
        self._working = line

    def order(self, command: Command) -> None:
        """Give the launcher a command; one that does not take it in is killed, and replaced."""
        self._send(encode(command))

    def receive(self, timeout: float) -> list[Answer | Lost]:
        """Return what the launcher has said, after `timeout` seconds at the latest.

        Returns:
            Its messages, and `Lost` when it ended: another takes commands as soon as `there` says
            so.
        """
        messages: list[Answer | Lost] = []
        if self._working is None:
            self._start_again()
        for key, _ in self._selector.select(timeout):
            line: _Line = key.data
            if line not in (self._working, self._spare):
                continue  # ended a moment ago
            said = line.hear()
            if said is not None:
                messages += said
            elif line is self._spare:
                self._spare, self._spare_due = None, time.monotonic() + _PAUSE
                self._end(line, 0.0)
            else:
                messages.append(Lost(self._replace(line)))
        idle = self._working is not None and self._working.ready and self._spare is None
        if idle and time.monotonic() >= self._spare_due:
            self._order_spare()
        return messages

    def kill(self) -> None:
        """End a launcher that hangs; `receive` notices, and puts another in its place."""
        log.warning("the launcher does not answer, killing it")
        if self._working is not None:
            self._working.kill()

    def hang_up(self) -> None:
        """Have the launchers end, and with them all workers, without waiting for them."""
        for line in (self._working, self._spare):
            if line is not None:
                line.hang_up()

    def close(self, patience: float) -> None:
        """End the launchers, and with them all workers, within about so many seconds."""
        self.hang_up()
        until = time.monotonic() + patience  # the same for both
        for line in (self._working, self._spare):
            if line is not None:
                self._end(line, until - time.monotonic())
        self._spare = self._working = None
        self._selector.close()

    def abandon(self) -> None:
        """Kill the launchers, and with them all workers, while the thread that uses this hangs."""
        for line in (self._working, self._spare):
            if line is not None:
                line.kill()

    def _connect(self) -> tuple[_Line, tuple[int, int]]:
        """Return a line to a launcher to come, and the descriptors that are its end of it.

        Raises:
            OSError: No descriptors are free.
        """
        ours, theirs = sockets.socketpair()
        ours.settimeout(_PATIENCE)  # one that is stopped must not stop the supervisor, too
        try:
            read, write = os.pipe()
        except OSError:
            ours.close()
            theirs.close()
            raise
        line = _Line(ours, read)
        self._selector.register(ours, selectors.EVENT_READ, line)
        return line, (theirs.detach(), write)

    def _forget(self, line: _Line) -> None:
        """Close our end of a line that nobody was given the other end of."""
        self._selector.unregister(line.control)
        line.control.close()
        os.close(line.lifeline)

    def _end(self, line: _Line, patience: float) -> None:
        self._selector.unregister(line.control)
        line.end(patience)

    def _send(self, data: bytes, descriptors: Sequence[int] = ()) -> None:
        if self._working is None:
            return
        try:
            with contextlib.suppress(ConnectionError):  # its end is noticed in `receive`
                if descriptors:
                    sockets.send_fds(self._working.control, [data], list(descriptors))
                else:
                    self._working.control.sendall(data)
        except TimeoutError:
            self.kill()

    def _order_spare(self) -> None:
        try:
            line, theirs = self._connect()
        except OSError as error:  # the workers run without a spare as well
            log.warning("no spare launcher can be had: %s", error.strerror)
            self._spare_due = time.monotonic() + _RESTART_PAUSE
            return
        self._spare = line
        try:
            self._send(encode(Spare()), theirs)
        finally:
            for end in theirs:
                os.close(end)

    def _replace(self, line: _Line) -> str:
        """Put the spare in the place of a launcher that ended; returns what happened."""
        self._end(line, 0.0)  # and the workers, whose ports the new ones take
        code = line.process.returncode if line.process is not None else None
        why = "its launcher ended" + (f" with code {code}" if code is not None else "")
        spare, self._working, self._spare, self._spare_due = self._spare, None, None, 0.0
        if spare is not None and spare.lives():
            log.warning("%s, the spare takes its place", why)
            self._working = spare
            return why
        if spare is not None:
            self._end(spare, 0.0)
        log.warning("%s, starting another", why)
        # One that cannot even start is not started in a busy loop.
        self._start_due = 0.0 if line.ready else time.monotonic() + _RESTART_PAUSE
        self._start_again()
        return why

    def _start_again(self) -> None:
        """Start a fresh launcher when that is due; one that cannot be had is tried again."""
        if self._stop.is_set() or time.monotonic() < self._start_due:
            return
        self._start_due = time.monotonic() + _RESTART_PAUSE
        try:
            self._start()
        except OSError as error:
            log.warning("no launcher can be started: %s; trying again", error.strerror)


def _readable(descriptor: int, patience: float) -> bool:
    """Wait until there is something to read from a descriptor, or its end."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0.0, 1000 * patience)))
