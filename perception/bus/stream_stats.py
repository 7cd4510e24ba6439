"""The bookkeeping of a subscriber: which messages of a stream came, and which never did."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_REMEMBERED_EPOCHS = 16


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What happened to one stream so far, as a subscriber saw it.

    Attributes:
        received: Percepts that arrived.
        superseded: Of these, how many gave way to a newer one before anybody looked.
        lost: Sequence numbers that were published and never arrived.
        gaps: How many times in a row of arrivals something was lost.
        duplicates: Percepts that came again, or late from a publisher that is gone.
        malformed: Messages that could not be understood.
        restarts: How many times the publisher of the stream was replaced by another.
        beats: Heartbeats that arrived.
        skipped: Observations that the worker left out because newer ones had come (its own count).
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


@dataclass(slots=True)
class Tally:
    """Counts one stream.

    Sequence numbers of an epoch begin at 1. Heartbeats carry the last number that was published,
    and come in order with the percepts, so that even a lost last one is noticed.
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
    _epoch: str | None = None
    _base: int = 0  # numbers up to here were published before this subscriber could hear them
    _counted: int = 0  # numbers up to here have been accounted for, as arrived or as lost
    _newest: int = 0  # the newest number that was handed on
    _former: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_EPOCHS))

    def percept(self, epoch: str, sequence: int) -> bool:
        """Count a percept.

        Returns:
            Whether it is news: False for a repetition, or for one from a former publisher.
        """
        if not self._enter(epoch, sequence - 1):
            self.duplicates += 1
            return False
        if sequence > self._counted:
            self._miss(sequence - 1)
            self._counted = sequence
        elif sequence <= self._newest:
            self.duplicates += 1
            return False
        elif sequence > self._base:
            self.lost -= 1  # a heartbeat had given it up
        self._newest = sequence
        self.received += 1
        return True

    def beat(self, epoch: str, sequence: int) -> bool:
        """Count a heartbeat that says `sequence` was the last number published.

        Returns:
            Whether it comes from the present publisher.
        """
        if not self._enter(epoch, sequence):
            return False
        self.beats += 1
        self._miss(sequence)
        return True

    def stats(self) -> StreamStats:
        """Return the counts as they are now."""
        return StreamStats(
            self.received, self.superseded, self.lost, self.gaps, self.duplicates,
            self.malformed, self.restarts, self.beats, self.skipped,
        )  # fmt: skip

    def _enter(self, epoch: str, unheard: int) -> bool:
        """Follow the stream into another epoch; False for one that is over."""
        if epoch == self._epoch:
            return True
        if epoch in self._former:
            return False
        if self._epoch is None:
            self._base = self._counted = max(unheard, 0)  # a late joiner has lost nothing
        else:
            self._former.append(self._epoch)
            self.restarts += 1
            self._base = self._counted = 0  # everything the new publisher sent is meant for us
        self._epoch = epoch
        self._newest = 0
        return True

    def _miss(self, until: int) -> None:
        if until > self._counted:
            self.lost += until - self._counted
            self.gaps += 1
            self._counted = until
