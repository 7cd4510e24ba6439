"""Turns the percept stream into episodes on disk, in a thread of its own.

A `Recorder` is a listener for whoever receives percepts (`Awareness` takes listeners). Handing a
percept over costs the caller nothing but a place in a bounded queue; what does not fit is counted.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from sensebind.errors import StorageError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.segmentation import Segmenter, SegmentSettings
from sensebind.perception.percept import Percept

log = logging.getLogger(__name__)

_QUEUE = 256  # percepts: ten seconds of three senses while the disk hangs
_IDLE = 1.0  # seconds between two looks at what is to be done without percepts
_TIDY = 60.0  # seconds between two looks at the limits


class RecorderSettings(BaseModel):
    """How the memory is kept.

    Attributes:
        segments: When episodes end, by modality, such as {"audio": …}; others have the defaults.
        refresh: Seconds after which an episode that goes on is written as far as it has come: what
            a killed process loses of it at most.
        max_age: Seconds after which an episode is forgotten.
        max_bytes: What the file may hold before the oldest are forgotten.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    segments: Mapping[str, SegmentSettings] = {}
    refresh: float = Field(5.0, gt=0)
    max_age: float = Field(30 * 24 * 3600.0, gt=0)
    max_bytes: int = Field(2 << 30, ge=1 << 20)


@dataclass(frozen=True, slots=True)
class RecorderCounts:
    """What a recorder did since it was made.

    Attributes:
        percepts: Percepts taken. `dropped`: those for which the queue had no room.
        episodes: Episodes closed. `forgotten`: episodes that gave way to the limits.
        recovered: Episodes that a killed process had left open, closed as far as they had come.
        disordered: Percepts left out since they were not younger than the one before.
        failures: Percepts and tasks that the disk refused; the memory has a hole there.
    """

    percepts: int = 0
    dropped: int = 0
    episodes: int = 0
    forgotten: int = 0
    recovered: int = 0
    disordered: int = 0
    failures: int = 0


@dataclass(slots=True)
class _Stream:
    segmenter: Segmenter
    row: int = 0  # id of the episode that is going on; 0 between two
    written: float = 0.0  # monotonic


class Recorder:
    """Writes episodes. The one writer of its file; a context manager, `start` runs it."""

    def __init__(
        self,
        path: Path | str,
        settings: RecorderSettings | None = None,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the file, and close the episodes that a killed recorder left open in it.

        Args:
            path: Of the `EpisodeStore`; made when it is not there.
            settings: How the memory is kept.
            wall_ns: The time by which episodes grow old; for tests.
            clock: Seconds by which episodes are refreshed; for tests.

        Raises:
            StorageError: The file cannot be opened, is damaged, or is no memory.
        """
        self.store = EpisodeStore(path)
        self._settings = settings or RecorderSettings()
        self._wall_ns = wall_ns
        self._clock = clock
        self._streams: dict[str, _Stream] = {}
        self._queue: queue.Queue[Percept | None] = queue.Queue(_QUEUE)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._counts = RecorderCounts(recovered=self.store.close_open())
        self._tidied = self._synced = clock()
        self.tidy()

    @property
    def counts(self) -> RecorderCounts:
        """What was done so far."""
        disordered = sum(s.segmenter.disordered for s in list(self._streams.values()))
        return replace(self._counts, disordered=disordered)

    def start(self) -> None:
        """Take percepts from now on."""
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def __call__(self, percept: Percept) -> None:
        """Hand a percept over; never waits."""
        bare = Percept(percept.header, percept.embedding)  # the frame store keeps the sample
        try:
            self._queue.put_nowait(bare)
        except queue.Full:
            self._count(dropped=1)

    def record(self, percept: Percept) -> None:
        """Take a percept at once, in the caller's thread; for those who did not `start`.

        Raises:
            StorageError: The disk is full or fails.
        """
        header = percept.header
        stream = self._streams.get(header.stream)
        if stream is None:
            settings = self._settings.segments.get(header.modality.value)
            stream = self._streams[header.stream] = _Stream(Segmenter(settings))
        self._count(percepts=1)
        ended = stream.segmenter.take(percept)
        if ended is not None:
            self.store.put(replace(ended, id=stream.row))
            stream.row = 0
            self._count(episodes=1)
        now = self._clock()
        if not stream.row or now - stream.written >= self._settings.refresh:
            self._refresh(stream, now)

    def tidy(self) -> None:
        """Forget what is past the limits.

        Raises:
            StorageError: The disk fails.
        """
        # A clock that is wrong must not cost the memory: an episode is old only beside a newer one.
        now = min(self._wall_ns(), self.store.newest_end())
        gone = self.store.forget(
            max(now - int(self._settings.max_age * 1e9), 0), self._settings.max_bytes
        )
        self._count(forgotten=gone)
        self._tidied = self._clock()

    def stop(self) -> None:
        """End what is going on, write it, and close the file; may be called again."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        try:
            for stream in self._streams.values():
                if (ended := stream.segmenter.finish()) is not None:
                    self.store.put(replace(ended, id=stream.row))
                    self._count(episodes=1)
            self._streams.clear()
        finally:
            self.store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _refresh(self, stream: _Stream, now: float) -> None:
        """Write the episode that is going on as far as it has come."""
        current = stream.segmenter.current()
        if current is not None:
            stream.row = self.store.put(replace(current, id=stream.row))
            stream.written = now

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            try:
                with self.store.together():  # one commit for all that came meanwhile
                    for percept in batch:
                        self.record(percept)
                self._housekeep()
            except StorageError as error:
                log.error("%d percepts were not remembered: %s", len(batch), error)
                self._count(failures=max(1, len(batch)))
            except Exception:  # a bug costs these percepts, and not the memory from now on
                log.exception("%d percepts were not remembered", len(batch))
                self._count(failures=max(1, len(batch)))

    def _next(self) -> list[Percept] | None:
        """Wait for percepts and return all that are there; None at the end."""
        batch: list[Percept] = []
        try:
            while True:
                percept = self._queue.get(timeout=_IDLE) if not batch else self._queue.get_nowait()
                if percept is None:
                    if not batch:
                        return None
                    self._queue.put(None)
                    return batch
                batch.append(percept)
        except queue.Empty:
            return batch

    def _housekeep(self) -> None:
        now = self._clock()
        if now - self._synced >= self._settings.refresh:
            self.store.sync()
            self._synced = now
        if now - self._tidied >= _TIDY:
            self.tidy()

    def _count(self, **more: int) -> None:
        with self._lock:
            values = {name: getattr(self._counts, name) + n for name, n in more.items()}
            self._counts = replace(self._counts, **values)
