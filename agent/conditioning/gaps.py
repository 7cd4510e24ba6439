"""Notices when a stream fell silent and came back, so that a gap is reported and not overlooked."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sensebind.perception.percept import Percept

SILENCE = 3.0  # seconds between captures that count as a gap; shorter ones show in the ages


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time that a stream did not cover.

    Attributes:
        stream: Its name.
        seconds: From the last capture before it to the first after it.
        restarted: Whether another process has taken over since.
    """

    stream: str
    seconds: float
    restarted: bool

    def __str__(self) -> str:
        why = "its worker was started again" if self.restarted else "the same worker went on"
        return f"{self.stream}: nothing perceived for {self.seconds:.1f} s ({why})"


class GapWatch:
    """A listener for `Awareness` that remembers gaps until somebody asks. Thread-safe."""

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._last: dict[str, tuple[str, float]] = {}  # stream -> epoch, capture time
        self._gaps: list[Gap] = []
        self._lock = threading.Lock()

    def __call__(self, percept: Percept) -> None:
        """Takes note of a percept."""
        header = percept.header
        with self._lock:
            epoch, captured = self._last.get(header.stream, (header.epoch, header.monotonic))
            self._last[header.stream] = (header.epoch, header.monotonic)
            seconds = header.monotonic - captured
            restarted = epoch != header.epoch
            if restarted or seconds > SILENCE:
                self._gaps.append(Gap(header.stream, max(seconds, 0.0), restarted))
                del self._gaps[: -self._limit]

    def take(self) -> list[Gap]:
        """Returns the gaps since the last call."""
        with self._lock:
            gaps, self._gaps = self._gaps, []
        return gaps
