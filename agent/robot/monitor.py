"""Listens to a bus and reports how each stream is doing: for `top`, /metrics and viewers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from sensebind.perception.bus.curve_keys import KeyRing
from sensebind.perception.bus.listener import Listener
from sensebind.perception.bus.pubsub import Heartbeat, News
from sensebind.perception.bus.stream_stats import Arrivals, StreamStats
from sensebind.perception.bus.watch_report import WatchReport, WorkerReport
from sensebind.perception.percept import Percept, PerceptHeader

SILENT = 2.0
"""Seconds without a heartbeat after which a worker counts as silent."""
_WITHOUT_PROCESS = frozenset({"restarting", "resting", "failed", "stopped"})
"""States that the supervisor knows better than the last heartbeat of a worker that has ended."""
_WITHOUT_HEARTBEAT = _WITHOUT_PROCESS | {"starting"}


@dataclass(frozen=True, slots=True)
class StreamRow:
    """How a stream is doing.

    Attributes:
        stream: Name of the stream.
        modality: Modality that it perceives, "" before the first percept.
        state: Of the worker, as its heartbeats or the supervisor say; "silent" without either.
        detail: Why, in words.
        rate: Percepts per second lately.
        aim: Percepts per second that the worker aims at, as far as its encoder keeps up.
        age_ms: Age of the newest observation, ms; infinite before the first.
        encode_ms: Duration of the newest encoding, ms.
        memory: Resident memory of the worker, bytes.
        received: Percepts that arrived.
        superseded: Percepts of these that were replaced by a newer one before anybody read them.
        lost: Percepts that were published and never arrived.
        gaps: How many times in a row of arrivals something was lost.
        malformed: Messages that could not be understood.
        dropped: Observations that were skipped because newer ones had come.
        refused: Observations that were malformed.
        unchanged: Observations that were not encoded because they looked like the one before.
        clamped: Capture times that could not be true and were repaired.
        unkept: Frames that could not be stored.
        turned_away: Connection attempts without a key that is allowed.
        restarts: How many times the worker was started again.
        pid: Process id of the worker; 0 before its first heartbeat.
        rivals: Percepts left out as they come from another publisher of the same name.
        publishers: Who publishes under this name, where that is more than one.
    """

    stream: str
    modality: str
    state: str
    detail: str
    rate: float
    aim: float
    age_ms: float
    encode_ms: float
    memory: int
    received: int
    superseded: int
    lost: int
    gaps: int
    malformed: int
    dropped: int
    refused: int
    unchanged: int
    clamped: int
    unkept: int
    turned_away: int
    restarts: int
    pid: int
    rivals: int = 0
    publishers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WatchRow:
    """How the supervisor of a robot is doing.

    Attributes:
        robot: Names it: the first of its streams.
        age: Seconds since its last report; beyond `SILENT` nobody watches the workers.
        errors: Errors in the watching thread, after which watching went on.
        revived: Times that the watching thread had ended and was started again.
        lost: Why the robot does not know where it is; "" where it does, or follows nothing.
    """

    robot: str
    age: float
    errors: int
    revived: int
    lost: str = ""


@dataclass(slots=True)
class _Seen:
    header: PerceptHeader | None = None
    encode_ms: float = 0.0
    arrivals: Arrivals = field(default_factory=Arrivals)
    beat: Heartbeat | None = None
    beaten: float = float("-inf")
    report: WorkerReport | None = None
    reported: float = float("-inf")


class Monitor:
    """Listens in a thread of its own. A context manager; methods are thread-safe.

    Args:
        endpoints: Of publishers or proxies.
        keys: Needed for those on other machines.
        listeners: Called with every percept in the listening thread.
        expected: Streams that are shown even before they are heard of.
    """

    def __init__(
        self,
        endpoints: Iterable[str],
        keys: KeyRing | None = None,
        listeners: Sequence[Callable[[Percept], None]] = (),
        expected: Iterable[str] = (),
    ) -> None:
        self._seen: dict[str, _Seen] = {stream: _Seen() for stream in expected}
        self._watches: dict[str, tuple[WatchReport, float]] = {}
        self._listener = Listener("the monitor", endpoints, self._take, listeners, keys=keys)

    def start(self) -> None:
        """Connect and listen.

        Raises:
            BusError: An endpoint is refused or malformed, or its key is not allowed.
        """
        self._listener.start()

    def stop(self) -> None:
        """Disconnect and join the thread; may be called again."""
        self._listener.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def rows(self) -> list[StreamRow]:
        """Return how each stream is doing, by name.

        Raises:
            BusError: The listening thread has failed.
        """
        with self._listener.changed:
            self._listener.check()
            now, stats = time.monotonic(), self._listener.stats()
            return [
                _row(name, seen, stats.get(name, StreamStats()), now)
                for name, seen in sorted(self._seen.items())
            ]

    def watches(self) -> list[WatchRow]:
        """Return how the supervisors are doing that were heard of, by name.

        Raises:
            BusError: The listening thread has failed.
        """
        with self._listener.changed:
            self._listener.check()
            now = time.monotonic()
            return [
                WatchRow(name, now - came, report.errors, report.revived, report.lost)
                for name, (report, came) in sorted(self._watches.items())
            ]

    def malformed(self) -> int:
        """Return how many messages belonged to no stream that is known."""
        return self._listener.stats().get("", StreamStats()).malformed

    def _take(self, news: News, now: float) -> None:
        for name, beat in news.heartbeats.items():
            seen = self._seen.setdefault(name, _Seen())
            seen.beat, seen.beaten = beat, now
        for name, report in news.reports.items():
            self._watches[name] = (report, now)
            for one in report.workers:
                seen = self._seen.setdefault(one.stream, _Seen())
                seen.report, seen.reported = one, now
        for name, percept in news.percepts.items():
            seen = self._seen.setdefault(name, _Seen())
            seen.header = percept.header
            seen.encode_ms = percept.header.encode_ms or seen.encode_ms
            seen.arrivals.add(now)


def _row(name: str, seen: _Seen, stats: StreamStats, now: float) -> StreamRow:
    header, beat = seen.header, seen.beat
    alive = beat is not None and now - seen.beaten < SILENT
    state, detail = (beat.state, beat.detail) if beat is not None and alive else ("silent", "")
    report = seen.report if now - seen.reported < SILENT else None
    known = _WITHOUT_HEARTBEAT if state == "silent" else _WITHOUT_PROCESS
    if report is not None and report.state in known:
        state, detail = report.state, report.detail
    last = beat or Heartbeat(stream="none", epoch="", sequence=0, monotonic=0.0)
    return StreamRow(
        stream=name,
        modality=header.modality.value if header else "",
        state=state,
        detail=detail,
        rate=seen.arrivals.rate(now),
        aim=last.rate,
        age_ms=1000 * (now - header.monotonic) if header else float("inf"),
        encode_ms=seen.encode_ms,
        memory=last.memory,
        received=stats.received,
        superseded=stats.superseded,
        lost=stats.lost,
        gaps=stats.gaps,
        malformed=stats.malformed,
        dropped=last.dropped,
        refused=last.refused,
        unchanged=last.unchanged,
        clamped=last.clamped,
        unkept=last.unkept,
        turned_away=last.turned_away,
        restarts=max(last.restarts, stats.restarts, report.restarts if report else 0),
        pid=last.pid,
        rivals=stats.rivals,
        publishers=stats.publishers,
    )
