"""The time by which kept things grow old: it goes on by itself, and no stamp moves it."""

from __future__ import annotations

import time
from collections.abc import Callable

CONFIRMED = 3600.0
"""Seconds that a wall clock must run without a step before what it says of the past is believed."""
_STEP = 5.0  # seconds; a clock that is slewed moves less between two looks


class ArrivalClock:
    """Nanoseconds since 1970, never backwards, and not ahead because a clock was set wrong.

    What is kept gets the time of its arrival by this clock. Within a run of the program the time
    goes on with the monotonic clock, so that neither a step of the wall clock nor the stamp of an
    observation can make everything else look old. How long the program did not run, only the wall
    clock knows: that is added after an hour in which it made no step, once. A robot that starts
    with a wrong time has it set within minutes.
    """

    def __init__(
        self,
        newest: int = 0,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begins where the last run ended.

        Args:
            newest: Time of the last arrival, ns; 0 where nothing is kept yet, whose age would
                matter: then the wall clock is taken at its word.
            wall_ns: The wall clock.
            clock: The monotonic clock, seconds.
        """
        self._wall_ns, self._clock = wall_ns, clock
        self._start = clock()
        self._base = newest + 1 if newest else wall_ns()
        self._offset = self._wall_offset()
        self._steady_since = self._start
        self._confirmed = not newest
        self._correction: tuple[int, int] | None = None

    def now(self) -> int:
        """The time, ns."""
        at = self._clock()
        if not self._confirmed:
            offset = self._wall_offset()
            if abs(offset - self._offset) > _STEP * 1e9:
                self._steady_since = at
            self._offset = offset
            if at - self._steady_since >= CONFIRMED:
                self._confirmed = True
                started = int(self._start * 1e9) + offset  # when that was, by the wall clock
                if started > self._base:
                    self._correction = (self._base - 1, started - self._base)
                    self._base = started
        return self._base + int((at - self._start) * 1e9)

    def correction(self) -> tuple[int, int] | None:
        """Returns what the times that were given in this run lack, once, or None.

        Returns:
            A time and a span, ns: to all times of arrival after that time, the span is to be added.
        """
        found, self._correction = self._correction, None
        return found

    def _wall_offset(self) -> int:
        return self._wall_ns() - int(self._clock() * 1e9)
