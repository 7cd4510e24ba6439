"""Moves a robot through the driving process: a `Mover` for every `Base`.

The lease of a movement is renewed by a thread of this process. When the process hangs, is stopped
or dies, so does the renewal, and the robot stands a quarter of a second later.
"""

from __future__ import annotations

import math
import select
import socket as sockets
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self

from sensebind.errors import MessageError, ToolError
from sensebind.tools.motion.messages import (
    Ask,
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

_RENEW_SECONDS = 0.06  # four renewals fit into a lease
_ANSWER_SECONDS = 0.25  # for an answer to a stop or a question
_CONNECT_SECONDS = 2.0
_SILENCE = 1.0  # seconds without a word during a movement after which the process hangs


class _Waiting:
    """A call that waits for its answer."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.answer: ToClient | None = None


class MotionClient:
    """Drives the robot of a driving process. Safe for threads; one movement at a time.

    A movement can be stopped from the moment on at which it was asked for: `stop` cancels what the
    process has not heard of yet.

    Args:
        address: Socket of the process, `MotionServer.address`.
    """

    def __init__(self, address: Path | str) -> None:
        self._address = str(address)
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._connecting = threading.Lock()
        self._socket: sockets.socket | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._numbers = 0
        self._waiting: dict[tuple[type, int], _Waiting] = {}
        self._leased = 0  # id of the movement whose lease is renewed; 0 for none
        self._heard = 0.0
        self._stops = -1  # `State.stops` when the ride began; -1 outside of rides
        self._unguarded = "the driving process has not been asked"
        self._pid = 0

    @property
    def pid(self) -> int:
        """Id of the driving process; 0 while there is no connection to one."""
        return self._pid if self._socket is not None else 0

    # --- the robot ------------------------------------------------------------------------------

    @property
    def guards_itself(self) -> bool:
        """Whether the robot stops by itself before obstacles and when nothing commands it."""
        return not self.unguarded

    @property
    def unguarded(self) -> str:
        """Why the robot does not guard itself, or "".

        Raises:
            ToolError: The process does not answer.
        """
        self._connected()
        return self._unguarded

    def drive(self, metres: float) -> float:
        """Drives straight ahead, backwards if negative; stops before anything in the way.

        Returns:
            The metres driven, with the sign of `metres`; less where something is in the way.

        Raises:
            ToolError: It was refused or ended; the message says why and after how much.
        """
        return self._move("drive", metres)

    def turn(self, radians: float) -> float:
        """Turns on the spot, to the left if positive.

        Returns:
            The angle turned, radians; less where something is in the way.

        Raises:
            ToolError: It was refused or ended; the message says why and after how much.
        """
        return self._move("turn", radians)

    def begin_ride(self) -> None:
        """Begins a ride of several movements: a stop of anybody from now on ends all of them.

        Without it a stop from another process, which does not know of the ride, could come between
        its turn and its drive, and end neither.

        Raises:
            ToolError: The process does not answer.
        """
        self._stops = self._state().stops

    def end_ride(self) -> None:
        """Ends a ride: a movement after it counts by itself."""
        self._stops = -1

    def pose(self) -> tuple[float, float, float]:
        """Where the robot is: x and y in metres, heading in radians.

        Raises:
            ToolError: The process does not answer, or the base is silent.
        """
        answer = self._state()
        if answer.pose is None:
            raise ToolError(answer.trouble or "nobody knows where the robot is")
        return answer.pose

    def stop(self) -> None:
        """Ends every movement, and those of this client that are still on their way.

        Returns when zero velocity has been sent to the base.

        Raises:
            ToolError: The process does not answer. A process that hangs does not renew its
                commands, so the base has stopped by itself.
        """
        with self._lock:
            number, self._leased = self._numbers, 0
        self._ask(Stop(number), Stopped, number)

    def close(self) -> None:
        """Leaves; a movement under way is stopped by that."""
        self._closing.set()
        thread = self._thread
        if thread is not None:
            thread.join()
        self._closing.clear()

    def __enter__(self) -> Self:
        self._connected()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- movements ------------------------------------------------------------------------------

    def _move(self, kind: Literal["drive", "turn"], amount: float) -> float:
        if isinstance(amount, bool) or not isinstance(amount, int | float):
            raise ToolError(f"{amount!r} is not a distance")
        if not math.isfinite(amount):
            raise ToolError(f"{amount} is not a distance")
        self._connected()
        with self._lock:
            self._numbers += 1
            number = self._leased = self._numbers
        waiting = self._wait_for(Done, number)
        try:
            self._send(Move(number, kind, float(amount), self._stops))
            self._heard = time.monotonic()
            while not waiting.event.wait(_SILENCE / 4):
                if time.monotonic() - self._heard > _SILENCE:
                    raise ToolError(
                        "the driving process does not answer; the base has stopped by itself"
                    )
        except BaseException:  # Ctrl-C, too: what nobody waits for must not go on
            with suppress(ToolError):
                self._send(Stop(number))
            raise
        finally:
            with self._lock:
                self._waiting.pop((Done, number), None)
                if self._leased == number:
                    self._leased = 0
        done = waiting.answer
        if not isinstance(done, Done):
            raise ToolError("the driving process has ended; the base has stopped by itself")
        if done.outcome in ("done", "blocked"):
            return done.moved
        if done.outcome == "refused":
            raise ToolError(done.detail)
        after = (
            f"{done.moved:.1f} m" if kind == "drive" else f"{math.degrees(done.moved):.1f} degrees"
        )
        raise ToolError(f"stopped after {after}: {done.detail}")

    def _state(self) -> State:
        number = self._number()
        answer = self._ask(Ask(number), State, number)
        assert isinstance(answer, State)
        return answer

    def _number(self) -> int:
        with self._lock:
            self._numbers += 1
            return self._numbers

    # --- the connection -------------------------------------------------------------------------

    def _ask(self, message: ToProcess, kind: type[ToClient], number: int) -> ToClient:
        self._connected()
        waiting = self._wait_for(kind, number)
        try:
            self._send(message)
            if not waiting.event.wait(_ANSWER_SECONDS) or waiting.answer is None:
                raise ToolError(f"the driving process at {self._address} does not answer")
            return waiting.answer
        finally:
            with self._lock:
                if self._waiting.get((kind, number)) is waiting:
                    del self._waiting[kind, number]

    def _wait_for(self, kind: type[ToClient], number: int) -> _Waiting:
        """Return what waits for an answer; several callers may wait for the same one."""
        with self._lock:
            return self._waiting.setdefault((kind, number), _Waiting())

    def _connected(self) -> None:
        """Connect, unless there is a connection.

        Raises:
            ToolError: Nobody listens, or nobody answers.
        """
        with self._connecting:
            if self._socket is not None:
                return
            if self._thread is not None:
                self._thread.join()
            connection = sockets.socket(sockets.AF_UNIX)
            connection.settimeout(_CONNECT_SECONDS)
            lines = Lines()
            try:
                connection.connect(self._address)
                hello: list[ToClient] = []
                while not hello:
                    if not (data := connection.recv(4096)):
                        raise ConnectionResetError("it has ended")
                    hello = lines.to_client(data)
            except (OSError, MessageError) as error:
                connection.close()
                raise ToolError(
                    f"no driving process answers at {self._address}: {error}"
                ) from error
            if not isinstance(hello[0], Hello):
                connection.close()
                raise ToolError(f"what listens at {self._address} is not a driving process")
            connection.setblocking(False)
            self._unguarded, self._pid = hello[0].unguarded, hello[0].pid
            self._heard = time.monotonic()
            thread = threading.Thread(
                target=self._serve, args=(connection, lines), name="motion-client", daemon=True
            )
            self._socket = connection
            try:
                thread.start()
            except RuntimeError as error:  # no threads left: nobody would hear what it says
                self._socket = None
                connection.close()
                raise ToolError(f"the driving process cannot be listened to: {error}") from error
            self._thread = thread

    def _send(self, message: ToProcess) -> None:
        """Send a message, or raise: nothing waits here.

        Raises:
            ToolError: The connection is gone, or the process has not read for long.
        """
        connection, data = self._socket, encode(message)
        if connection is None:
            raise ToolError("the driving process has ended; the base has stopped by itself")
        try:
            with self._sending:
                sent = connection.send(data)
        except OSError as error:
            raise ToolError(
                f"the driving process at {self._address} takes no messages: {error}"
            ) from error
        if sent < len(data):  # half a message would spoil the next one
            with suppress(OSError):
                connection.shutdown(sockets.SHUT_RDWR)
            raise ToolError(f"the driving process at {self._address} takes no messages")

    def _serve(self, connection: sockets.socket, lines: Lines) -> None:
        """Renew the lease, and hand answers to who waits for them, until the connection ends."""
        renewed = 0.0
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        try:
            while not self._closing.is_set():
                ready = poll.poll(round(1000 * _RENEW_SECONDS / 2))
                now = time.monotonic()
                if self._leased and now - renewed >= _RENEW_SECONDS * 0.8:
                    renewed = now
                    with suppress(ToolError):
                        self._send(Renew(self._leased))
                if ready:
                    data = connection.recv(65536)
                    if not data:
                        return
                    self._heard = time.monotonic()
                    for message in lines.to_client(data):
                        self._take(message)
        except (OSError, MessageError):
            return
        finally:
            self._socket = None
            connection.close()
            with self._lock:
                waiting, self._waiting = list(self._waiting.values()), {}
                self._leased = 0
            for one in waiting:
                one.event.set()

    def _take(self, message: ToClient) -> None:
        if isinstance(message, Hello):
            return
        with self._lock:
            waiting = self._waiting.pop((type(message), message.id), None)
        if waiting is not None:
            waiting.answer = message
            waiting.event.set()
