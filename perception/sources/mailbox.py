"""A bounded hand-over from the thread that receives observations to the one that reads them."""

from __future__ import annotations

import threading
import time
from collections import deque

from sensebind.errors import SourceError, StaleError
from sensebind.perception.observation import Observation


class Mailbox:
    """Keeps the newest observations; what falls out unread is counted, never silently lost.

    Args:
        name: What the observations are of, for error messages.
        capacity: How many unread observations are kept.
    """

    def __init__(self, name: str, capacity: int) -> None:
        self._name = name
        self._unread: deque[Observation] = deque(maxlen=capacity)
        self._changed = threading.Condition()
        self._failure: Exception | None = None
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many observations were put in and never taken out."""
        return self._dropped

    def put(self, observation: Observation) -> None:
        """Adds the newest observation; the oldest unread one is dropped when the box is full.

        A failure is over when something comes again.
        """
        with self._changed:
            self._failure = None
            self._dropped += len(self._unread) == self._unread.maxlen
            self._unread.append(observation)
            self._changed.notify_all()

    def clear(self) -> None:
        """Drops what is unread and counts it; forgets a failure."""
        with self._changed:
            self._dropped += len(self._unread)
            self._unread.clear()
            self._failure = None

    def fail(self, error: Exception) -> None:
        """Lets the reader know that nothing comes any more, and why."""
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    def take(self, timeout: float) -> Observation:
        """The oldest unread observation.

        Raises:
            SourceError: None came within `timeout` seconds, or none will come any more.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._unread or self._failure, timeout)
            if self._unread:
                return self._unread.popleft()
            raise self._nothing(f"no observation of {self._name} within {timeout:g} s")

    def take_latest(self, max_age: float, timeout: float) -> Observation:
        """The newest unread observation; older unread ones are skipped and counted.

        Raises:
            StaleError: It is older than `max_age` seconds and no fresher one came in time.
            SourceError: There is nothing unread and nothing came in time.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._failure or self._age() <= max_age, timeout)
            if not self._unread:
                raise self._nothing(f"nothing new of {self._name}")
            if (age := self._age()) > max_age:
                raise StaleError(
                    f"the newest observation of {self._name} is {age:.2f} s old, "
                    f"{max_age:g} s are allowed"
                )
            newest = self._unread.pop()
            self._dropped += len(self._unread)
            self._unread.clear()
            return newest

    def _age(self) -> float:
        if not self._unread:
            return float("inf")
        return time.monotonic() - self._unread[-1].monotonic

    def _nothing(self, message: str) -> SourceError:
        if self._failure is None:
            return SourceError(message)
        error = SourceError(f"{message}: {self._failure}")
        error.__cause__ = self._failure
        return error
