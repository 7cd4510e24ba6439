"""Lets clients of this machine talk with a running robot: `chat --attach`, `ask --attach`, `stop`.

The robot holds the model and its one agent, with its policy, rates and approvals; clients hold
nothing, so that what is approved or stopped by one of them is approved or stopped for all.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec
import numpy as np

from sensebind.agent.approval import Decision
from sensebind.agent.assistant import Assistant, Events, Finished
from sensebind.agent.robot.control_events import encode_event
from sensebind.agent.robot.control_messages import (
    MAX_LINE,
    Act,
    Answer,
    Ask,
    Call,
    CancelTurn,
    Command,
    Complete,
    Cut,
    Decide,
    Detect,
    Devices,
    Embed,
    Embedded,
    Embedding,
    Explain,
    Follow,
    Forget,
    Look,
    Pending,
    Recall,
    Stop,
    Track,
    Unwatch,
    Vocabulary,
    Waiting,
    WatchFor,
    Watching,
    Where,
    decode_command,
    encode,
)
from sensebind.errors import BusError, InputError, MessageError, SenseBindError
from sensebind.tools.direct_calls import run_tool, schema_of
from sensebind.tools.risk import Risk, risk_of

if TYPE_CHECKING:
    from sensebind.agent.robot.agent import RobotAgent
    from sensebind.agent.robot.memory import Remembering

log = logging.getLogger(__name__)

MAX_CLIENTS = 16
"""Requests that are answered at the same time; a stop is always answered."""
MAX_CONNECTIONS = 4 * MAX_CLIENTS
_TICK = 0.2  # seconds between looks whether to end
_LAST_SECONDS = 1.0  # for the turns of all clients to end with the robot
_PATIENCE = 10.0  # seconds that a client may take to say what it wants, and to read an answer


class Busy(InputError):
    """So many clients are served already that this one has to come again."""


class ControlServer:
    """Serves a robot's agent on a Unix socket of mode 0600. A context manager."""

    def __init__(self, agent: RobotAgent, path: Path) -> None:
        """Prepare; entering listens.

        Args:
            agent: Whom clients talk with.
            path: Of the socket.
        """
        self._agent = agent
        self._path = path
        self._stop = threading.Event()
        self._places = threading.BoundedSemaphore(MAX_CLIENTS)
        self._doors = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._clients: set[threading.Thread] = set()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)

    def __enter__(self) -> Self:
        """Listen.

        Raises:
            BusError: The socket cannot be made.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.unlink(missing_ok=True)
            before = os.umask(0o177)  # 0600 from the start, and not a moment later
            try:
                self._listener.bind(str(self._path))
            finally:
                os.umask(before)
            self._listener.listen(MAX_CLIENTS)
        except OSError as error:
            self._listener.close()
            raise BusError(f"the socket {self._path} cannot be made: {error.strerror}") from error
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._listener.close()
        self._path.unlink(missing_ok=True)
        with self._lock:
            connections, clients = list(self._connections), list(self._clients)
        for one in connections:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        if clients:
            with contextlib.suppress(SenseBindError):  # their turns end, too
                self._agent.stop("the robot is ending")
        until = time.monotonic() + _LAST_SECONDS
        for one in clients:
            one.join(max(0.0, until - time.monotonic()))

    def _accept(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([self._listener], [], [], _TICK)
            if not ready:
                continue
            try:
                connection, _ = self._listener.accept()
            except OSError as error:  # no descriptors left, for a moment
                log.warning("a client was not let in: %s", error)
                self._stop.wait(_TICK)
                continue
            if not self._doors.acquire(blocking=False):
                with connection, contextlib.suppress(OSError):
                    text = f"there are {MAX_CONNECTIONS} connections already"
                    connection.sendall(_error(text, busy=True))
                continue
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self._clients.add(thread)
                self._connections.add(connection)
            try:
                thread.start()
            except RuntimeError as error:  # no threads left, for a moment
                log.warning("a client was not let in: %s", error)
                self._let_go(thread, connection)
                connection.close()

    def _let_go(self, thread: threading.Thread, connection: socket.socket) -> None:
        """Give a client's place at the door to the next one."""
        self._doors.release()
        with self._lock:
            self._clients.discard(thread)
            self._connections.discard(connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(_PATIENCE)
                with connection.makefile("rb") as lines:
                    line = lines.readline(MAX_LINE + 1)
                try:
                    if len(line) > MAX_LINE:
                        raise MessageError(f"a request of more than {MAX_LINE >> 20} MB")
                    command = decode_command(line)
                    with self._place(command):
                        self._answer(command, connection)
                except (BrokenPipeError, ConnectionError):
                    raise
                except SenseBindError as error:
                    connection.sendall(_error(str(error), busy=isinstance(error, Busy)))
                except Exception as error:  # a client must learn that its request came to nothing
                    log.exception("a client's request failed")
                    connection.sendall(_error(f"{type(error).__name__}: {error}"))
        except OSError:
            pass  # the client has gone
        finally:
            self._let_go(threading.current_thread(), connection)

    @contextlib.contextmanager
    def _place(self, command: Command) -> Iterator[None]:
        """Hold a client's place while it is answered; what stops a turn needs none.

        Raises:
            InputError: All are taken.
        """
        if isinstance(command, Stop | CancelTurn):
            yield
            return
        if not self._places.acquire(blocking=False):
            raise Busy(f"{MAX_CLIENTS} clients are talking already")
        try:
            yield
        finally:
            self._places.release()

    def _answer(self, command: Command, connection: socket.socket) -> None:
        agent = self._agent
        match command:
            case Stop():
                agent.stop(command.reason or "a client said stop")
                connection.sendall(_result("stopped"))
            case Ask():
                events = agent.turn(
                    command.text, command.media, thread=command.thread, history=command.history
                )
                self._stream(events, agent.assistant(command.thread), connection)
            case Act():
                events = agent.act(command.tool, command.arguments, thread=command.thread)
                self._stream(events, agent.assistant(command.thread), connection)
            case Decide():
                decisions = decisions_of(command.decisions)
                events = agent.decide(decisions, thread=command.thread)
                self._stream(events, agent.assistant(command.thread), connection)
            case CancelTurn():
                agent.assistant(command.thread).cancel_turn()
                connection.sendall(_result("cancelled"))
            case Cut():
                agent.assistant(command.thread).cut(command.turn, command.said)
                connection.sendall(_result("cut"))
            case Pending():
                waiting = agent.assistant(command.thread).pending()
                connection.sendall(_result([msgspec.to_builtins(one) for one in waiting]))
            case Waiting():
                connection.sendall(_result(msgspec.to_builtins(agent.waiting())))
            case Follow():
                self._follow(connection)
            case Embed():
                model, vectors = agent.embed(command.items)
                plain = [np.asarray(one, "<f4").tobytes() for one in vectors]
                connection.sendall(_result(Embedded(model, plain)))
            case Vocabulary():
                known = agent.looking.words
                pairs = zip(known.words, known.texts.astype("<f4"), strict=True)
                plain = [Embedding(word, text.tobytes()) for word, text in pairs]
                connection.sendall(_result(plain))
            case Detect():
                connection.sendall(_result(agent.looking.detections()))
            case Where():
                connection.sendall(_result(agent.looking.pose()))
            case Track():
                connection.sendall(_result(agent.poses(command.since)))
            case Devices():
                connection.sendall(_result(agent.looking.devices()))
            case Explain():
                connection.sendall(_result(agent.explain(command.reference)))
            case Recall() | Watching() | WatchFor() | Unwatch():
                connection.sendall(_result(_remembered(agent.remembering, command)))
            case Complete():
                self._complete(command, connection)
            case Look():
                connection.sendall(_result(_report(agent)))
            case Forget():
                connection.sendall(_result(agent.forget(command.spans, dry=command.dry)))
            case Call():
                connection.sendall(_result(self._call(command)))

    def _stream(self, events: Events, dialog: Assistant, connection: socket.socket) -> None:
        """Send the events of a turn; the turn ends with the client that asked for it.

        A client that goes when it was sent the last event ends nothing: the turn that runs then may
        be another's, such as one that carries out what was just approved.
        """
        over = threading.Event()

        def gone() -> None:
            if not over.is_set():
                dialog.cancel_turn()

        with _watched(connection, gone), contextlib.closing(events):
            for event in events:
                if isinstance(event, Finished):
                    over.set()
                connection.sendall(encode_event(event))

    def _follow(self, connection: socket.socket) -> None:
        """Send what happens in all turns; a client that does not read it is left behind."""
        with (
            self._agent.followers.follow() as following,
            _watched(connection, following.close),
        ):
            connection.sendall(encode({"event": "following", "value": None}))
            for event in following:
                connection.sendall(encode({"event": "followed", "value": event}))

    def _complete(self, command: Complete, connection: socket.socket) -> None:
        """Send an answer to a client that has tools of its own; it ends with the client."""
        cancelled = threading.Event()
        pieces = self._agent.complete(command.messages, command.tools, command.choice, cancelled)
        with _watched(connection, cancelled.set), contextlib.closing(pieces):
            for piece in pieces:
                kind = "text" if isinstance(piece, str) else "completed"
                connection.sendall(encode({"event": kind, "value": piece}))

    def _call(self, command: Call) -> Answer:
        """Run a tool that observes; what acts goes through a turn and its approval."""
        for tool in self._agent.observing:
            if tool.name == command.tool:
                return Answer(*run_tool(tool, command.arguments))
        raise InputError(f"no tool that observes is called {command.tool!r}")


@contextlib.contextmanager
def _watched(connection: socket.socket, gone: Callable[[], None]) -> Iterator[None]:
    """Inside, call something when the client goes, which says nothing more after its request."""
    wake, waking = socket.socketpair()

    def watch() -> None:
        while True:
            ready, _, _ = select.select([connection, wake], [], [])
            if wake in ready:
                return
            try:
                heard = connection.recv(4096)
            except OSError:
                heard = b""
            if not heard:
                gone()
                return

    with wake, waking:
        watching = threading.Thread(target=watch, name="control-client", daemon=True)
        watching.start()
        try:
            yield
        finally:
            waking.send(b".")
            watching.join()


def decisions_of(given: list[dict[str, Any]]) -> list[Decision]:
    """Return decisions from plain values.

    Raises:
        MessageError: They are malformed.
        InputError: One does not name its request: what was shown last may have been shown to
            another client.
    """
    try:
        decisions = msgspec.convert(given, list[Decision])
    except msgspec.ValidationError as error:
        raise MessageError(f"a decision that cannot be read: {error}") from error
    if not all(one.request for one in decisions):
        raise InputError("a decision does not name its request: give the id of one that is pending")
    return decisions


def _remembered(
    memory: Remembering, command: Recall | Watching | WatchFor | Unwatch
) -> list[dict[str, Any]] | dict[str, Any]:
    """Search a memory, or change its watches; returns what was found, or all watches."""
    match command:
        case Recall():
            return memory.find(
                command.text,
                command.example,
                sense=command.sense,
                since=command.since,
                until=command.until,
                limit=command.limit,
            )
        case WatchFor():
            memory.watch_for(command.what, command.sense)
        case Unwatch():
            memory.keeper.book.remove(command.name)
    return memory.watching()


def _report(agent: RobotAgent) -> dict[str, Any]:
    streams = {
        name: {
            "modality": one.modality,
            "rate": one.rate,
            "worker": one.worker,
            "detail": one.detail,
            "age_ms": one.age_ms,
            "encode_ms": one.encode_ms,
            "restarts": one.counts.restarts,
        }
        for name, one in agent.awareness.report().items()
    }
    return {"streams": streams, "tools": tools_of(agent)}


def tools_of(agent: RobotAgent) -> list[dict[str, Any]]:
    """Return name, description, risk class and schema of a robot's tools.

    Args:
        agent: Who calls them.
    """
    acting = [tool for tool in agent.tools if risk_of(tool) is not Risk.OBSERVE]
    return [
        {
            "name": tool.name,
            "description": tool.description,
            "risk": risk_of(tool).value,
            "schema": schema_of(tool),
        }
        for tool in [*agent.observing, *acting]
    ]


def _result(value: Any) -> bytes:
    return encode({"event": "result", "value": value})


def _error(text: str, *, busy: bool = False) -> bytes:
    return encode({"event": "error", "value": text, "busy": busy})
