"""Starts the process that faces the network, and starts it again when it ends."""

from __future__ import annotations

import errno
import json
import logging
import select
import socket as sockets
import subprocess
import threading
import time
from contextlib import suppress
from typing import Any, Protocol, Self

from sensebind.errors import BusError, is_passing
from sensebind.perception.process import start_module

log = logging.getLogger(__name__)

_MODULE = "sensebind.agent.robot.network"
_START_SECONDS = 30.0  # importing on a loaded machine takes a while
_STILL_IN_USE = 3.0  # seconds for a robot that was killed to give its ports back
_STOP_SECONDS = 1.5
_TICK = 0.1  # seconds between looks whether to end; the end of the process is seen at once
_PAUSE = 1.0  # seconds from one start to the next


class ServedOptions(Protocol):
    """What a serving process serves; `NetworkOptions` is one."""

    def model_dump_json(self) -> str:
        """Return them as a line of JSON."""
        ...

    def at(self, addresses: dict[str, str]) -> Self:
        """Return these options with the ports that were taken."""
        ...


class NetworkProcess:
    """Servers in a process of their own, such as those for other machines. A context manager.

    Args:
        options: What is served.
        module: What the process runs, see `network.be_process`.
        name: Of the process, in messages.

    Attributes:
        addresses: Where, by "bus", "frames" and "metrics".
        starts: How many times the process was started.
    """

    def __init__(
        self, options: ServedOptions, module: str = _MODULE, name: str = "the network's process"
    ) -> None:
        self._options = options
        self._module = module
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._control: sockets.socket | None = None
        self._stop = threading.Event()
        self._kill_at = 0.0  # monotonic time at which a process that is to end is killed
        self._thread = threading.Thread(target=self._look_after, name="network", daemon=True)
        self.addresses: dict[str, str] = {}
        self.starts = 0

    @property
    def pid(self) -> int:
        """Process id; 0 while it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    def __enter__(self) -> Self:
        """Start the process.

        Raises:
            BusError: Something cannot be served; the message says what and why.
        """
        until = time.monotonic() + _STILL_IN_USE
        while True:
            try:
                self._start()
            except BusError as error:
                if not is_passing(error) or time.monotonic() > until:
                    raise
                time.sleep(_TICK)
            else:
                break
        self._options = self._options.at(self.addresses)
        self._thread.start()
        return self

    def end(self) -> None:
        """Have the process end, without waiting for it."""
        if not self._stop.is_set():
            self._kill_at = time.monotonic() + _STOP_SECONDS
        self._stop.set()
        if self._control is not None:
            with suppress(OSError):
                self._control.shutdown(sockets.SHUT_WR)

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.end()
        if self._thread.ident is not None:
            self._thread.join()
        self._close()

    def _start(self) -> None:
        self._control, theirs = sockets.socketpair()
        try:
            with theirs:  # closed here, so that the end of the process is the end of the line
                number = theirs.fileno()
                self._process = start_module(self._module, [str(number)], [number], {})
            self.starts += 1
            answer = self._ask(self._control)
            if "error" in answer:
                refusal = BusError(str(answer["error"]))
                in_use = OSError(errno.EADDRINUSE, "Address already in use")
                raise refusal from in_use if answer.get("passing") else None
        except BaseException:  # Ctrl-C, too: no process may be left alone
            self._close()
            raise
        self.addresses = answer["addresses"]

    def _ask(self, control: sockets.socket) -> dict[str, Any]:
        control.settimeout(_START_SECONDS)
        try:
            control.sendall(self._options.model_dump_json().encode() + b"\n")
            with control.makefile("rb", buffering=0) as lines:
                line = lines.readline()
        except TimeoutError:
            return {"error": f"{self._name} gave no sign of life"}
        except OSError:
            line = b""
        if not line:
            return {"error": f"{self._name} ended while it was started"}
        return json.loads(line)

    def _look_after(self) -> None:
        started = time.monotonic()
        while not self._stop.is_set():
            control = self._control
            if control is not None and not _ended(control):
                continue
            log.warning("%s ended, starting it again", self._name)
            if self._stop.wait(max(0.0, started + _PAUSE - time.monotonic())):
                return
            started = time.monotonic()
            self._close()
            try:
                self._start()
            except (BusError, OSError) as error:  # its port may be free a moment later
                log.warning("%s: %s", self._name, error)

    def _close(self) -> None:
        process, control = self._process, self._control
        self._process = self._control = None
        if control is not None:
            control.close()
        if process is not None:
            try:
                ends = self._kill_at - time.monotonic() if self._stop.is_set() else _STOP_SECONDS
                process.wait(max(ends, 0.0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ended(control: sockets.socket) -> bool:
    """Wait a moment for the other end of a line to be closed; nothing else is said on it."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    return bool(poll.poll(1000 * _TICK))
