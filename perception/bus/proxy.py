"""Joins many publishers behind one address: a robot's senses for the network, a fleet for an agent.

A proxy hands messages on as they are, without trust in what is in them. It holds the newest percept
of each stream for late joiners, and its queues are as small as everybody's: what a slow subscriber
loses, it knows by the sequence numbers.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import zmq

from sensebind.errors import BusError, one_line
from sensebind.perception.bus.bound_socket import BoundSocket
from sensebind.perception.bus.curve_keys import KeyRing
from sensebind.perception.bus.endpoints import connect_socket, open_context, open_socket

log = logging.getLogger(__name__)

_TICK_MS = 200
_BATCH = 256  # messages handed on before subscriptions are looked at again
_MAX_TOPICS = 1024
_MAX_FRAMES = 4
_TOPIC = re.compile(rb"(percept|beat|watch)/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}/")


@dataclass(frozen=True, slots=True)
class ProxyCounts:
    """What a proxy did so far.

    Attributes:
        forwarded: Messages that were handed on.
        refused: Messages that are not of the bus, or of one topic too many; they were dropped.
        turned_away: Connection attempts without a key that is allowed.
        topics: Topics that were seen, two for each stream and one for each robot.
    """

    forwarded: int
    refused: int
    turned_away: int
    topics: int


class Proxy:
    """Subscribes to all of several publishers and publishes it at one endpoint.

    A context manager; it runs in a thread of its own.
    """

    def __init__(
        self, upstreams: Sequence[str], endpoint: str, keys: KeyRing | None = None
    ) -> None:
        """Bind and connect; nothing is handed on before `start`.

        Args:
            upstreams: Endpoints of publishers or of other proxies.
            endpoint: Where to publish, such as tcp://0.0.0.0:7000.
            keys: Guard the endpoint, and prove ourselves to publishers on other machines.

        Raises:
            BusError: An endpoint is refused, malformed or in use, or no publisher is given.
        """
        if not upstreams:
            raise BusError("a proxy needs at least one publisher to connect to")
        self._forwarded = self._refused = 0
        self._newest: dict[bytes, list[bytes]] = {}
        self._topics: set[bytes] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._context = open_context()
        try:
            self._source = open_socket(self._context, zmq.SUB)
            for kind in (b"percept/", b"beat/", b"watch/"):
                self._source.setsockopt(zmq.SUBSCRIBE, kind)
            for upstream in upstreams:
                connect_socket(self._source, upstream, keys)
            self._sink = BoundSocket(zmq.XPUB, endpoint, keys)
        except BusError:
            self._context.destroy(linger=0)
            raise

    @property
    def endpoint(self) -> str:
        """Where it publishes, with the port that was taken for *."""
        return self._sink.endpoint

    @property
    def counts(self) -> ProxyCounts:
        """What was done so far."""
        return ProxyCounts(
            self._forwarded, self._refused, self._sink.turned_away, len(self._topics)
        )

    def start(self) -> None:
        """Begin to hand messages on."""
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop and free the endpoint; may be called again."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._sink.close()
        self._context.destroy(linger=0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def check(self) -> None:
        """To be called now and then by whoever would notice it in no other way.

        Raises:
            BusError: Nothing is handed on any more.
        """
        if self._failure is not None:
            raise BusError(f"the proxy at {self.endpoint} has failed: {one_line(self._failure)}")

    def _run(self) -> None:
        try:
            self._hand_on()
        except Exception as error:
            self._failure = error
            raise  # what ends the thread of a server ends the process of the network

    def _hand_on(self) -> None:
        poller = self._sink.poller(self._source)
        while not self._stop.is_set():
            ready = dict(poller.poll(_TICK_MS))
            if self._sink.serve():
                log.warning("a key was removed, all connections are made again")
                self._sink.renew()
                poller = self._sink.poller(self._source)
                continue
            sink = self._sink.socket
            while sink in ready and sink.poll(0):
                self._welcome(sink.recv())
            for _ in range(_BATCH if self._source in ready else 0):
                try:
                    self._forward(self._source.recv_multipart(zmq.NOBLOCK))
                except zmq.Again:
                    break

    def _forward(self, frames: list[bytes]) -> None:
        topic = frames[0]
        match = _TOPIC.fullmatch(topic)
        known = topic in self._topics or len(self._topics) < _MAX_TOPICS
        if match is None or not known or len(frames) > _MAX_FRAMES:
            self._refused += 1
            return
        self._topics.add(topic)
        if match[1] == b"percept":  # an old heartbeat would carry a wrong time
            self._newest[topic] = frames
        self._sink.socket.send_multipart(frames)  # an XPUB never blocks: it drops at full queues
        self._forwarded += 1

    def _welcome(self, message: bytes) -> None:
        if message[:1] == b"\x01":
            for topic, frames in self._newest.items():
                if topic.startswith(message[1:]):
                    self._sink.socket.send_multipart(frames)
