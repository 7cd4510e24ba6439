"""Perceives a recording again, and compares the percepts with those that were recorded."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from sensebind.agent.robot.perceiver import Perceiver
from sensebind.errors import ConfigurationError
from sensebind.perception.frames.recording import Recorded, Recording
from sensebind.perception.percept import Observation, Percept

_REMEMBERED = 64  # observations of a stream that wait for their percept


@dataclass(slots=True)
class Comparison:
    """What a replay found out about one stream.

    Attributes:
        observations: Number of observations in the recording.
        percepts: Number of percepts in the recording.
        identical: Percepts that came out the same, bit for bit.
        different: Percepts that did not, although weights, cache and observation are the same.
        close: Percepts that did not, and need not: see `Recorded.exact`.
        unchanged: Percepts that stand for an earlier observation.
        other_weights: Percepts that were made by other weights or another cache.
        unmatched: Percepts whose observation is not in the recording.
        largest: Largest difference of a component among those that should be the same.
    """

    observations: int = 0
    percepts: int = 0
    identical: int = 0
    different: int = 0
    close: int = 0
    unchanged: int = 0
    other_weights: int = 0
    unmatched: int = 0
    largest: float = 0.0


@dataclass(slots=True)
class Replayer:
    """Perceives a recording again. Used once.

    Attributes:
        recording: What is perceived.
        perceiver: Perceives it.
        results: What came out, by stream.
    """

    recording: Recording
    perceiver: Perceiver
    results: dict[str, Comparison] = field(default_factory=dict)

    def run(
        self, speed: float, stop: threading.Event, wait: Callable[[], bool]
    ) -> Iterator[tuple[float, str, str]]:
        """Yield when each percept was recorded, its stream, and how it compares.

        Args:
            speed: 1 is real time, 0 as fast as the machine encodes.
            stop: Ends the replay when it is set.
            wait: Called before each percept; False ends the replay.

        Yields:
            Seconds since the first entry, the name of the stream, and the verdict in words.

        Raises:
            InputError: The file cannot be read, or was not recorded by SenseBind.
            ConfigurationError: The speed is negative or infinite.
        """
        streams = self.recording.streams()
        self.results |= {stream: Comparison() for stream in streams}
        waiting: dict[str, OrderedDict[str, Recorded]] = {s: OrderedDict() for s in streams}
        for at, recorded in _paced(self.recording, speed, stop):
            entry = recorded.entry
            if isinstance(entry, Observation):
                self.results[entry.stream].observations += 1
                mine = waiting[entry.stream]
                mine[entry.reference] = recorded
                if len(mine) > _REMEMBERED:
                    mine.popitem(last=False)
                continue
            if not wait():
                return
            stream = entry.header.stream
            result = self.results.setdefault(stream, Comparison())
            source = waiting.get(stream, {}).get(entry.header.observation)
            yield at, stream, _compare(entry, source, self.perceiver, result)


def _paced(
    recording: Recording, speed: float, stop: threading.Event
) -> Iterator[tuple[float, Recorded]]:
    """Entries with their time since the first one, each when it is due."""
    if not 0 <= speed < float("inf"):
        raise ConfigurationError(f"a speed of {speed}; give 0 or more")
    first: float | None = None
    begun = time.monotonic()
    for recorded in recording:
        first = recorded.at if first is None else first
        at = recorded.at - first
        wait = begun + at / speed - time.monotonic() if speed else 0.0
        if stop.wait(max(0.0, wait)):
            return
        yield at, recorded


def _compare(
    then: Percept, source: Recorded | None, perceiver: Perceiver, result: Comparison
) -> str:
    """Perceive again; count and say how it came out."""
    result.percepts += 1
    if then.header.unchanged:
        result.unchanged += 1
        return "like the one before"
    if source is None or not isinstance(source.entry, Observation):
        result.unmatched += 1
        return "its observation is not in the recording"
    now = perceiver.perceive(source.entry)
    if (now.header.model, now.header.cache) != (then.header.model, then.header.cache):
        result.other_weights += 1
        return "perceived by other weights"
    gap = float(np.abs(now.embedding - then.embedding).max())
    if gap == 0.0 and now.header.present == then.header.present:
        result.identical += 1
        return "identical" if then.header.present else "identical, nothing perceived"
    if not source.exact:
        result.close += 1
        return f"close, differs by {gap:.2g}"
    result.different += 1
    result.largest = max(result.largest, gap)
    return f"differs by {gap:.2g}"
