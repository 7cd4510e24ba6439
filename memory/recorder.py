"""Turns the percept stream into episodes on disk, in a thread of its own.

A `Recorder` is a listener for whoever receives percepts (`Awareness` takes listeners). Handing a
percept over costs the caller nothing but a place in a bounded queue; what does not fit is counted.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from sensebind.errors import StorageError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.episodes import Episode
from sensebind.memory.segmentation import Segmenter, SegmentSettings
from sensebind.perception.geometry.pose import Pose
from sensebind.perception.percept import Percept
from sensebind.perception.storage.arrival_clock import ArrivalClock
from sensebind.perception.storage.private_files import make_private
from sensebind.perception.storage.spans import Span, covered

log = logging.getLogger(__name__)

_QUEUE = 256  # percepts: ten seconds of three senses while the disk hangs
_IDLE = 1.0  # seconds between two looks at what is to be done without percepts
_CLOSED = 512  # episodes that wait for a disk that refuses them
_TIDY = 60.0  # seconds between two looks at the limits


class RecorderSettings(BaseModel):
    """How the memory is kept.

    Attributes:
        segments: When episodes end, by modality, such as {"audio": …}; others have the defaults.
        refresh: Seconds after which an episode that goes on is written as far as it has come: what
            a killed process loses of it at most.
        max_age: Seconds after its arrival after which an episode is forgotten.
        max_bytes: What the file may hold before those that came first are forgotten.
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
        percepts: Percepts taken.
        dropped: Percepts for which the queue had no room.
        episodes: Episodes closed.
        forgotten: Episodes deleted to keep the limits.
        recovered: Episodes that a killed process had left open, closed as far as they had come.
        disordered: Percepts left out since they were not younger than the one before.
        failures: Percepts and tasks that the disk refused at first. Episodes are written when it
            recovers; only if it refuses hundreds of them does the memory have a hole.
    """

    percepts: int = 0
    dropped: int = 0
    episodes: int = 0
    forgotten: int = 0
    recovered: int = 0
    disordered: int = 0
    failures: int = 0


@dataclass(slots=True)
class _Row:
    """Where an episode stands in the file.

    Attributes:
        number: Its id; 0 while it has none.
        kept: Whether the transaction that gave it the id was kept.
    """

    number: int = 0
    kept: bool = True

    def put(self, store: EpisodeStore, episode: Episode, at: int) -> None:
        """Write the episode."""
        number = store.put(replace(episode, id=self.number), at)
        if number != self.number:
            self.number, self.kept = number, not store.in_transaction

    def ended(self, kept: bool) -> None:
        """The transaction ended: an id of one that was not kept belongs to nobody."""
        if not self.kept and not kept:
            self.number = 0
        self.kept = True


@dataclass(slots=True)
class _Closed:
    """An episode that ended, until the file has it.

    Attributes:
        episode: Whole.
        at: When its last percept came, ns.
        row: Where it stands as far as it was written while it went on.
        written: Whether it was written in the transaction that goes on.
    """

    episode: Episode
    at: int
    row: _Row
    written: bool = False


@dataclass(slots=True)
class _Stream:
    segmenter: Segmenter
    row: _Row = field(default_factory=_Row)  # of the episode that is going on
    written: float = -math.inf  # monotonic
    at: int = 0  # when its last percept came, ns


class Recorder:
    """Writes episodes. The one writer of its file; a context manager, `start` runs it.

    Attributes:
        store: The open file that it writes to.
    """

    def __init__(
        self,
        path: Path | str,
        settings: RecorderSettings | None = None,
        *,
        where: Callable[[int, float], Pose | None] | None = None,
        wall_ns: Callable[[], int] = time.time_ns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the file, and close the episodes that a killed recorder left open in it.

        Args:
            path: Of the `EpisodeStore`; made when it is not there.
            settings: How the memory is kept.
            where: Returns where the robot was, for a time of the wall clock (ns) and the same of
                the monotonic clock (seconds), as `PoseTrack.of` does; None for a robot that does
                not know it.
            wall_ns: The time by which episodes grow old; for tests.
            clock: Seconds by which episodes are refreshed; for tests.

        Raises:
            StorageError: The file cannot be opened, is damaged, is no memory, or another recorder
                writes to it.
        """
        self._settings = settings or RecorderSettings()
        self._clock, self._wall_ns, self._where = clock, wall_ns, where
        self._erased: list[Span] = []  # by the last `erase`
        self._streams: dict[str, _Stream] = {}
        self._closed: deque[_Closed] = deque()
        self._queue: queue.Queue[Percept | None] = queue.Queue(_QUEUE)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._work = threading.RLock()  # held while percepts become episodes
        with contextlib.ExitStack() as opened:
            opened.enter_context(_sole_writer(Path(path)))
            self.store = opened.enter_context(EpisodeStore(path))
            self._counts = RecorderCounts(recovered=self.store.close_open())
            newest = self.store.newest_arrival()
            self._arrivals = ArrivalClock(newest, wall_ns=wall_ns, clock=clock)
            self.store.when_ended(self._transaction_ended)
            self._tidied = self._synced = clock()
            self.tidy()
            self._opened = opened.pop_all()

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
        with self._work:
            self._take(percept)
            self._write(*({percept.header.stream} & self._streams.keys()))

    def erase(self, spans: Sequence[Span], *, dry: bool = False) -> dict[str, int]:
        """Erase what was perceived, also what waits to be written; see `EpisodeStore.erase`."""
        with self._work:
            if not dry:
                self._drop(spans)
            return self.store.erase(spans, dry=dry)

    def _drop(self, spans: Sequence[Span]) -> None:
        """Drop what is not in the file yet, or would be written again as it goes on."""
        now = self._wall_ns()  # what waits in the queue was captured before; what is to come, not
        self._erased = [Span(one.since, min(one.until, now), one.stream) for one in spans]

        def goes(episode: Episode | None) -> bool:
            return episode is not None and any(
                span.stream in ("", episode.stream)
                and span.overlaps(episode.started_at, episode.ended_at)
                for span in spans
            )

        self._closed = deque(one for one in self._closed if not goes(one.episode))
        for name, stream in list(self._streams.items()):
            if goes(stream.segmenter.current()):
                del self._streams[name]  # the next percept begins an episode

    def _take(self, percept: Percept) -> None:
        """Take a percept into memory; nothing is written, so nothing can fail half-way."""
        header = percept.header
        if covered(self._erased, header.stream, header.captured_at):
            return
        stream = self._streams.get(header.stream)
        if stream is None:
            settings = self._settings.segments.get(header.modality.value)
            stream = self._streams[header.stream] = _Stream(Segmenter(settings))
        self._count(percepts=1)
        where = self._where
        pose = where(header.captured_at, header.monotonic) if where is not None else None
        if (ended := stream.segmenter.take(percept, pose)) is not None:
            self._end(stream, ended)
        stream.at = self._arrivals.now()

    def _end(self, stream: _Stream, ended: Episode) -> None:
        self._closed.append(_Closed(ended, stream.at, stream.row))
        stream.row, stream.written = _Row(), -math.inf
        self._count(episodes=1)
        if len(self._closed) > _CLOSED:  # the disk has refused everything for long
            self._closed.popleft()
            self._count(failures=1)

    def _write(self, *names: str) -> None:
        """Write what ended, and of these streams what goes on if it is time."""
        for closed in list(self._closed):
            if not closed.written:
                closed.written = True  # before a commit at once asks for it
                try:
                    closed.row.put(self.store, closed.episode, closed.at)
                except StorageError:
                    closed.written = False
                    raise
        now = self._clock()
        for name in names:
            stream = self._streams[name]
            if now - stream.written >= self._settings.refresh:
                current = stream.segmenter.current()
                if current is not None:
                    stream.row.put(self.store, current, stream.at)
                    stream.written = now

    def _transaction_ended(self, kept: bool) -> None:
        for closed in list(self._closed):
            closed.row.ended(kept)
            if closed.written and kept:
                self._closed.remove(closed)
            closed.written = False
        for stream in self._streams.values():
            stream.row.ended(kept)
            if not kept:
                stream.written = -math.inf

    def tidy(self) -> None:
        """Forget what is past the limits.

        Raises:
            StorageError: The disk fails.
        """
        # An episode is old by when it came, and only next to a newer one: neither a clock that is
        # wrong nor the stamp of a percept costs the memory.
        now = self._arrivals.now()
        if (correction := self._arrivals.correction()) is not None:
            since, by = correction
            self.store.correct_arrivals(since, by)
            for waiting in (*self._closed, *self._streams.values()):
                waiting.at += by
        now = min(now, self.store.newest_arrival())
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
                    self._end(stream, ended)
            if self._closed:
                with self.store.together():
                    self._write()
            self._streams.clear()
        finally:
            self._opened.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            with self._work:
                self._process(batch)

    def _process(self, batch: list[Percept]) -> None:
        streams: dict[str, None] = {}
        for percept in batch:
            try:
                self._take(percept)
                if percept.header.stream in self._streams:
                    streams[percept.header.stream] = None
            except Exception:  # a bug costs this percept, and not the memory from now on
                log.exception("a percept of %s was not remembered", percept.header.stream)
                self._count(failures=1)
        try:
            if streams or self._closed:
                with self.store.together():  # one commit for all that came meanwhile
                    self._write(*streams)
            self._housekeep()
        except StorageError as error:
            log.error("%d percepts are not written yet: %s", len(batch), error)
            self._count(failures=max(1, len(batch)))
        except Exception:
            log.exception("%d percepts are not written yet", len(batch))
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


@contextlib.contextmanager
def _sole_writer(path: Path) -> Iterator[None]:
    """Lock a memory for one recorder, in a file next to it.

    The file itself cannot be locked: to open and close it once more would end SQLite's own locks.

    Raises:
        StorageError: Another recorder writes to it, in this process or another.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        make_private(lock)
        file = lock.open("r+b")
    except OSError as error:
        raise StorageError(f"the memory {path} cannot be opened: {error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StorageError(
                f"the memory {path} has a writer already: stop the other robot, or give this one "
                "another file"
            ) from error
        yield
