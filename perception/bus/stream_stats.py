"""The bookkeeping of a subscriber: which messages of a stream came, and which never did."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace

WINDOW = 3.0
"""Seconds over which rates are taken."""
_REMEMBERED_ARRIVALS = 256
_REMEMBERED_EPOCHS = 16
_LATE = 1.0  # seconds after its end at which nothing of a publisher is still on its way
_ALIVE = 3.0  # seconds of silence after which a publisher is gone


@dataclass(slots=True)
class StreamStats:
    """What happened to one stream so far, as a subscriber saw it.

    Attributes:
        received: Percepts that arrived and were news.
        superseded: Of these, how many were dropped for a newer one before anybody looked.
        lost: Sequence numbers that were published and never arrived.
        gaps: How many times in a row of arrivals something was lost.
        duplicates: Percepts that came again, or late from a publisher that is gone.
        malformed: Messages that could not be understood.
        restarts: How many times the publisher of the stream was replaced by another.
        beats: Heartbeats of the publisher that is listened to.
        skipped: Observations that the worker left out because newer ones had come (its own count).
        rivals: Percepts that were left out because another publisher, which is alive as well, uses
            the name of the stream.
        publishers: Who publishes under this name now, where that is more than one: the one that is
            listened to first.
    """

    received: int = 0
    superseded: int = 0
    lost: int = 0
    gaps: int = 0
    duplicates: int = 0
    malformed: int = 0
    restarts: int = 0
    beats: int = 0
    skipped: int = 0
    rivals: int = 0
    publishers: tuple[str, ...] = ()


class Arrivals:
    """When percepts of a stream arrived lately, which gives its rate."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=_REMEMBERED_ARRIVALS)

    def add(self, now: float) -> None:
        """Note an arrival.

        Args:
            now: `time.monotonic()`, seconds.
        """
        self._times.append(now)

    def clear(self) -> None:
        """Forget them."""
        self._times.clear()

    def rate(self, now: float) -> float:
        """Return arrivals per second within the last `WINDOW` seconds; 0 of fewer than two.

        Args:
            now: `time.monotonic()`, seconds.
        """
        recent = [at for at in self._times if now - at < WINDOW]
        span = recent[-1] - recent[0] if recent else 0.0
        return (len(recent) - 1) / span if span > 0 else 0.0


@dataclass(slots=True)
class Tally:
    """Counts one stream.

    Sequence numbers of an epoch begin at 1. Heartbeats carry the last number that was published,
    and come in order with the percepts, so that even a lost last one is noticed. The publisher that
    was heard first last is listened to. One before it that goes on sending has not been restarted:
    it is another one with the same name of the stream. It is listened to again when the one that
    took its place has been silent for `_ALIVE` seconds.

    Attributes:
        counts: Of the stream so far, but for its publishers.
    """

    counts: StreamStats = field(default_factory=StreamStats)
    _epoch: str | None = None
    _base: int = 0  # numbers up to here were published before this subscriber could hear them
    _counted: int = 0  # numbers up to here have been accounted for, as arrived or as lost
    _newest: int = 0  # the newest number that was handed on
    _entered: float = 0.0  # when the present publisher was heard first, monotonic
    _heard: float = 0.0  # when it was heard last
    _former: dict[str, int] = field(default_factory=dict)  # the last number of each
    _alive: dict[str, float] = field(default_factory=dict)  # rivals, and when they were heard last
    _names: dict[str, str] = field(default_factory=dict)

    def percept(self, epoch: str, sequence: int) -> bool:
        """Count a percept.

        Returns:
            Whether it is news: False for a repetition, or for one from another publisher than the
            one that is listened to.
        """
        if not self._enter(epoch, sequence - 1):
            if sequence > self._former[epoch] and self._is_alive(epoch):
                self.counts.rivals += 1
                self._former[epoch] = sequence
            else:
                self.counts.duplicates += 1
            return False
        if sequence > self._counted:
            self._miss(sequence - 1)
            self._counted = sequence
        elif sequence <= self._newest:
            self.counts.duplicates += 1
            return False
        elif sequence > self._base:
            self.counts.lost -= 1  # a heartbeat had given it up
        self._newest = sequence
        self.counts.received += 1
        return True

    def beat(self, epoch: str, sequence: int, name: str = "") -> bool:
        """Count a heartbeat that says `sequence` was the last number published.

        Args:
            epoch: Names the start of the publisher.
            sequence: The last number that it published.
            name: What to call the publisher in reports.

        Returns:
            Whether it comes from the publisher that is listened to.
        """
        self._names[epoch] = name or epoch
        if not self._enter(epoch, sequence):
            self._is_alive(epoch)
            return False
        self.counts.beats += 1
        self._miss(sequence)
        return True

    def stats(self) -> StreamStats:
        """Return the counts as they are now."""
        lately = time.monotonic() - _ALIVE
        others = [epoch for epoch, at in self._alive.items() if at > lately]
        here = [self._epoch, *others] if others and self._epoch else []
        return replace(
            self.counts, publishers=tuple(self._names.get(epoch, epoch) for epoch in here)
        )

    def _enter(self, epoch: str, unheard: int) -> bool:
        """Follow the stream into another epoch; False for one that is over."""
        now = time.monotonic()
        if epoch == self._epoch:
            self._heard = now
            return True
        known = epoch in self._former
        if known and (epoch not in self._alive or now - self._heard <= _ALIVE):
            return False
        if self._epoch is None:
            self._base = self._counted = max(unheard, 0)  # a late joiner has lost nothing
        else:
            self._former[self._epoch] = self._newest
            if len(self._former) > _REMEMBERED_EPOCHS:
                gone = next(iter(self._former))
                for kept in (self._former, self._alive, self._names):
                    kept.pop(gone, None)
            self.counts.restarts += 1
            # Everything a new publisher sent is meant for us; of a rival we have left it out.
            self._newest = self._former.pop(epoch, 0)
            self._base = self._counted = max(unheard, self._newest) if known else 0
        self._epoch = epoch
        self._alive.pop(epoch, None)
        self._entered = self._heard = now
        return True

    def _is_alive(self, epoch: str) -> bool:
        """Whether one who published before is still there, by what has just come of it."""
        now = time.monotonic()
        if epoch not in self._alive:
            if now - self._entered <= _LATE:
                return False
            self.counts.restarts -= 1  # nobody was restarted: there are two
        self._alive[epoch] = now
        return True

    def _miss(self, until: int) -> None:
        if until > self._counted:
            self.counts.lost += until - self._counted
            self.counts.gaps += 1
            self._counted = until
