"""Reads one source in a thread of its own, and keeps the newest observation for the encoder.

The reader opens the source and opens it again when it fails for a while, paces it, repairs its
capture times, and sees whether anything has changed. The encoder takes what is there when it has
time: newest wins, and what was dropped is counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sensebind.errors import (
    ConfigurationError,
    EndedError,
    MissingDependencyError,
    SenseBindError,
    SourceError,
    UnusableSourceError,
    is_passing,
)
from sensebind.perception.bus.clock_sync import CaptureGuard
from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.percept import Observation
from sensebind.perception.sources.base import Source
from sensebind.perception.workers.beat import Beat
from sensebind.perception.workers.change_detector import change, digest
from sensebind.perception.workers.spec import WorkerSpec

log = logging.getLogger(__name__)

_PATIENCE = 0.2  # seconds that one look at the source may take
_REOPEN_WAIT = 0.5
_FAILURE_WAIT = 2.0
_FINAL = (UnusableSourceError, ConfigurationError, MissingDependencyError)
"""What no second try mends, unless it comes from a lack that may pass."""


@dataclass(frozen=True, slots=True)
class Work:
    """An observation for the encoder.

    Attributes:
        observation: What was captured.
        changed: False where the embedding before it still holds.
        digest: Of the observation, see `perception.change`.
    """

    observation: Observation
    changed: bool
    digest: np.ndarray | None


class StreamReader:
    """From source to the newest `Work`, for one stream.

    Args:
        spec: What to read.
        publisher: Its heartbeat reports the state of the stream.
        ready: Notified when there is work, or when the reader has ended.
        pulse: Returns `time.monotonic()` of the encoder's last step: a stream whose encoder hangs
            makes no progress, however well its source is.
        alone: Whether the process has no other stream. Then a source's bug ends the process, which
            is started again; next to others the source alone is opened again.

    Attributes:
        spec: What is read.
        failure: What ended the reader for good; None while it reads.
        refused: Observations so far that could not be encoded.
        unkept: Frames so far that could not be stored.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        publisher: Publisher,
        ready: threading.Condition,
        pulse: Callable[[], float],
        alone: bool,
    ) -> None:
        self.spec = spec
        self.interval = 1 / spec.rate
        """Seconds from one observation to the next; the encoder lengthens it when it is slower."""
        self.failure: Exception | None = None
        self.refused = 0
        self.unkept = 0
        self.note = ""
        """What heartbeats say of a stream that runs, such as that its frames are not kept."""
        self._publisher = publisher
        self._ready = ready
        self._pulse = pulse
        self._alone = alone
        self._guard = CaptureGuard()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"read-{spec.stream}", daemon=True)
        self._work: Work | None = None
        self._baseline: np.ndarray | None = None  # digest of what was encoded last
        self._published = float("-inf")
        self._state = ("starting", "")
        self._over = False  # the source has handed out everything
        self._unchanged = 0
        self._replaced = 0
        self._source: Source | None = None
        self._dropped_before = 0  # by sources that were closed since

    @property
    def dropped(self) -> int:
        """Observations so far that were captured and never became a percept for want of time."""
        source = self._source  # another thread may close it meanwhile
        now = source.dropped if source is not None else 0
        return self._dropped_before + now + self._replaced + self.refused

    @property
    def has_work(self) -> bool:
        """Whether `take` would return something."""
        return self._work is not None

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; `join` waits for it."""
        self._stop.set()

    def join(self, timeout: float) -> None:
        """Wait for the end of the thread, which closes its source."""
        self._thread.join(timeout)

    def take(self) -> Work | None:
        """Return the newest work, once."""
        with self._ready:
            work, self._work = self._work, None
            if work is not None:
                self._published = time.monotonic()
                if work.changed:
                    self._baseline = work.digest
            return work

    def refuse(self, error: Exception) -> None:
        """Note that the observation that was taken last could not be encoded."""
        with self._ready:
            self.refused += 1
            self._baseline = None  # its likes are not covered by an embedding
        log.warning("%s: observation refused: %s", self.spec.stream, error)
        self._report("waiting", str(error))

    def done(self) -> None:
        """Note that a percept of the observation that was taken last is out."""
        if not self._over:
            self._report("running", "")

    def _run(self) -> None:
        stream = self.spec.stream
        while not self._stop.is_set():
            wait = _REOPEN_WAIT
            try:
                source: Source = self.spec.source.build()
                with source:
                    self._source = source
                    self._read(source)
            except EndedError as error:
                self._rest(error)
                return
            except SenseBindError as error:
                if isinstance(error, _FINAL) and not is_passing(error):
                    # The worker's end knows no source's errors.
                    plain = isinstance(error, SourceError)
                    self._end(ConfigurationError(str(error)) if plain else error)
                    return
                log.warning("%s: %s; trying again", stream, error)
                self._report("waiting", str(error))
                wait = _REOPEN_WAIT if error.retryable else _FAILURE_WAIT
            except Exception as error:
                if self._alone:
                    self._end(error)
                    return
                log.exception("the source of %s failed; trying again", stream)
                self._report("waiting", f"{type(error).__name__}: {error}")
                wait = _FAILURE_WAIT
            if self._source is not None:
                self._dropped_before += self._source.dropped
                self._source = None
            self._stop.wait(wait)

    def _read(self, source: Source) -> None:
        """Hand over what an open source gives until stopped.

        Raises:
            EndedError: The source has handed out everything.
            SourceError: Nothing came for `reopen` seconds.
        """
        spec = self.spec
        heard = time.monotonic()
        beat, sequence = Beat(heard, self.interval), -1
        while not self._stop.wait(max(0.0, beat.due - time.monotonic())):
            asked = time.monotonic()
            try:
                observation = source.read_latest(spec.max_age, _PATIENCE)
            except (EndedError, UnusableSourceError):
                raise
            except SourceError as error:
                silent = time.monotonic() - heard
                if silent > spec.reopen:
                    raise
                self._report(*(("waiting", str(error)) if silent > spec.max_age else self._state))
                beat.heard_nothing(asked, _PATIENCE)
                continue
            heard = time.monotonic()
            observation = self._guard.check(observation)  # a wrong clock must not lead the beat
            beat.interval = self.interval
            beat.heard(heard, heard - observation.monotonic, observation.sequence != sequence + 1)
            sequence = observation.sequence
            self._offer(observation)
            self._report(*self._state)

    def _offer(self, observation: Observation) -> None:
        threshold = self.spec.threshold
        seen = digest(observation) if threshold else None
        with self._ready:
            changed = not threshold or change(self._baseline, seen) > threshold
            idle = time.monotonic() - self._published
            self._unchanged += not changed
            # Half an interval of slack here, too: a hair too early must not cost a whole interval.
            early = idle < self.spec.refresh - self.interval / 2
            if not changed and self._work is None and early:
                return
            self._replaced += self._work is not None and self._work.changed
            self._work = Work(observation, changed, seen)
            self._ready.notify_all()

    def _rest(self, error: EndedError) -> None:
        """Report the end of a source until stopped; nothing more will come."""
        if self._source is not None:
            self._dropped_before += self._source.dropped
            self._source = None
        log.info("%s: %s", self.spec.stream, error)
        self._over = True
        while True:  # what was taken last may be published after the first report
            self._report("ended", str(error))
            if self._stop.wait(_PATIENCE):
                return

    def _end(self, error: Exception) -> None:
        self._report("failed" if isinstance(error, _FINAL) else "waiting", str(error))
        with self._ready:
            self.failure = error
            self._ready.notify_all()

    def _report(self, state: str, detail: str) -> None:
        self._state = (state, detail)
        self._publisher.report(
            state,
            detail or self.note,
            self.dropped,
            progress=min(time.monotonic(), self._pulse()),
            rate=1 / self.interval,
            refused=self.refused,
            unchanged=self._unchanged,
            clamped=self._guard.clamped,
            unkept=self.unkept,
        )
