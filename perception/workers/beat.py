"""When the reader of a stream asks its source: at most so often, and soon after a capture."""

from __future__ import annotations

_STEADY = 1 / 8
"""Share of an interval within which lags count as the same; other rates than ours vary by more."""
_SHORT = 1 / 100
"""Share of an interval that a sample may always lie."""
_BEFORE, _AFTER = 1 / 8, 1 / 200
"""Share of an interval by which the reader asks before the sample is there and waits for it; or
after it, where the sensor has other samples in between, which would be taken for it."""
_RUN, _LONGEST_RUN = 8, 512
"""Equal lags in a row after which the beat moves; more where it moved in vain."""


class Beat:
    """Keeps the time of a reader, and moves it to where the source has its samples.

    The beat is a metronome's, so that sensors of any rate are thinned to ours. By chance, or after
    a time in which the machine was busy, it may stand just before the captures of a sensor of the
    same rate: each sample then lies for most of an interval before it is read, for as long as both
    run. Where samples have lain equally long a few times, the beat moves by that, once.

    Args:
        now: The monotonic time, seconds; the source is asked at once.
        interval: Seconds from one sample to the next; may be changed meanwhile.

    Attributes:
        interval: See above.
        due: Monotonic time at which the source is asked next.
    """

    def __init__(self, now: float, interval: float) -> None:
        self.interval = interval
        self.due = now
        self._freshest = float("inf")  # age of the youngest sample so far: how long it is underway
        self._least = self._most = 0.0  # lags of the run
        self._count = 0
        self._skipped = False  # whether samples were left out in the run
        self._run = _RUN
        self._moved = 0.0  # by how much, just now

    def heard(self, now: float, age: float, skipped: bool) -> None:
        """Note a sample that was read.

        Args:
            now: The monotonic time, seconds.
            age: Of the sample, seconds since its capture.
            skipped: Whether the sensor had others since the last one that was read.
        """
        # Half an interval of slack lets a sensor tremble around its rate without waiting.
        self.due = max(self.due + self.interval, now + self.interval / 2)
        self._freshest = min(self._freshest, age)
        lag = age - self._freshest
        if self._moved:
            if lag < self._moved / 2:
                self._run = _RUN
            else:  # no sample is that fresh: back to where it was, as an older one may be taken now
                self._run = min(2 * self._run, _LONGEST_RUN)
                self.due += self._moved
                self._count = 0
            self._moved = 0.0
        least, most = min(self._least, lag), max(self._most, lag)
        if not self._count or most - least > _STEADY * self.interval:
            self._count, self._skipped, least, most = 0, False, lag, lag
        self._least, self._most = least, most
        self._skipped |= skipped
        self._count += 1
        if self._count < self._run:
            return
        self._count = 0
        if least > _SHORT * self.interval:
            self._moved = least + (-_AFTER if self._skipped else _BEFORE) * self.interval
            self.due = max(self.due - self._moved, now)

    def heard_nothing(self, asked: float, patience: float) -> None:
        """Note that the source had nothing.

        Args:
            asked: Monotonic time at which it was asked, seconds.
            patience: Seconds until it is asked again: one that fails at once must not be asked in
                a busy loop.
        """
        self.due = asked + patience
