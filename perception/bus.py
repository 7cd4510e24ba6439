"""The percept bus: every worker publishes at its own endpoint, a subscriber connects to all.

There is no broker in between: it would be one more hop, and one more process whose end silences
all senses. Sockets are XPUB and SUB with small queues; a slow subscriber loses messages instead of
growing old ones, and every loss is counted by sequence number. Only endpoints of this machine are
accepted.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import queue
import re
import socket as sockets
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Literal, Self

import msgpack
import zmq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sensebind.errors import BusError, MessageError
from sensebind.perception.percept import (
    STREAM_PATTERN,
    Percept,
    decode_message,
    encode_message,
    unpack_header,
)
from sensebind.perception.tally import StreamStats, Tally

HEARTBEAT_SECONDS = 0.25
_BEAT = "beat/"
_QUEUE = 8  # messages per pipe: a sense at 10 Hz is never more than a second behind
_DRAIN_LIMIT = 4096  # messages looked at before the newest are handed on, even under a flood
_MAX_STREAMS = 256
_OTHERS = ""  # where messages are counted that belong to no stream that can be told
_MAX_FRAME = 64 * 1024 * 1024
_TOPIC = re.compile(rb"(?:percept|beat)/([A-Za-z0-9][A-Za-z0-9_.-]{0,63})/")


class Heartbeat(BaseModel):
    """What a publisher says of itself several times a second, percepts or not.

    Attributes:
        sequence: Last number that was published. `epoch`: names the start of the publisher.
        state: "starting", "running", or "waiting" for its source.
        detail: What it waits for or what went wrong last, in words.
        progress: `time.monotonic()` at the last step of the worker's loop.
        pid: Process id of the worker.
        dropped: Observations that the worker skipped so far.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal[1] = 1
    stream: Annotated[str, Field(pattern=STREAM_PATTERN)]
    epoch: Annotated[str, Field(max_length=256)]
    sequence: Annotated[int, Field(ge=0, lt=2**63)]
    monotonic: Annotated[float, Field(allow_inf_nan=False)]
    state: Annotated[str, Field(max_length=32)] = "running"
    detail: Annotated[str, Field(max_length=512)] = ""
    progress: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    pid: Annotated[int, Field(ge=0, lt=2**31)] = 0
    dropped: Annotated[int, Field(ge=0, lt=2**63)] = 0


def check_endpoint(endpoint: str) -> str:
    """Return the endpoint if it stays on this machine.

    Raises:
        BusError: It is not ipc, inproc or tcp, is malformed, or could be reached from elsewhere.
    """
    scheme, separator, rest = endpoint.partition("://")
    if not separator or scheme not in ("ipc", "inproc", "tcp") or not rest:
        raise BusError(f"{endpoint!r} is no bus endpoint: use ipc://PATH or tcp://127.0.0.1:PORT")
    if scheme == "ipc" and len(rest.encode()) > 100:
        raise BusError(f"{endpoint!r} is too long for a socket: use a shorter directory")
    if scheme != "tcp":
        return endpoint
    host, _, port = rest.rpartition(":")
    if port != "*" and not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise BusError(f"{endpoint!r} needs a port from 1 to 65535, or *")
    if host == "localhost":
        return f"tcp://127.0.0.1:{port}"
    try:
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise BusError(
            f"{endpoint!r} can be reached from other machines, and the bus has no keys yet: "
            "use tcp://127.0.0.1:PORT or ipc://PATH"
        )
    return endpoint


class Publisher:
    """Publishes the percepts of one worker, and its heartbeat, from a thread of its own.

    Late subscribers get the newest percept of each stream at once. All methods may be called from
    any thread; after `close` nothing is sent any more.
    """

    def __init__(
        self, endpoint: str, stream: str, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> None:
        """Bind and start.

        Args:
            endpoint: ipc://PATH or tcp://127.0.0.1:PORT; port * takes a free one.
            stream: The stream whose life the heartbeat tells of.
            heartbeat_seconds: Time between heartbeats.

        Raises:
            BusError: The endpoint is refused, malformed, or in use.
        """
        self.stream = stream
        self.epoch = uuid.uuid4().hex[:16]
        self.rejected = 0
        self._interval = heartbeat_seconds
        self._lock = threading.Lock()
        self._sequences: dict[str, int] = {}
        self._state = ("starting", "", time.monotonic(), 0)
        self._outbox: queue.SimpleQueue[tuple[str, list[bytes]] | None] = queue.SimpleQueue()
        self._context = zmq.Context(io_threads=1)
        try:
            self._socket, self.endpoint = _bind(self._context, endpoint)
        except BusError:
            self._context.destroy(linger=0)
            raise
        # A socket pair wakes the thread out of its poll: the queue itself cannot be polled.
        self._bell, self._ear = sockets.socketpair()
        self._bell.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=f"publish-{stream}", daemon=True)
        self._thread.start()

    def publish(self, percept: Percept) -> Percept:
        """Number, stamp and send a percept; return it as it was sent.

        Raises:
            MessageError: The percept does not fit its own header.
            BusError: The publisher is closed.
        """
        with self._lock:
            if self._context.closed:
                raise BusError(f"the publisher of {self.stream!r} is closed")
            stream = percept.header.stream
            sequence = self._sequences.get(stream, 0) + 1
            stamp = {
                "sequence": sequence, "epoch": self.epoch, "published_at": time.time_ns(),
            }  # fmt: skip
            sent = Percept(
                percept.header.model_copy(update=stamp), percept.embedding, percept.payload
            )
            frames = encode_message(sent)
            self._sequences[stream] = sequence
            self._outbox.put((stream, frames))
            self._ring()
        return sent

    def report(self, state: str, detail: str = "", dropped: int = 0) -> None:
        """Tell with the next heartbeats how the worker is; calling it is what "progress" means."""
        self._state = (state[:32], detail[:512], time.monotonic(), dropped)

    def close(self, drain_seconds: float = 1.0) -> None:
        """Send what is waiting, stop the thread and free the endpoint; may be called again."""
        with self._lock:
            if self._context.closed:
                return
            self._outbox.put(None)
            self._ring()
        self._thread.join(drain_seconds)
        with self._lock:
            if not self._thread.is_alive():
                self._socket.close(linger=int(1000 * min(drain_seconds, 0.2)))
            self._context.destroy(linger=0)
        self._bell.close()
        self._ear.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # it is ringing already
            self._bell.send(b"!")

    def _run(self) -> None:
        newest: dict[str, list[bytes]] = {}
        sent = 0
        due = time.monotonic()
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._ear, zmq.POLLIN)
        while True:
            wait = max(0.0, due - time.monotonic())
            ready = dict(poller.poll(int(wait * 1000) + 1))
            if self._ear.fileno() in ready:
                self._ear.recv(4096)
            # Subscriptions are read even when nothing is published: an XPUB that is never read
            # keeps every short-lived subscriber in memory (libzmq 4189).
            while self._socket in ready and self._socket.poll(0):
                self._welcome(self._socket.recv(), newest)
            while not self._outbox.empty():
                item = self._outbox.get()
                if item is None:
                    return
                stream, frames = item
                newest[stream] = frames
                self._send(frames)
                sent += stream == self.stream
            if time.monotonic() >= due:
                self._send(self._beat(sent))
                due = time.monotonic() + self._interval

    def _welcome(self, message: bytes, newest: dict[str, list[bytes]]) -> None:
        """Give a new subscriber the newest percepts of what it subscribed to."""
        if message[:1] != b"\x01":
            return
        for frames in newest.values():
            if frames[0].startswith(message[1:]):
                self._send(frames)

    def _send(self, frames: list[bytes]) -> None:
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            self.rejected += 1

    def _beat(self, sequence: int) -> list[bytes]:
        state, detail, progress, dropped = self._state
        beat = Heartbeat(
            stream=self.stream,
            epoch=self.epoch,
            sequence=sequence,
            monotonic=time.monotonic(),
            state=state,
            detail=detail,
            progress=progress,
            pid=os.getpid(),
            dropped=dropped,
        )
        packed = msgpack.packb(beat.model_dump(mode="json"), use_bin_type=True)
        return [f"{_BEAT}{self.stream}/".encode(), bytes(packed or b"")]


@dataclass(frozen=True, slots=True)
class News:
    """What one `Subscriber.receive` brought: per stream the newest only.

    Attributes:
        percepts: Percepts by stream. `heartbeats`: heartbeats by stream.
    """

    percepts: dict[str, Percept]
    heartbeats: dict[str, Heartbeat]


class Subscriber:
    """Receives the newest percept of every stream. To be used by one thread at a time."""

    def __init__(
        self,
        endpoints: Iterable[str],
        streams: Iterable[str] | None = None,
        percepts: bool = True,
    ) -> None:
        """Connect; publishers may come later, go, and come back.

        Args:
            endpoints: Of the publishers.
            streams: Only these streams; None takes all.
            percepts: False listens to heartbeats only.

        Raises:
            BusError: An endpoint is refused or malformed.
        """
        checked = [check_endpoint(endpoint) for endpoint in endpoints]
        self._tallies: dict[str, Tally] = {}
        self._context = zmq.Context(io_threads=1)
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, _QUEUE)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, _MAX_FRAME)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 20)  # a killed worker is back soon
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        kinds = ["percept/", _BEAT] if percepts else [_BEAT]
        for kind in kinds:
            for stream in [""] if streams is None else [f"{stream}/" for stream in streams]:
                self._socket.setsockopt(zmq.SUBSCRIBE, f"{kind}{stream}".encode())
        try:
            for endpoint in checked:
                self._socket.setsockopt(zmq.IPV6, int("[" in endpoint))
                self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise BusError(f"cannot connect to the bus at {endpoint!r}: {error}") from error

    def receive(self, timeout: float) -> News:
        """Wait for anything, then take everything that is there and keep the newest.

        Args:
            timeout: Longest wait in seconds; the result is empty when nothing came.
        """
        percepts: dict[str, Percept] = {}
        beats: dict[str, Heartbeat] = {}
        if self._socket.poll(max(0, int(timeout * 1000))):
            for _ in range(_DRAIN_LIMIT):
                try:
                    frames = self._socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self._take(frames, percepts, beats)
        return News(percepts, beats)

    def stats(self) -> dict[str, StreamStats]:
        """Return the counts per stream; under "" what could not be told to belong to any."""
        return {stream: tally.stats() for stream, tally in list(self._tallies.items())}

    def close(self) -> None:
        """Disconnect; may be called again."""
        self._context.destroy(linger=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _take(
        self, frames: list[bytes], percepts: dict[str, Percept], beats: dict[str, Heartbeat]
    ) -> None:
        """Count one message; whatever is in it, the subscriber lives on."""
        try:
            if frames[0].startswith(_BEAT.encode()):
                beat = decode_heartbeat(frames)
                tally = self._tally(beat.stream)
                if tally.beat(beat.epoch, beat.sequence):
                    tally.skipped = beat.dropped
                    beats[beat.stream] = beat
                return
            percept = decode_message(frames)
        except MessageError:
            match = _TOPIC.fullmatch(frames[0])
            self._tally(match[1].decode() if match else _OTHERS).malformed += 1
            return
        header = percept.header
        tally = self._tally(header.stream)
        if tally.percept(header.epoch, header.sequence):
            tally.superseded += header.stream in percepts
            tally.skipped = header.dropped
            percepts[header.stream] = percept

    def _tally(self, stream: str) -> Tally:
        """Return the counts of a stream; made-up names cannot fill the memory."""
        if stream not in self._tallies and len(self._tallies) >= _MAX_STREAMS:
            stream = _OTHERS
        return self._tallies.setdefault(stream, Tally())


def decode_heartbeat(frames: list[bytes]) -> Heartbeat:
    """Turn bus frames `[topic, header]` into a heartbeat.

    Raises:
        MessageError: Anything at all is wrong with the message.
    """
    if len(frames) != 2:
        raise MessageError(f"a heartbeat has 2 frames, not {len(frames)}")
    try:
        beat = Heartbeat.model_validate(unpack_header(frames[1]))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MessageError(f"heartbeat field {where}: {first['msg']}") from error
    if frames[0] != f"{_BEAT}{beat.stream}/".encode():
        raise MessageError(f"topic {frames[0][:80]!r} does not belong to {beat.stream!r}")
    return beat


def _bind(context: zmq.Context, endpoint: str) -> tuple[zmq.Socket, str]:
    """Return a bound XPUB and the endpoint it really has."""
    endpoint = check_endpoint(endpoint)
    if endpoint.startswith("ipc://"):
        _refuse_taken_path(endpoint.removeprefix("ipc://"))
    socket = context.socket(zmq.XPUB)
    socket.setsockopt(zmq.SNDHWM, _QUEUE)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.XPUB_VERBOSE, 1)  # every subscription is seen, also a repeated one
    socket.setsockopt(zmq.IPV6, int("[" in endpoint))  # else 127.0.0.1 would be shown as IPv6
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        hint = "choose another port, or * for a free one"
        if endpoint.startswith("ipc://"):
            hint = "the directory must exist and be writable"
        raise BusError(f"cannot publish at {endpoint}: {error}; {hint}") from error
    actual = socket.getsockopt_string(zmq.LAST_ENDPOINT)
    return socket, actual.rstrip("\0")


def _refuse_taken_path(path: str) -> None:
    """ZeroMQ would silently take a socket file over from a publisher that is alive.

    Raises:
        BusError: Somebody listens there.
    """
    if path.startswith("@") or not Path(path).is_socket():
        return
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:
            return  # left behind by a process that is gone
    raise BusError(f"ipc://{path} is in use by another publisher: choose another path")
