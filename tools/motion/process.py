"""The driving process: the only one that commands the base.

`python -m sensebind.tools.motion.process CONTROL_FD SOCKET WISH` reads its settings from the
control socket, listens at SOCKET (mode 0600) and drives. WISH is a number as in a beat: odd where
the lidar is to be closed, as while its stream is paused. It imports neither PyTorch nor LangChain
nor the agent, so it starts at once and is not in their way. It owns the lidar, too: sweeps come to
it straight from the device, and it passes them on to whoever encodes them (`relay`). So a robot
sees obstacles as long as it can move at all, and when this process dies, the base stops by itself.

The robot moves only while three things are renewed: the lease of the movement by its client, the
beat of whoever started this process, and the sweeps and odometry of the robot itself.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import selectors
import signal
import socket as sockets
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensebind.errors import (
    ConfigurationError,
    MessageError,
    SenseBindError,
    one_line,
)
from sensebind.tools.motion.contracts import Base
from sensebind.tools.motion.driver import COMMAND_SECONDS, Driver
from sensebind.tools.motion.messages import (
    Done,
    Hello,
    Lines,
    Move,
    Renew,
    State,
    Stop,
    Stopped,
    ToClient,
    ToProcess,
    encode,
)
from sensebind.tools.motion.settings import MotionSettings, Part, load_settings
from sensebind.tools.motion.sweeps import Sweeps

log = logging.getLogger(__name__)

_TICK = 0.02  # seconds between two looks at the base
_BURST = 5  # times that zero is sent after a stop: one of them gets through
_BURST_SECONDS = 0.005  # between two zeros of a burst: what is lost costs no whole tick
_PRIORITY = -10  # nice value, where this user may have it
_LAST_SECONDS = 2.0  # for the base to come to stand, at the end or before the lidar is closed
_PAUSED_LIDAR = "the lidar is paused"


@dataclass(slots=True, eq=False)
class _Client:
    """A connection, and up to which id its movements are cancelled."""

    socket: sockets.socket
    lines: Lines = field(default_factory=Lines)
    cancelled: int = 0
    asked_to_stop: list[int] = field(default_factory=list)


class Process:
    """The sockets and clocks around a `Driver`.

    Args:
        settings: How to drive.
        base: What is driven.
        control: To whoever started this process.
        listener: Where clients connect.
        wish: Of whoever started this process, about the lidar: 1 keeps it closed at first.
    """

    def __init__(
        self,
        settings: MotionSettings,
        base: Base,
        control: sockets.socket,
        listener: sockets.socket,
        wish: int = 0,
    ) -> None:
        self._settings = settings
        self._base = base
        self._control = control
        self._listener = listener
        self._driver = Driver(settings)
        self._selector = selectors.DefaultSelector()
        self._ear, self._bell = sockets.socketpair()
        self._clients: set[_Client] = set()
        self._owner: tuple[_Client, int] | None = None  # whose movement is under way
        self._leased_until = 0.0
        self._stops = time.monotonic_ns()  # a number that no process before this one has given
        self._beaten = time.monotonic()
        self._ending = False
        self._zeros = 0  # how many of a burst are still to be sent
        self._commanded = -1.0  # when the last command was sent
        self._moves = False  # whether it was one that moves
        self._seen = False  # whether a sweep has come since
        # A beat is one byte, the newest wish: twice its number, and 1 where the lidar is to be
        # closed. The process says the same byte when it is so.
        self._wish = wish
        self._paused_since = 0.0
        self._said = -1
        paused = self._paused
        self._sweeps = Sweeps(settings, self.wake, paused) if settings.lidar is not None else None
        reasons = {
            "there is no lidar to see obstacles with": settings.lidar is None,
            "its base does not stop by itself": not getattr(base, "stops_itself", False),
        }
        self._unguarded = "; ".join(reason for reason, holds in reasons.items() if holds)

    def wake(self) -> None:
        """Let the loop look at once; from any thread, and from signal handlers."""
        with suppress(BlockingIOError, OSError):
            self._bell.send(b"!")

    def finish(self) -> None:
        """Stop the base, then let `run` return; for signal handlers."""
        self._ending = True
        self.wake()

    def run(self) -> None:
        """Drive until `finish`, or until whoever started this process is gone."""
        for one in (self._ear, self._bell, self._control, self._listener):
            one.setblocking(False)
        for readable, take in (
            (self._ear, self._rung),
            (self._control, self._beat),
            (self._listener, self._welcome),
        ):
            self._selector.register(readable, selectors.EVENT_READ, take)
        if self._sweeps is not None:
            self._sweeps.start()
        due, last = time.monotonic(), 0.0
        try:
            while not self._ending or self._driver.busy:
                wait = max(due - time.monotonic(), 0.0)
                if self._zeros:
                    wait = min(wait, _BURST_SECONDS)
                for key, _ in self._selector.select(wait):
                    key.data()
                now = time.monotonic()
                due = now + _TICK if now >= due else due
                self._look(now)
                self._act(now)
                self._follow(now)
                if self._ending:
                    last = last or now
                    if now - last > _LAST_SECONDS:
                        break
        finally:
            self._close()

    # --- what comes in --------------------------------------------------------------------------

    def _rung(self) -> None:
        with suppress(BlockingIOError):
            self._ear.recv(4096)

    def _beat(self) -> None:
        """Note a beat of whoever started this process; its end is the end of this one."""
        try:
            data = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._beaten = time.monotonic()
            self._hear_wish(data[-1], self._beaten)
        elif not self._ending:
            self._selector.unregister(self._control)
            self._ending = True

    @property
    def _paused(self) -> bool:
        return bool(self._wish % 2)

    def _hear_wish(self, wish: int, now: float) -> None:
        """Keep the lidar closed, or open it; what moves by it stands before it is closed."""
        before, self._wish = self._paused, wish
        if self._sweeps is None or self._paused == before:
            return
        if self._paused:
            self._paused_since = now
            self._driver.end_movement("stopped", _PAUSED_LIDAR, now)
            self._zeros = _BURST
        else:
            self._sweeps.pause(False)

    def _follow(self, now: float) -> None:
        """Close a lidar that is paused as soon as the robot stands, and say that it is."""
        sweeps = self._sweeps
        stands = not self._driver.busy or now - self._paused_since > _LAST_SECONDS
        if sweeps is not None and self._paused and stands:
            sweeps.pause(True)
        is_open = sweeps is not None and sweeps.open
        if self._said == self._wish or is_open == self._paused:
            return
        self._said = self._wish
        with suppress(OSError):  # its end is noticed where its beats are
            self._control.send(bytes([self._said]))

    def _welcome(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        client = _Client(connection)
        self._clients.add(client)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._hear(client))
        self._say(client, Hello(os.getpid(), self._unguarded))

    def _hear(self, client: _Client) -> None:
        try:
            data = client.socket.recv(65536)
            if not data:
                raise ConnectionResetError
            for message in client.lines.to_process(data):
                self._obey(client, message, time.monotonic())
        except BlockingIOError:
            return
        except (OSError, MessageError) as error:
            if isinstance(error, MessageError):
                log.warning("motion: %s", error)
            self._forget(client)

    def _forget(self, client: _Client) -> None:
        """A client is gone, or cannot be understood: what it moves is stopped at once."""
        if client not in self._clients:
            return
        self._clients.discard(client)
        self._selector.unregister(client.socket)
        client.socket.close()
        if self._owner is not None and self._owner[0] is client:
            self._driver.end("failed", "whoever drove is gone", time.monotonic())

    def _obey(self, client: _Client, message: ToProcess, now: float) -> None:
        if isinstance(message, Move):
            self._begin(client, message, now)
        elif isinstance(message, Stop):
            self._stops += 1
            client.cancelled = max(client.cancelled, message.id)
            self._driver.end_movement("stopped", "a stop came", now)
            self._zeros = _BURST
            client.asked_to_stop.append(message.id)  # answered when zero has been sent
        else:
            if isinstance(message, Renew) and self._owner == (client, message.id):
                self._leased_until = now + self._settings.lease
            self._say(client, self._state(message.id, now))

    def _begin(self, client: _Client, message: Move, now: float) -> None:
        if message.id <= client.cancelled or message.stops not in (-1, self._stops):
            self._say(
                client,
                Done(
                    message.id,
                    "stopped",
                    0.0,
                    "a stop came before it, or the driving process was started again",
                ),
            )
            return
        self._look(now)
        refusal = self._trouble(now) or self._driver.start(message.kind, message.amount, now)
        if refusal:
            self._say(client, Done(message.id, "refused", 0.0, refusal))
            return
        self._owner, self._leased_until = (client, message.id), now + self._settings.lease

    def _state(self, number: int, now: float) -> State:
        trouble = self._trouble(now) or self._driver.trouble(now)
        silent = trouble.startswith("the base")
        pose = None if silent else self._driver.pose
        return State(number, trouble, pose, self._driver.busy, self._stops)

    def _trouble(self, now: float) -> str:
        """Return why nothing may move now, whatever the robot says of itself."""
        if self._ending:
            return "the driving process is ending"
        if now - self._beaten > self._settings.lease:
            return "whoever started the driving process does not answer"
        return _PAUSED_LIDAR if self._paused else ""

    # --- what goes out --------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        try:
            self._driver.hear(self._base.odometry(), now)
        except Exception as error:  # a base that cannot be asked is silent
            log.debug("motion: odometry: %s", one_line(error))
        if self._sweeps is not None and (newest := self._sweeps.take()) is not None:
            self._driver.see(*newest, now)
            self._seen = True

    def _act(self, now: float) -> None:
        if self._driver.busy:
            if self._ending or (trouble := self._trouble(now)):
                reason = "the driving process is ending" if self._ending else trouble
                self._driver.end("failed", reason, now)
            elif self._owner is not None and now > self._leased_until:
                self._driver.end("failed", "its lease was not renewed", now)
        self._command(now)
        for client in list(self._clients):
            for number in client.asked_to_stop:
                self._say(client, Stopped(number))
            client.asked_to_stop.clear()
        if (ended := self._driver.take_ended()) is not None and self._owner is not None:
            client, number = self._owner
            self._owner = None
            self._say(client, Done(number, ended.outcome, ended.moved, ended.detail))

    def _command(self, now: float) -> None:
        """Command the base: at 20 Hz, and a stop at once and several times."""
        regular = now - self._commanded >= COMMAND_SECONDS - _TICK / 4
        seen, self._seen = self._seen, False  # what a sweep shows does not wait
        if not (regular or seen) and not self._zeros and not (self._moves and self._driver.braking):
            return
        velocity = self._driver.step(now)
        if velocity is None:
            self._zeros = 0
            return
        moves = velocity != (0.0, 0.0)
        if self._moves and not moves:
            self._zeros = _BURST
        elif self._zeros:
            self._zeros = 0 if moves else self._zeros - 1
        valid_for = self._settings.valid_for
        if moves:  # it does not outlive the lease
            valid_for = min(valid_for, max(self._leased_until - now, 0.0))
        self._commanded, self._moves = now, moves
        try:
            self._base.velocity(*velocity, valid_for)
        except Exception as error:  # it counts as lost; the next one follows
            log.debug("motion: command: %s", one_line(error))

    def _say(self, client: _Client, message: ToClient) -> None:
        """Answer a client; one that does not read its answers is forgotten."""
        try:
            client.socket.sendall(encode(message))
        except OSError:
            self._forget(client)

    def _close(self) -> None:
        if self._sweeps is not None:
            self._sweeps.close()
        for client in list(self._clients):
            self._forget(client)
        self._selector.close()
        self._ear.close()
        self._bell.close()


def make(part: Part) -> Any:
    """Makes what an import path names.

    Raises:
        ConfigurationError: There is no such thing, or it does not take these arguments.
    """
    module, _, name = part.factory.partition(":")
    try:
        return getattr(importlib.import_module(module), name)(**part.arguments)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"motion: the base {part.factory!r} cannot be made: {one_line(error)}; "
            'give "module:Class" and its arguments'
        ) from error


def listen(path: Path) -> sockets.socket:
    """Opens the socket for clients, of mode 0600.

    Raises:
        ConfigurationError: A driving process listens there already, or the path cannot be used.
    """
    with sockets.socket(sockets.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            pass
        else:
            raise ConfigurationError(f"motion: a driving process runs already at {path}: join it")
    listener = sockets.socket(sockets.AF_UNIX)
    before = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)  # left over by one that was killed
        listener.bind(str(path))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"motion: {path} cannot be used: {error}") from error
    finally:
        os.umask(before)
    return listener


def main(arguments: list[str]) -> int:
    """Be the driving process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started this process
    with suppress(OSError):  # only some users may come first
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    path = Path(arguments[1])
    descriptor = int(arguments[0])
    os.set_inheritable(descriptor, False)
    with sockets.socket(fileno=descriptor) as control:
        with control.makefile("rb", buffering=0) as lines:
            line = lines.readline()
        if not line:
            return 0
        try:
            settings = load_settings(line)
            base: Base = make(settings.base)
            listener = listen(path)
        except SenseBindError as error:
            with suppress(OSError):
                control.sendall(f"error {one_line(error)}\n".encode())
            return 1
        process = Process(settings, base, control, listener, int(arguments[2]))
        signal.signal(signal.SIGTERM, lambda *_: process.finish())
        gc.collect()
        gc.freeze()  # what is here stays; only what is new is looked through
        try:
            with suppress(OSError):  # whoever started this process may have gone meanwhile
                control.sendall(b"ready\n")
            process.run()
        finally:
            path.unlink(missing_ok=True)
            listener.close()
            if close := getattr(base, "close", None):
                close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
