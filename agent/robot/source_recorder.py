"""Records sources as they are, and percepts of what they give, without a robot that runs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from sensebind.agent.robot.perceiver import Perceiver
from sensebind.agent.robot.pose_recorder import PoseRecorder
from sensebind.errors import InputError, SourceError
from sensebind.perception.frames.recording import Recorder
from sensebind.perception.percept import Observation
from sensebind.perception.sources.base import Source

_PATIENCE = 0.2  # seconds between looks at whether the recording is to end
_PAUSE = 0.5  # seconds before a source that failed is opened again


@dataclass(slots=True)
class SourceRecorder:
    """Records sources: a thread reads each, and the caller's thread makes the percepts.

    Used once.

    Attributes:
        recorder: Where observations and percepts are written; the caller closes it.
        stop: Ends the recording when it is set.
        troubles: The newest trouble of each stream.
        dropped: Observations of each stream that came faster than they were read.
        refused: Observations that could not be encoded.
        places: Writes where the robot is; None where nobody knows it.
    """

    recorder: Recorder
    stop: threading.Event
    troubles: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    places: PoseRecorder | None = None
    _newest: dict[str, Observation] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _failure: Exception | None = None

    def run(
        self, sources: list[Source], perceiver: Perceiver | None, seconds: float | None
    ) -> None:
        """Record until `stop` is set or the time is over.

        Args:
            sources: Not opened yet; they are opened again when they fail.
            perceiver: Makes percepts of the newest observations; None records observations alone.
            seconds: How long; None for as long as `stop` is not set.

        Raises:
            SenseBindError: The recording cannot go on, such as when the disk is full.
        """
        threads = [threading.Thread(target=self._read, args=(source,)) for source in sources]
        for thread in threads:
            thread.start()
        try:
            self._perceive(perceiver, None if seconds is None else time.monotonic() + seconds)
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()
        if self.places is not None and self._failure is None:
            self.places.write(now=True)
        if self._failure is not None:
            raise self._failure

    def summary(self) -> dict[str, Any]:
        """Return what was lost or went wrong, for people and as JSON."""
        return {"dropped": self.dropped, "refused": self.refused, "troubles": self.troubles}

    def _read(self, source: Source) -> None:
        try:
            while not self.stop.is_set():
                try:
                    with source:
                        self._record(source)
                except SourceError as error:
                    self.troubles[source.stream] = str(error)
                    self.stop.wait(_PAUSE)
        except Exception as error:  # a full disk or a missing package ends the recording
            self._failure = error
            self.stop.set()

    def _record(self, source: Source) -> None:
        silent_since = time.monotonic()
        while not self.stop.is_set():
            try:
                observation = source.read(_PATIENCE)
            except SourceError:
                if time.monotonic() - silent_since > 1.0:
                    raise
                self.stop.wait(0.01)
                continue
            silent_since = time.monotonic()
            self.recorder.observe(observation)
            self.dropped[source.stream] = source.dropped
            with self._news:
                self._newest[source.stream] = observation
                self._news.notify()

    def _perceive(self, perceiver: Perceiver | None, until: float | None) -> None:
        sequences: dict[str, int] = {}
        while not self.stop.is_set() and (until is None or time.monotonic() < until):
            if self.places is not None:
                self.places.write()
            with self._news:
                self._news.wait_for(lambda: self._newest, _PATIENCE)
                batch, self._newest = self._newest, {}
            for stream, observation in batch.items() if perceiver else ():
                assert perceiver is not None
                sequences[stream] = sequences.get(stream, 0) + 1
                try:
                    self.recorder.perceive(perceiver.perceive(observation, sequences[stream]))
                except InputError as error:
                    self.refused += 1
                    self.troubles[stream] = str(error)
