"""Listening to a bus in a thread: what awareness, monitor and recordings have in common."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Self

from sensebind.errors import BusError
from sensebind.perception.bus.curve_keys import KeyRing
from sensebind.perception.bus.pubsub import News, Subscriber
from sensebind.perception.bus.stream_stats import StreamStats
from sensebind.perception.percept import Percept

log = logging.getLogger(__name__)

_TICK = 0.1  # seconds between looks at whether it is to stop


class Listener:
    """Receives from publishers in a thread of its own and hands on what came. A context manager.

    Attributes:
        changed: Guards whatever `take` writes; notified after it, and when listening has failed.
        failure: What ended the thread; None while all is well.
    """

    def __init__(
        self,
        name: str,
        endpoints: Iterable[str],
        take: Callable[[News, float], None],
        listeners: Sequence[Callable[[Percept], None]] = (),
        *,
        streams: Iterable[str] | None = None,
        keys: KeyRing | None = None,
    ) -> None:
        """Prepare; `start` connects.

        Args:
            name: Of the thread, and of this in messages.
            endpoints: Of publishers or proxies.
            take: Called again and again with what came, which may be nothing, and the monotonic
                time; it holds `changed` and must not wait.
            listeners: Called with every percept after that, holding nothing; one that fails loses
                this percept, and nothing else is harmed.
            streams: Only these; None takes all.
            keys: For endpoints on other machines.
        """
        self._name = name
        self._endpoints = list(dict.fromkeys(endpoints))  # a proxy has several streams
        self._take = take
        self._listeners = tuple(listeners)
        self._streams = None if streams is None else list(streams)
        self._keys = keys
        self.changed = threading.Condition()
        self.failure: Exception | None = None
        self._stop = threading.Event()
        self._subscriber: Subscriber | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Connect and listen.

        Raises:
            BusError: An endpoint is refused or malformed, or its key is not allowed.
        """
        subscriber = Subscriber(self._endpoints, streams=self._streams, keys=self._keys)
        self._subscriber = subscriber
        self._thread = threading.Thread(
            target=self._run, args=(subscriber,), name=self._name, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Disconnect and join the thread; may be called again."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._subscriber is not None:
            self._subscriber.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        """To be called before what `take` wrote is believed.

        Raises:
            BusError: Listening has failed.
        """
        if self.failure is not None:
            raise BusError(f"{self._name} has failed: {self.failure}") from self.failure

    def stats(self) -> dict[str, StreamStats]:
        """Return the counts per stream, as `Subscriber.stats`; empty before the start."""
        return self._subscriber.stats() if self._subscriber is not None else {}

    def _run(self, subscriber: Subscriber) -> None:
        try:
            while not self._stop.is_set():
                news = subscriber.receive(_TICK)
                with self.changed:
                    self._take(news, time.monotonic())
                    self.changed.notify_all()
                for percept in news.percepts.values():
                    self._tell(percept)
        except Exception as error:  # whatever it is, who asks next must learn of it
            log.exception("%s failed", self._name)
            with self.changed:
                self.failure = error
                self.changed.notify_all()

    def _tell(self, percept: Percept) -> None:
        for listener in self._listeners:
            try:
                listener(percept)
            except Exception:  # somebody else's code: whatever it raises must not end the listening
                log.exception("a listener failed on a percept of %s", percept.header.stream)
