"""The percept bus: every worker publishes at its own endpoint, a subscriber connects to all.

On one machine there is no broker in between: it would be one more hop, and one more process whose
end silences all senses. Between machines stands a `Proxy`. Sockets are XPUB and SUB with small
queues; a slow subscriber loses messages instead of growing old ones, and every loss is counted by
sequence number. What can be reached from other machines needs keys.
"""

from __future__ import annotations

import logging
import math
import os
import re
import socket as sockets
import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import psutil
import zmq
from msgspec.structs import replace
from zmq.backend import Socket, zmq_poll

from sensebind.credentials import without_credentials
from sensebind.errors import BusError, MessageError
from sensebind.perception.bus.bound_socket import BoundSocket
from sensebind.perception.bus.clock_sync import HostClocks, host_clock
from sensebind.perception.bus.curve_keys import AllowedKeys, KeyRing
from sensebind.perception.bus.endpoints import (
    check_endpoint,
    connect_socket,
    open_context,
    open_socket,
)
from sensebind.perception.bus.heartbeat import BEAT, Heartbeat, decode_heartbeat, encode_heartbeat
from sensebind.perception.bus.stream_stats import StreamStats, Tally
from sensebind.perception.bus.watch_report import WATCH, WatchReport, decode_report
from sensebind.perception.percept import STREAM_NAME, Percept, decode_message, encode_message

__all__ = [
    "HEARTBEAT_SECONDS",
    "Heartbeat",
    "News",
    "Publisher",
    "Subscriber",
    "check_endpoint",
    "decode_heartbeat",
]

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 0.25
_BUSY_SECONDS = 0.1  # how often a publisher that is busy looks for subscriptions
# Those of zmq are enums, which cost more to combine than a message to send.
_NOW, _MORE = int(zmq.NOBLOCK), int(zmq.NOBLOCK | zmq.SNDMORE)
_POLLIN = int(zmq.POLLIN)
_send = Socket.send  # that of zmq.Socket looks for what is not used here, for longer than it sends
_DRAIN_LIMIT = 4096  # messages looked at before the newest are handed on, even under a flood
_MAX_STREAMS = 256
_OTHERS = ""  # where messages are counted whose stream cannot be known
_BEAT = BEAT.encode()
_WATCH = WATCH.encode()
_TOPIC = re.compile(f"(?:percept|beat)/({STREAM_NAME})/".encode())


class Publisher:
    """Publishes the percepts of one worker; a thread of its own sends its heartbeat.

    Late subscribers get the newest percept of each stream, within a heartbeat. All methods may be
    called from any thread; after `close` nothing is sent any more. The socket is used by several
    threads, each of which holds the lock: that is the full fence which ZeroMQ asks for, and it
    spares every percept the way through another thread. No call on the socket blocks.

    Attributes:
        stream: The stream that its heartbeats are of.
        epoch: Names this start of the publisher: 16 hexadecimal digits, in all of its messages.
        endpoint: Where it is bound, with the port that was taken for *.
    """

    def __init__(
        self,
        endpoint: str,
        stream: str,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        keys: KeyRing | None = None,
        restarts: int = 0,
    ) -> None:
        """Bind and start.

        Args:
            endpoint: ipc://PATH or tcp://127.0.0.1:PORT; port * takes a free one.
            stream: The stream that the heartbeats are of.
            heartbeat_seconds: Time between heartbeats.
            keys: Guard a TCP endpoint, which may then be open to other machines.
            restarts: How many times this worker was started again, for the heartbeat.

        Raises:
            BusError: The endpoint is refused, malformed, or in use.
        """
        self.stream = stream
        self.epoch = uuid.uuid4().hex[:16]
        self._interval = heartbeat_seconds
        self._restarts = restarts
        self._lock = threading.Lock()
        self._sequences: dict[str, int] = {}
        self._newest: dict[str, list[bytes]] = {}
        self._report: dict[str, Any] = {"state": "starting", "progress": time.monotonic()}
        self._closing = False
        self._published = -math.inf
        self._bound = BoundSocket(zmq.XPUB, endpoint, keys)
        self.endpoint = self._bound.endpoint
        self._socket = self._bound.socket
        self._look = [(self._socket, _POLLIN)]
        self._bell, self._ear = sockets.socketpair()  # ends the thread's wait when it is closed
        self._thread = threading.Thread(target=self._run, name=f"publish-{stream}", daemon=True)
        self._thread.start()

    @property
    def turned_away(self) -> int:
        """Connection attempts so far without a key that is allowed."""
        return self._bound.turned_away

    def publish(self, percept: Percept) -> Percept:
        """Number, stamp and send a percept; return it as it was sent.

        Raises:
            MessageError: The percept does not fit its own header, or the first of its stream would
                be refused by every subscriber.
            BusError: The publisher is closed.
        """
        with self._lock:
            if self._closing:
                raise BusError(f"the publisher of {self.stream!r} is closed")
            stream = percept.header.stream
            sequence = self._sequences.get(stream, 0) + 1
            header = replace(
                percept.header,
                sequence=sequence,
                epoch=self.epoch,
                published_at=time.time_ns(),
                clock=host_clock(),
            )
            sent = Percept(header, percept.embedding, percept.payload)
            frames = encode_message(sent)
            if sequence == 1:
                decode_message(frames)  # what nobody would accept is an error where it is made
            self._sequences[stream] = sequence
            self._newest[stream] = frames
            self._send(frames)
            self._read_subscriptions()  # takes in what subscribers have read, too
            self._published = time.monotonic()
        return sent

    def report(
        self,
        state: str,
        detail: str = "",
        dropped: int = 0,
        *,
        progress: float = 0.0,
        **counts: Any,
    ) -> None:
        """Report with the next heartbeats how the worker is; calling it is what "progress" means.

        Args:
            state: A word of `Heartbeat.state`.
            detail: What it waits for.
            dropped: Observations skipped so far.
            progress: `time.monotonic()` at the worker's last step; now by default.
            counts: Other fields of `Heartbeat`.
        """
        self._report = {
            **counts,
            "state": state[:32],
            "detail": without_credentials(detail)[:512],
            "dropped": dropped,
            "progress": progress or time.monotonic(),
        }

    def close(self, drain_seconds: float = 1.0) -> None:
        """Send what is waiting, stop the thread and free the endpoint; may be called again."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        self._bell.close()
        self._thread.join(drain_seconds)
        self._ear.close()
        self._bound.close(min(drain_seconds, 0.2))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        due = time.monotonic()
        process = psutil.Process()
        idle, busy = self._pollers()
        while True:
            now = time.monotonic()
            wait, poller = max(0.0, due - now), idle
            if now - self._published < _BUSY_SECONDS:
                # What is published would wake this thread again and again, to find nothing.
                wait, poller = min(wait, _BUSY_SECONDS), busy
            poller.poll(int(wait * 1000) + 1)
            if self._bound.serve() and self._cut():
                idle, busy = self._pollers()
            with self._lock:
                if self._closing:
                    return
                # Subscriptions are read even when nothing is published: an XPUB that is never read
                # keeps every short-lived subscriber in memory (libzmq 4189).
                self._read_subscriptions()
                if time.monotonic() >= due:
                    self._send(encode_heartbeat(self._beat(process)))
                    due = time.monotonic() + self._interval

    def _pollers(self) -> tuple[zmq.Poller, zmq.Poller]:
        """Return what wakes the thread while nothing is published, and while something is."""
        idle, busy = zmq.Poller(), zmq.Poller()
        idle.register(self._socket.getsockopt(zmq.FD), zmq.POLLIN)
        for poller in (idle, busy):
            poller.register(self._ear, zmq.POLLIN)
            for guard in self._bound.guards:
                poller.register(guard, zmq.POLLIN)
        return idle, busy

    def _cut(self) -> bool:
        """End all connections, as one of them is of a key that was removed.

        Returns:
            Whether there is another socket now.
        """
        with self._lock:
            if self._closing:
                return False
            log.warning("%s: a key was removed, all connections are made again", self.stream)
            self._bound.renew()
            self._socket = self._bound.socket
            self._look = [(self._socket, _POLLIN)]
        return True

    def _read_subscriptions(self) -> None:
        """Give new subscribers the newest percepts of what they subscribed to."""
        while zmq_poll(self._look, 0):
            message = self._socket.recv(_NOW)
            for frames in self._newest.values() if message[:1] == b"\x01" else ():
                if frames[0].startswith(message[1:]):
                    self._send(frames)

    def _send(self, frames: list[bytes]) -> None:
        # An XPUB always takes a message, and drops it at full queues.
        for frame in frames[:-1]:
            _send(self._socket, frame, _MORE)
        _send(self._socket, frames[-1], _NOW)

    def _beat(self, process: psutil.Process) -> Heartbeat:
        return Heartbeat(
            stream=self.stream,
            epoch=self.epoch,
            sequence=self._sequences.get(self.stream, 0),
            monotonic=time.monotonic(),
            clock=host_clock(),
            pid=os.getpid(),
            memory=process.memory_info().rss,
            restarts=self._restarts,
            turned_away=self.turned_away,
            **self._report,
        )


@dataclass(frozen=True, slots=True)
class News:
    """What one `Subscriber.receive` brought: per stream the newest only.

    Attributes:
        percepts: Percepts by stream.
        heartbeats: Heartbeats by stream.
        reports: What supervisors say of their workers, by the name of the supervisor.
    """

    percepts: dict[str, Percept]
    heartbeats: dict[str, Heartbeat]
    reports: dict[str, WatchReport] = field(default_factory=dict)


class Subscriber:
    """Receives the newest percept of every stream. To be used by one thread at a time.

    Capture times of other machines are brought to this machine's monotonic clock; a percept waits
    for the first heartbeat of its machine, as until then nobody knows how old it is.
    """

    def __init__(
        self,
        endpoints: Iterable[str],
        streams: Iterable[str] | None = None,
        percepts: bool = True,
        keys: KeyRing | None = None,
    ) -> None:
        """Connect; publishers may come later, go, and come back.

        Args:
            endpoints: Of the publishers.
            streams: Only these streams; None takes all.
            percepts: False listens to heartbeats only.
            keys: Needed for publishers on other machines, who must prove theirs, too.

        Raises:
            BusError: An endpoint is refused or malformed, or its key is not allowed.
        """
        self._tallies: dict[str, Tally] = {}
        self._shared: set[str] = set()  # streams of which it was logged that two publish them
        self._clocks = HostClocks()
        self._unplaced: dict[str, Percept] = {}  # of machines whose clock is not known yet
        self._context = open_context()
        self._socket = open_socket(self._context, zmq.SUB)
        self._allowed = AllowedKeys(keys) if keys is not None else None
        self._believed: dict[str, bytes] = {}  # keys of publishers by their address
        kinds = ["percept/", BEAT] if percepts else [BEAT]
        for kind in kinds:
            for stream in [""] if streams is None else [f"{stream}/" for stream in streams]:
                self._socket.setsockopt(zmq.SUBSCRIBE, f"{kind}{stream}".encode())
        if streams is None:
            self._socket.setsockopt(zmq.SUBSCRIBE, _WATCH)
        try:
            for endpoint in endpoints:
                plain, key = connect_socket(self._socket, endpoint, keys)
                if key:
                    self._believed[plain] = key
        except BusError:
            self._context.destroy(linger=0)
            raise

    def receive(self, timeout: float) -> News:
        """Wait for anything, then take everything that is there and keep the newest.

        Args:
            timeout: Longest wait in seconds; the result is empty when nothing came.
        """
        news = News({}, {})
        if self._believed:
            self._look_at_keys()
        self._socket.setsockopt(zmq.RCVTIMEO, max(0, int(timeout * 1000)))
        wait = 0  # for the first message; of those behind it what is there already
        try:
            for _ in range(_DRAIN_LIMIT):
                frame = self._socket.recv(wait, copy=False)
                frames = [frame.bytes]
                while frame.more:  # cheaper than `recv_multipart`, which asks the socket
                    frame = self._socket.recv(_NOW, copy=False)
                    frames.append(frame.bytes)
                self._take(frames, news)
                wait = _NOW
        except zmq.Again:
            pass  # that was all
        return news

    def stats(self) -> dict[str, StreamStats]:
        """Return the counts per stream; under "" what belongs to no known stream."""
        return {stream: tally.stats() for stream, tally in list(self._tallies.items())}

    def close(self) -> None:
        """Disconnect; may be called again."""
        self._context.destroy(linger=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look_at_keys(self) -> None:
        """Leave publishers whose keys have been removed here."""
        assert self._allowed is not None
        self._allowed.look_again()
        for plain, key in list(self._believed.items()):
            if key not in self._allowed.keys:
                log.warning("%s: its key was removed, it is listened to no more", plain)
                self._socket.disconnect(plain)
                del self._believed[plain]

    def _take(self, frames: list[bytes], news: News) -> None:
        """Count one message; whatever is in it, the subscriber lives on."""
        try:
            if frames[0].startswith(_BEAT):
                self._take_beat(decode_heartbeat(frames), news)
                return
            if frames[0].startswith(_WATCH):
                report = decode_report(frames)
                if len(news.reports) < _MAX_STREAMS or report.robot in news.reports:
                    news.reports[report.robot] = report
                return
            percept = decode_message(frames)
        except MessageError:
            match = _TOPIC.fullmatch(frames[0])
            self._tally(match[1].decode() if match else _OTHERS).counts.malformed += 1
            return
        header = percept.header
        tally = self._tally(header.stream)
        if tally.percept(header.epoch, header.sequence):
            seen = header.stream in news.percepts or header.stream in self._unplaced
            tally.counts.superseded += seen
            tally.counts.skipped = header.dropped
            self._place(percept, news)

    def _take_beat(self, beat: Heartbeat, news: News) -> None:
        if beat.clock not in ("", host_clock()):
            self._clocks.hear(beat.clock, beat.monotonic, time.monotonic())
        tally = self._tally(beat.stream)
        here = beat.clock in ("", host_clock())
        name = f"process {beat.pid}" if here else f"process {beat.pid} of machine {beat.clock[:8]}"
        if tally.beat(beat.epoch, beat.sequence, name):
            tally.counts.skipped = beat.dropped
            news.heartbeats[beat.stream] = beat
        elif beat.stream not in self._shared and (names := tally.stats().publishers):
            self._shared.add(beat.stream)
            log.warning(
                "stream %s has %d publishers, of which the first is listened to: %s; give each "
                "robot a name: or its streams other names",
                beat.stream,
                len(names),
                ", ".join(names),
            )
        if (waiting := self._unplaced.pop(beat.stream, None)) is not None:
            self._place(waiting, news)

    def _place(self, percept: Percept, news: News) -> None:
        """Hand a percept on with its capture time by our clock, or keep it until that is known."""
        header = percept.header
        captured = self._clocks.local(header.clock, header.monotonic)
        if captured is None:
            if header.stream in self._tallies:
                self._unplaced[header.stream] = percept
            return
        self._unplaced.pop(header.stream, None)
        if captured != header.monotonic:
            moved = replace(header, monotonic=captured)
            percept = Percept(moved, percept.embedding, percept.payload)
        news.percepts[header.stream] = percept

    def _tally(self, stream: str) -> Tally:
        """Return the counts of a stream; made-up names cannot fill the memory."""
        known = self._tallies.get(stream)
        if known is None:
            name = stream if len(self._tallies) < _MAX_STREAMS else _OTHERS
            known = self._tallies.setdefault(name, Tally())
        return known
