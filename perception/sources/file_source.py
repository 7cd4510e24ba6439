"""The frame of a source that plays what is stored, in its own time or as fast as it is read."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sensebind.errors import (
    ConfigurationError,
    EndedError,
    InputError,
    SourceError,
    StaleError,
    UnusableSourceError,
)
from sensebind.perception.modality import Modality
from sensebind.perception.observation import Observation

if TYPE_CHECKING:
    import numpy as np

_GAP = 0.1  # seconds that a lone sample lasts before it is played again


@dataclass(frozen=True, slots=True)
class Sample:
    """Something stored that becomes an observation when its time comes.

    Attributes:
        data: As in `Observation`.
        at: Its time in the recording, seconds from any beginning; never less than the last one's.
        captured_at: Wall clock at its capture, ns, where that is known; else it is captured now.
        sequence: Its number where it has one.
        frame_id: Of the sensor where that is known.
        rate: Of sound, Hz.
    """

    data: np.ndarray
    at: float
    captured_at: int | None = None
    sequence: int | None = None
    frame_id: str = ""
    rate: int = 0


class PlayedSource(ABC):
    """A source that plays samples; see `base.Source`.

    It has no thread: what is due is worked out when somebody asks. A subclass sets `modality` and
    yields what it has, in order of time, in `_samples`; what it cannot read it counts in `_refused`
    and leaves out.

    Args:
        stream: Name of the stream.
        name: What is played, for messages.
        speed: 1 plays in real time, 2 twice as fast; 0 gives the next sample whenever one is asked
            for, so that none is skipped.
        loop: Whether it begins again at the end.

    Attributes:
        modality: What kind of samples it gives.
        frame_id: Coordinate frame of the sensor, for samples that name none.

    Raises:
        ConfigurationError: The speed is negative.
    """

    modality: Modality
    frame_id = ""

    def __init__(self, stream: str, name: str, speed: float = 1.0, loop: bool = False) -> None:
        if not 0 <= speed < float("inf"):
            raise ConfigurationError(f"{stream}: a speed of {speed}; give 0 or more")
        self._stream = stream
        self._name = name
        self._speed = speed
        self._loop = loop
        self._iterator: Iterator[Sample] | None = None
        self._next: Sample | None = None
        self._begun = 0.0  # monotonic time at which the first sample was due
        self._origin = 0.0  # its time in the recording
        self._last = 0.0  # time in the recording of the sample that was taken last
        self._gap = _GAP
        self._rounds = 0
        self._sequence = 0
        self._dropped = 0
        self._refused = 0
        self._reason = ""  # why the first one was refused

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return self._stream

    @property
    def dropped(self) -> int:
        """Samples that were due and never handed out, because newer ones were due as well."""
        return self._dropped

    @property
    def refused(self) -> int:
        """Stored samples that could not be read and were left out."""
        return self._refused

    def __enter__(self) -> Self:
        """Open the file and find the first sample.

        Raises:
            UnusableSourceError: It cannot be read, or holds nothing of this kind.
            SourceError: It is open already.
            MissingDependencyError: A package for this kind of file is not installed.
        """
        if self._iterator is not None:
            raise SourceError(f"{self._stream} from {self._name} is open already")
        try:
            self._begin(time.monotonic())
        except SourceError as error:  # what is stored does not mend itself
            self._close()
            raise UnusableSourceError(str(error)) from error
        except BaseException:  # Ctrl-C too: without __enter__ there is no __exit__
            self._close()
            raise
        if self._next is None:
            self._close()
            raise UnusableSourceError(
                f"{self._name} holds nothing that can be played as {self._stream}{self._why()}"
            )
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._close()

    def read(self, timeout: float = 5.0) -> Observation:
        """The next sample, when it is due; see `Source.read`."""
        sample = self._await(time.monotonic() + timeout)
        if sample is None:
            raise SourceError(f"no observation of {self._stream} within {timeout:g} s")
        return self._take(sample)

    def read_latest(self, max_age: float, timeout: float = 0.0) -> Observation:
        """The newest sample that is due; see `Source.read_latest`."""
        deadline = time.monotonic() + timeout
        if (newest := self._await(deadline)) is None:
            raise SourceError(f"nothing new of {self._stream}")
        observation = self._take(newest)
        while self._speed and (newer := self._newer(observation, max_age, deadline)):
            self._dropped += 1
            observation = self._take(newer)
        if (age := time.monotonic() - observation.monotonic) > max_age:
            self._dropped += 1
            raise StaleError(
                f"the newest sample of {self._name} is {age:.2f} s old, {max_age:g} s are allowed"
            )
        return observation

    @abstractmethod
    def _samples(self) -> Iterator[Sample]:
        """Yield what is stored; raise `SourceError` or `InputError` where that cannot be read."""

    def _refuse(self, error: InputError | SourceError) -> None:
        """Count a sample that cannot be read, and keep the reason of the first for messages."""
        self._refused += 1
        self._reason = self._reason or str(error)

    def _why(self) -> str:
        """How many samples were refused and why, for the end of a message; "" if none was."""
        return f"; {self._refused} refused: {self._reason}" if self._reason else ""

    def _close(self) -> None:
        close = getattr(self._iterator, "close", None)  # of a generator: ends its with statements
        if close is not None:
            close()
        self._iterator = self._next = None

    def _peek(self) -> Sample | None:
        """The next sample, due or not; None at the end."""
        if self._iterator is None:
            raise SourceError(f"{self._stream} from {self._name} is closed: use a with statement")
        if self._next is None:
            try:
                self._next = next(self._iterator, None)
            except (InputError, SourceError) as error:
                self._refuse(error)  # nothing comes after it: the end names it
                raise SourceError(str(error)) from error
        return self._next

    def _begin(self, when: float) -> None:
        """Start from the beginning; the first sample is due at `when`."""
        self._iterator = self._samples()
        self._begun = when
        first = self._peek()
        self._origin = self._last = first.at if first else 0.0

    def _when(self, sample: Sample) -> float:
        """When a sample is due, monotonic; without a clock it always is."""
        return self._begun + (sample.at - self._origin) / self._speed if self._speed else 0.0

    def _await(self, deadline: float) -> Sample | None:
        """Wait for the next sample; None if it is not due before the deadline.

        Raises:
            EndedError: There is no next one.
            SourceError: It cannot be read.
        """
        if self._peek() is None and self._loop:
            self._rounds += 1
            self._begin(self._begun + (self._last - self._origin + self._gap) / (self._speed or 1))
        if (sample := self._peek()) is None:
            raise EndedError(f"{self._name} has ended{self._why()}")
        if (due := self._when(sample)) > time.monotonic():
            time.sleep(max(0.0, min(due, deadline) - time.monotonic()))
        return sample if due <= time.monotonic() else None

    def _newer(self, than: Observation, max_age: float, deadline: float) -> Sample | None:
        """A sample that is due after one that was taken; waits for it if that one is stale."""
        if self._peek() is None:
            return None
        stale = time.monotonic() - than.monotonic > max_age
        return self._await(deadline if stale else 0.0)

    def _take(self, sample: Sample) -> Observation:
        """Make an observation of a sample that is due."""
        self._next = None
        self._gap = sample.at - self._last if sample.at > self._last else self._gap
        self._last = sample.at
        now = time.monotonic()
        due = self._when(sample) if self._speed else now
        captured_at = sample.captured_at
        if captured_at is None or self._rounds:  # another round is not a repetition
            captured_at = time.time_ns() - round((now - due) * 1e9)
        stored = None if self._rounds else sample.sequence
        self._sequence = self._sequence + 1 if stored is None else stored
        return Observation(
            data=sample.data,
            stream=self._stream,
            modality=self.modality,
            captured_at=captured_at,
            monotonic=due,
            sequence=self._sequence,
            frame_id=sample.frame_id or self.frame_id,
            rate=sample.rate,
        )
