"""Clocks: capture times that sources cannot spoil, and ages across machines.

Ages are always differences of one machine's monotonic clock. What a percept of another machine says
is brought to ours first; the wall clock serves only to name moments.
"""

from __future__ import annotations

import dataclasses
import time
from functools import cache
from pathlib import Path

import psutil

from sensebind.perception.percept import Observation

_WINDOW = 30.0  # seconds over which the quickest message shows how far two clocks are apart
_MAX_CLOCKS = 256
_NAMES = 4096  # names of frames that are compared one by one
_APART = 1000  # nanoseconds between names of frames that seem to be captured at the same time


@cache
def host_clock() -> str:
    """Name the monotonic clock of this machine: it begins again with every boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:64]
    except OSError:
        return f"boot-{psutil.boot_time():.0f}"


class CaptureGuard:
    """Repairs the capture times of one stream where they cannot be true.

    A monotonic time in the future, or one that goes back or stands still although the source calls
    the observation a new one, becomes now. A wall-clock time in the future becomes the one that
    fits the age. Otherwise every observation carries its own time, whatever the one before it said:
    a wrong stamp, or a wall clock that is set, harms no other. As the wall-clock time names the
    frame, no name is given twice: one that may have been given before is moved on by microseconds.

    Attributes:
        clamped: Observations whose times could not be true.
    """

    def __init__(self) -> None:
        self.clamped = 0
        self._monotonic = float("-inf")
        self._names: dict[int, None] = {}  # the newest, in order
        self._forgotten = -1  # the latest of those that are not in it any more
        self._returns = 0  # how often the wall clock went back to before that
        self._before = -1

    def check(self, observation: Observation) -> Observation:
        """Return the observation with times that can be believed."""
        now, wall = time.monotonic(), time.time_ns()
        monotonic, captured_at = observation.monotonic, observation.captured_at
        if not self._monotonic < monotonic <= now:
            monotonic, captured_at = now, wall
        if captured_at > wall:
            captured_at = wall - round((now - monotonic) * 1e9)
        self._monotonic = monotonic
        name = self._name(captured_at)
        times = (observation.monotonic, observation.captured_at)
        if (monotonic, captured_at) != times or name in self._names:
            self.clamped += 1
        while name in self._names:
            name += 1
        self._remember(name)
        if (monotonic, name) == times:
            return observation
        return dataclasses.replace(observation, monotonic=monotonic, captured_at=name)

    def _name(self, captured_at: int) -> int:
        """The capture time, moved on by a microsecond for each time that the clock went back."""
        known = captured_at > self._forgotten  # all names that it could repeat are remembered
        self._returns += not known and captured_at < self._before
        self._before = captured_at
        return captured_at if known else captured_at + _APART * self._returns

    def _remember(self, name: int) -> None:
        self._names[name] = None
        if len(self._names) > _NAMES:
            oldest = next(iter(self._names))
            del self._names[oldest]
            self._forgotten = max(self._forgotten, oldest)


class HostClocks:
    """Brings monotonic times of other machines to this one's clock.

    Every heartbeat carries its sender's time. The quickest of the last half minute is taken as
    having needed no time at all, so that an age is at most the quickest transit too small, and a
    message that waited in a slow network is known to be old.
    """

    def __init__(self) -> None:
        self._offsets: dict[str, tuple[float, float, float]] = {}  # began, smallest, the last one

    def hear(self, clock: str, sent: float, received: float) -> None:
        """Note that a message sent at `sent` by `clock` came at `received` by ours, seconds."""
        if clock not in self._offsets and len(self._offsets) >= _MAX_CLOCKS:
            return  # made-up names cannot fill the memory; their percepts stay unplaced
        offset = received - sent
        began, smallest, before = self._offsets.get(clock, (received, offset, offset))
        if received - began > _WINDOW:  # clocks drift: what is long ago does not count for ever
            began, before, smallest = received, smallest, offset
        self._offsets[clock] = (began, min(smallest, offset), before)

    def local(self, clock: str, monotonic: float) -> float | None:
        """Return a time of another machine by our monotonic clock, or None before it is known."""
        if clock in ("", host_clock()):
            return monotonic
        if (known := self._offsets.get(clock)) is None:
            return None
        return monotonic + min(known[1:])
