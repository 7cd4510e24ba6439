"""Everyone who looks at a robot sees all of its turns, whoever asked for them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Self

QUEUE = 1024
"""Events that a follower may be behind; beyond that the oldest are dropped, and counted."""


class Following:
    """What one follower sees: an iterator that ends when it is closed. A context manager.

    Attributes:
        dropped: Events that were dropped as the follower was too slow.
    """

    def __init__(self, followers: Followers) -> None:
        """Wait for events from now on.

        Args:
            followers: Where they come from.
        """
        self._followers = followers
        self._events: deque[Mapping[str, Any]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.dropped = 0

    def put(self, event: Mapping[str, Any]) -> None:
        """Queue an event, in place of the oldest where there is no room."""
        with self._changed:
            if len(self._events) >= QUEUE:
                self._events.popleft()
                self.dropped += 1
            self._events.append(event)
            self._changed.notify()

    def close(self) -> None:
        """End the iteration, from any thread; may be called again."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._followers.leave(self)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._events or self._closed)
                if self._closed:
                    return
                event, dropped = self._events.popleft(), self.dropped
            yield {**event, "dropped": dropped}


class Followers:
    """Hands events of turns to all who follow. Methods are thread-safe, and never wait for one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[Following] = []

    def follow(self) -> Following:
        """Return what sees every event from now on."""
        following = Following(self)
        with self._lock:
            self._all.append(following)
        return following

    def leave(self, following: Following) -> None:
        """Forget a follower; one that has left already is not missed."""
        with self._lock:
            if following in self._all:
                self._all.remove(following)

    def publish(self, thread: str, kind: str, value: Any) -> None:
        """Hand an event on.

        Args:
            thread: Name of the dialog; "" for what is about the whole robot.
            kind: What happened.
            value: Plain values.
        """
        with self._lock:
            everyone = list(self._all)
        for one in everyone:
            one.put({"thread": thread, "kind": kind, "value": value})

    @property
    def any(self) -> bool:
        """Whether anybody follows."""
        return bool(self._all)
