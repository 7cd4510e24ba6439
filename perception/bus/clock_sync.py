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

_WINDOW = 30.0  # seconds over which the quickest message tells how two clocks are apart
_MAX_CLOCKS = 256


@cache
def host_clock() -> str:
    """Name the monotonic clock of this machine: it begins anew with every boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:64]
    except OSError:
        return f"boot-{psutil.boot_time():.0f}"


class CaptureGuard:
    """Repairs the capture times of one stream where they cannot be true, and counts that.

    A time in the future becomes now. A time that goes back or stands still, although the source
    calls the observation a new one, becomes now, too. The wall clock, which names frames, is kept
    from going back when it is set.
    """

    def __init__(self) -> None:
        self.clamped = 0
        self._monotonic = float("-inf")
        self._captured_at = 0

    def check(self, observation: Observation) -> Observation:
        """Return the observation with times that can be believed."""
        now = time.monotonic()
        monotonic, captured_at = observation.monotonic, observation.captured_at
        if not self._monotonic < monotonic <= now:
            captured_at = time.time_ns()
            monotonic = now
        if captured_at <= self._captured_at:
            captured_at = self._captured_at + 1
        self._monotonic, self._captured_at = monotonic, captured_at
        if (monotonic, captured_at) == (observation.monotonic, observation.captured_at):
            return observation
        self.clamped += 1
        return dataclasses.replace(observation, monotonic=monotonic, captured_at=captured_at)


class HostClocks:
    """Brings monotonic times of other machines to this one's clock.

    Every heartbeat tells its sender's time. The quickest of the last half minute is taken as having
    needed no time at all, so that an age is at most the quickest transit too small, and a message
    that waited in a slow network is known to be old.
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
